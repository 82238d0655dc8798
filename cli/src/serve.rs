//! `lazycat serve`: a catalog directory over HTTP, for a browser and for readers of its assets.
//!
//! Layout:
//! - `target`, `range`, `etag`, `media`: what a request asks for; pure
//! - `directory`: opens files inside the directory; blocks
//! - `respond`, `router`: from a request to a response; [`router`] is where further routes are added
//! - `api`: the STAC API over the search index of the directory
//! - `door`: items by POST, filed in the directory
//! - `connections`, `patience`: accepts connections and bounds them

mod api;
mod connections;
mod directory;
mod door;
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
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::Router;
use lazycat::index::Index;
use tokio::net::TcpListener;

use self::directory::Directory;
use self::media::Media;
use self::router::{BROWSER_FOLDER, Site};

/// STAC Browser as its makers publish it; it opens any catalog that a web browser can reach from a page of another host.
const PUBLIC_BROWSER: &str = "https://radiantearth.github.io/stac-browser/#/external/";

/// Serve a catalog directory over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat serve catalog
  lazycat serve catalog --addr 127.0.0.1:0    on any port that is free
  LAZYCAT_SUBMIT_TOKEN=... lazycat serve catalog --layout {collection}/{year}    takes items by POST, too")]
pub(crate) struct Args {
    /// The catalog directory: the one that holds the root catalog.json.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000", value_parser = address)]
    addr: SocketAddr,

    /// A build of STAC Browser that opens ../catalog.json, such as `make browser` makes: served beside the catalog, below
    /// /browser/, so that the catalog can be looked at without internet.
    #[arg(long, value_name = "FOLDER")]
    browser: Option<PathBuf>,

    /// Where clients reach this server, an http or https address, when that is not where their requests are sent to: the
    /// links of the STAC API start with it.
    #[arg(long, value_name = "URL", value_parser = crate::run::public_url)]
    public_url: Option<String>,

    #[command(flatten)]
    door: door::Options,
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
    let catalog = Directory::open(&args.directory, Media::of_catalog)
        .map_err(|error| crate::explain::directory(&args.directory, &error))?;
    if !catalog.has("catalog.json") {
        eprintln!(
            "lazycat serve: {} has no catalog.json yet; serving it all the same, its address answers 404 until then",
            args.directory.display()
        );
    }
    let browser = args.browser.as_deref().map(open_browser).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|error| format!("the asynchronous runtime did not start: {error}"))?;
    let api = api::router(&args.directory, args.public_url.clone())
        .map_err(|error| crate::explain::directory(&args.directory, &error))?;
    let door = door::open(&args.door, &args.directory, args.public_url.clone())?;
    let looks = Looks { browser: browser.is_some(), index: Index::is_there(&args.directory), door: door.is_some() };
    let api = api.merge(door.unwrap_or_default());
    runtime.block_on(listen(args.addr, router::router(api, Site::new(catalog, browser)), looks))?;
    // A read that hangs, on a network disk say, must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

/// Opens a build of STAC Browser. One without its page would answer 404 to everybody, so it is refused.
fn open_browser(folder: &Path) -> Result<Directory, String> {
    let browser = Directory::open(folder, Media::of_page)
        .map_err(|error| crate::explain::folder("--browser", "a build of STAC Browser", folder, &error))?;
    if browser.has("index.html") {
        return Ok(browser);
    }
    Err(format!(
        "--browser: {} has no index.html; give a build of STAC Browser, such as `make browser` makes in target/browser",
        folder.display()
    ))
}

/// What there is beside the catalog itself.
struct Looks {
    browser: bool,
    index: bool,
    door: bool,
}

async fn listen(addr: SocketAddr, router: Router, looks: Looks) -> Result<(), String> {
    let stop = stop_signal().map_err(|error| format!("signals cannot be received: {error}"))?;
    let listener = TcpListener::bind(addr).await.map_err(|error| address_error(addr, &error))?;
    let bound = listener.local_addr().map_err(|error| address_error(addr, &error))?;
    announce(&mut io::stdout().lock(), bound, &looks);
    connections::serve(listener, router, stop).await;
    Ok(())
}

