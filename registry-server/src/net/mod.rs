//! Connections: accepting them, bounding them, ending them.
//!
//! The server speaks HTTP/1.1. TLS and HTTP/2 are for the proxy in front, which
//! has to be there anyway for certificates; leaving them out leaves out their
//! attacks too.
//!
//! | a client that | is stopped by |
//! |---|---|
//! | opens many connections | the semaphore: further ones wait in the kernel |
//! | sends its head slowly, or nothing | `head_seconds` |
//! | sends a huge head | 16 KiB and 100 headers: hyper answers 431 |
//! | sends a body slowly, or for ever | [`crate::publish`]: only a publish reads a body |
//! | reads its answer slowly | [`steady`]: `idle_seconds` without progress |

mod steady;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::limits::Limits;
use steady::Steady;

/// The longest head of a request, in bytes: the longest address, and room for
/// what proxies add. hyper's own limit of 100 headers stays: any other would
/// cost each request an allocation.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How much is read ahead on a connection, in bytes: a connection costs memory
/// only while it is used, and then at most this.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long to wait when the system has no more files for connections. They
/// come back as others close.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves `router` until `stop` is true, and then until requests in flight are
/// answered, or the time for that is over. Says whether all were answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) -> bool {
    let most = u32::try_from(limits.connections).unwrap_or(u32::MAX).min(MOST_CONNECTIONS);
    let connections = Arc::new(Semaphore::new(most as usize));
    let server = Arc::new(Connections { http: http(limits), router, idle: limits.idle() });
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = told(&mut stop) => break,
        };
        if let Some((stream, permit)) = accepted {
            tokio::spawn(serve_one(Arc::clone(&server), stream, permit, stop.clone()));
        }
    }
    drop(listener);
    // Every permit is back when every connection has ended.
    tokio::time::timeout(limits.shutdown(), connections.acquire_many(most)).await.is_ok()
}

/// What `acquire_many` can count.
const MOST_CONNECTIONS: u32 = 1 << 20;

/// What all connections share.
struct Connections {
    http: http1::Builder,
    router: Router,
    idle: Duration,
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head())
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES);
    http
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // A client that gave up while it waited, or too many open files.
            tracing::debug!(%error, "could not accept a connection");
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            None
        }
    }
}

async fn serve_one(
    server: Arc<Connections>,
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended as it began");
        return;
    }
    let io = TokioIo::new(Steady::new(stream, server.idle));
    let service = TowerToHyperService::new(server.router.clone());
    let mut connection = pin!(server.http.serve_connection(io, service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Completes when we are told to stop, or when nobody is left to tell us.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|&stop| stop).await);
}

/// Starts to listen.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
