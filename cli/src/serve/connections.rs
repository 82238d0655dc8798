//! Accepts connections and ends them: how many, how long they may be silent, and how they are let go at the end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;

use super::patience::Patience;

/// Connections served at once; more wait in the operating system's queue.
const CONNECTIONS: usize = 512;

/// How long a client may take to send the head of a request, also the next one on an open connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take nothing of a response before it is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// The most that is kept of a request before it is refused.
const HEAD_BUFFER: usize = 64 * 1024;

/// How long responses under way may take to end after the server was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready, then lets responses under way end.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            io::Result::Ok((slot, stream))
        };
        let (slot, stream) = tokio::select! {
            () = &mut stop => break,
            next = next => match next {
                Ok(next) => next,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
        };
        let connection = graceful.watch(connection(stream, router.clone()));
        tokio::spawn(async move {
            // A client that leaves in the middle is its own affair.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = time::timeout(GRACE, graceful.shutdown()).await;
}

fn connection(stream: TcpStream, router: Router) -> http1::Connection<TokioIo<Patience>, TowerToHyperService<Router>> {
    // Small responses follow each other; waiting to fill a packet would delay each of them.
    let _ = stream.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BUFFER)
        .serve_connection(TokioIo::new(Patience::new(stream, WRITE_TIMEOUT)), TowerToHyperService::new(router))
}

async fn pause_after(error: &io::Error) {
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    ) {
        eprintln!("lazycat serve: no connection can be accepted at the moment: {error}");
        time::sleep(PAUSE).await;
    }
}