/// Says where the catalog is: its address alone on the first line, for programs, then how to look at it. A reader that
/// has gone away does not stop the server.
fn announce(out: &mut impl Write, bound: SocketAddr, looks: &Looks) {
    let reachable = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port())),
        _ => bound,
    };
    let advice = if looks.browser {
        format!("open it in STAC Browser: http://{reachable}{BROWSER_FOLDER}")
    } else if reachable.ip().is_loopback() {
        format!("open it in STAC Browser: {PUBLIC_BROWSER}http:/{reachable}/catalog.json")
    } else {
        // A page that came over https may read this machine over http, and no other.
        "to open it in STAC Browser, serve a build of that too: --browser FOLDER".to_owned()
    };
    let search = if looks.index {
        let page = if looks.browser {
            format!(", or in STAC Browser: http://{reachable}{BROWSER_FOLDER}?api")
        } else {
            String::new()
        };
        format!("search it through its STAC API: http://{reachable}/{page}")
    } else {
        "to search it through a STAC API, make its index: lazycat index rebuild".to_owned()
    };
    let door = if looks.door {
        format!("send items to it, with the token: POST http://{reachable}/items\n")
    } else {
        String::new()
    };
    let lines = format!("http://{reachable}/catalog.json\n{advice}\n{search}\n{door}");
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

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
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

    /// The lines about the catalog and the browser, and the one about searches.
    fn announced(bound: &str, browser: bool, index: bool) -> (String, String) {
        let mut out = Vec::new();
        announce(&mut out, bound.parse().unwrap(), &Looks { browser, index, door: false });
        let text = String::from_utf8(out).unwrap();
        let (looks, search) = text.trim_end().rsplit_once('\n').unwrap();
        (format!("{looks}\n"), search.to_owned())
    }

    #[test]
    fn the_address_stands_alone_on_the_first_line() {
        let text = announced("127.0.0.1:4321", false, false).0;
        assert_eq!(
            text,
            "http://127.0.0.1:4321/catalog.json\n\
             open it in STAC Browser: https://radiantearth.github.io/stac-browser/#/external/http:/127.0.0.1:4321/catalog.json\n"
        );
    }

    #[test]
    fn a_browser_that_is_served_too_is_the_one_to_open() {
        assert_eq!(
            announced("192.0.2.1:4321", true, false).0,
            "http://192.0.2.1:4321/catalog.json\nopen it in STAC Browser: http://192.0.2.1:4321/browser/\n"
        );
    }

    #[test]
    fn a_public_page_is_not_told_of_an_address_that_it_may_not_read() {
        assert_eq!(
            announced("192.0.2.1:4321", false, false).0,
            "http://192.0.2.1:4321/catalog.json\n\
             to open it in STAC Browser, serve a build of that too: --browser FOLDER\n"
        );
    }

    #[test]
    fn an_unspecified_address_is_announced_as_one_that_can_be_opened() {
        assert!(announced("0.0.0.0:80", false, false).0.starts_with("http://127.0.0.1:80/catalog.json\n"));
        assert!(announced("[::]:80", true, false).0.starts_with("http://[::1]:80/catalog.json\n"));
    }

    #[test]
    fn searches_are_announced_where_there_is_an_index_and_else_how_to_make_one() {
        assert_eq!(
            announced("127.0.0.1:4321", false, true).1,
            "search it through its STAC API: http://127.0.0.1:4321/"
        );
        assert!(
            announced("127.0.0.1:4321", true, true)
                .1
                .ends_with("/, or in STAC Browser: http://127.0.0.1:4321/browser/?api")
        );
        assert!(announced("127.0.0.1:4321", true, false).1.ends_with("lazycat index rebuild"));
    }

    #[test]
    fn a_door_is_announced_where_it_is_open() {
        let mut out = Vec::new();
        let looks = Looks { browser: false, index: false, door: true };
        announce(&mut out, "127.0.0.1:4321".parse().unwrap(), &looks);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("send items to it, with the token: POST http://127.0.0.1:4321/items\n"), "{text}");
    }

    #[test]
    fn an_address_has_a_port() {
        assert_eq!(address("localhost:0"), Ok("127.0.0.1:0".parse().unwrap()));
        assert!(address("127.0.0.1").is_err());
    }
}
