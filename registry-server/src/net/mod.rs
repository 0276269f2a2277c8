//! Connections: accepting them, bounding them, ending them.
//!
//! The server speaks HTTP/1.1, over TLS if it is given a certificate ([`tls`]).
//! HTTP/2 is for a proxy in front, if there is one; leaving it out leaves out its
//! attacks too.
//!
//! | a client that | is stopped by |
//! |---|---|
//! | opens many connections | the semaphore: further ones wait in the kernel |
//! | is slow to begin TLS, or never does | `head_seconds`, for all of the handshake |
//! | speaks plain HTTP where TLS is spoken | an answer that says so, and nothing else |
//! | sends its head slowly, or nothing | `head_seconds` |
//! | sends a huge head | 16 KiB and 100 headers: hyper answers 431 |
//! | sends a body slowly, or for ever | [`crate::publish`]: only a publish reads a body |
//! | reads its answer slowly | [`steady`]: `idle_seconds` without progress |

mod peer;
mod steady;
mod tls;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::server::TlsStream;

use crate::access::{Peer, Scheme};
use crate::error::ApiError;
use crate::limits::Limits;
use peer::FromPeer;
use steady::Steady;

pub use tls::TlsError;
pub(crate) use tls::{Tls, reload_for_ever};

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

/// How a TLS connection begins: a record of the handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Serves `router`, over TLS if there is any, until `stop` is true, and then until
/// requests in flight are answered, or the time for that is over. Says whether all
/// were answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) -> bool {
    let most = u32::try_from(limits.connections).unwrap_or(u32::MAX).min(MOST_CONNECTIONS);
    let connections = Arc::new(Semaphore::new(most as usize));
    let (head, idle) = (limits.head(), limits.idle());
    let server = Arc::new(Connections { http: http(limits), router, tls, head, idle });
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = told(&mut stop) => break,
        };
        if let Some((stream, peer, permit)) = accepted {
            tokio::spawn(serve_one(Arc::clone(&server), stream, peer, permit, stop.clone()));
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
    tls: Option<Tls>,
    head: Duration,
    idle: Duration,
}

/// What a connection turned out to be.
enum Begun {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Plain HTTP, where TLS is spoken.
    Misled(TcpStream),
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
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            let peer = Peer { address, scheme: Scheme::Http };
            Some((stream, peer, permit))
        }
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
    peer: Peer,
    _permit: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended as it began");
        return;
    }
    let beginning = tokio::time::timeout(server.head, server.begin(stream));
    let begun = tokio::select! {
        begun = beginning => begun,
        // Nobody has asked for anything yet.
        () = told(&mut stop) => return,
    };
    let router = TowerToHyperService::new(server.router.clone());
    let from = |scheme| FromPeer::new(Peer { scheme, ..peer }, router);
    match begun {
        Ok(Ok(Begun::Plain(stream))) => server.speak(stream, from(Scheme::Http), stop).await,
        Ok(Ok(Begun::Tls(stream))) => server.speak(stream, from(Scheme::Https), stop).await,
        Ok(Ok(Begun::Misled(stream))) => server.speak(stream, service_fn(not_tls), stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

impl Connections {
    /// Shakes hands, where TLS is spoken.
    async fn begin(&self, stream: TcpStream) -> io::Result<Begun> {
        let Some(tls) = &self.tls else { return Ok(Begun::Plain(stream)) };
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if first[0] == HANDSHAKE => {
                Ok(Begun::Tls(Box::new(tls.acceptor().accept(stream).await?)))
            }
            _ => Ok(Begun::Misled(stream)),
        }
    }

    /// Speaks HTTP until the client has had enough, or we are told to stop.
    async fn speak<S, H>(&self, stream: S, service: H, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: HttpService<Incoming, ResBody = Body>,
        H::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let io = TokioIo::new(Steady::new(stream, self.idle));
        let mut connection = pin!(self.http.serve_connection(io, service));
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
}

/// The answer to whoever speaks plain HTTP where TLS is spoken.
async fn not_tls(_: Request<Incoming>) -> Result<Response, Infallible> {
    let mut response = ApiError::NotTls.into_response();
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    Ok(response)
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Completes when we are told to stop, or when nobody is left to tell us.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|&stop| stop).await);
}

/// Starts to listen.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
