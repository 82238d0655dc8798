//! `lazycat serve`: a catalog directory over HTTP, for a browser and for readers of its assets.
//!
//! Layout:
//! - `target`, `range`, `etag`, `media`: what a request asks for; pure
//! - `directory`: opens files inside the directory; blocks
//! - `respond`, `router`: from a request to a response; [`router`] is where further routes are added
//! - `connections`, `patience`: accepts connections and bounds them

mod connections;
mod directory;
mod etag;
mod media;
mod patience;
mod range;
mod respond;
mod router;
mod target;

use std::future::Future;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::net::TcpListener;

use self::directory::Directory;

/// STAC Browser as its makers publish it; it opens any catalog that a web browser can reach.
const BROWSER: &str = "https://radiantearth.github.io/stac-browser/#/external/";

/// Serve a catalog directory over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat serve catalog
  lazycat serve catalog --addr 127.0.0.1:0    on any port that is free")]
pub(crate) struct Args {
    /// The catalog directory: the one that holds the root catalog.json.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000", value_parser = address)]
    addr: SocketAddr,
}

/// Serves until the process is told to stop.
pub(crate) fn execute(args: &Args) -> ExitCode {
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lazycat serve: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<(), String> {
    let directory =
        Directory::open(&args.directory).map_err(|error| crate::explain::directory(&args.directory, &error))?;
    if !directory.has_root_catalog() {
        eprintln!(
            "lazycat serve: {} has no catalog.json yet; serving it all the same, its address answers 404 until then",
            args.directory.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|error| format!("the asynchronous runtime did not start: {error}"))?;
    runtime.block_on(listen(args.addr, directory))?;
    // A read that hangs, on a network disk say, must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

async fn listen(addr: SocketAddr, directory: Directory) -> Result<(), String> {
    let stop = stop_signal().map_err(|error| format!("signals cannot be received: {error}"))?;
    let listener = TcpListener::bind(addr).await.map_err(|error| address_error(addr, &error))?;
    let bound = listener.local_addr().map_err(|error| address_error(addr, &error))?;
    announce(&mut io::stdout().lock(), bound);
    connections::serve(listener, router::router(directory), stop).await;
    Ok(())
}

/// Says where the catalog is: its address alone on the first line, for programs, then how to look at it. A reader that
/// has gone away does not stop the server.
fn announce(out: &mut impl Write, bound: SocketAddr) {
    let reachable = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port())),
        _ => bound,
    };
    let lines =
        format!("http://{reachable}/catalog.json\nopen it in STAC Browser: {BROWSER}http:/{reachable}/catalog.json\n");
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// Ready at the first SIGINT or SIGTERM. A second one, sent by someone who does not want to wait, ends the process at
/// once.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                std::process::exit(1);
            });
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000".to_owned())
}

fn address_error(addr: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("--addr: {addr} is in use; stop what listens there, or choose another port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("--addr: {addr} is not allowed to this user; choose a port from 1024 up")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("--addr: {addr} is no address of this machine; use 127.0.0.1 or 0.0.0.0")
        }
        _ => format!("--addr: cannot listen on {addr}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn announced(bound: &str) -> String {
        let mut out = Vec::new();
        announce(&mut out, bound.parse().unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_address_stands_alone_on_the_first_line() {
        let text = announced("127.0.0.1:4321");
        assert_eq!(
            text,
            "http://127.0.0.1:4321/catalog.json\n\
             open it in STAC Browser: https://radiantearth.github.io/stac-browser/#/external/http:/127.0.0.1:4321/catalog.json\n"
        );
    }

    #[test]
    fn an_unspecified_address_is_announced_as_one_that_can_be_opened() {
        assert!(announced("0.0.0.0:80").starts_with("http://127.0.0.1:80/catalog.json\n"));
        assert!(announced("[::]:80").starts_with("http://[::1]:80/catalog.json\n"));
    }

    #[test]
    fn an_address_has_a_port() {
        assert_eq!(address("localhost:0"), Ok("127.0.0.1:0".parse().unwrap()));
        assert!(address("127.0.0.1").is_err());
    }
}
