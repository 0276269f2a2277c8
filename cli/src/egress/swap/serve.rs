//! One connection of the server to a host that has secrets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mcpkg_core::permissions::Host;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use super::Site;
use super::response::{Masked, Notice};
use crate::egress::outside::{self, Pins};
use crate::egress::{Denial, Reason, Report};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// One connection, with the one to the host that it needs.
struct Conversation {
    site: Arc<Site>,
    pins: Pins,
    report: Report,
    host: Mutex<Option<SendRequest<Incoming>>>,
}

/// Carries `inner`, a connection of the server to the host of `site`.
pub(in crate::egress) async fn serve(
    inner: TcpStream,
    site: Arc<Site>,
    pins: Pins,
    report: Report,
) {
    let acceptor = LazyConfigAcceptor::new(Acceptor::default(), inner);
    let Ok(Ok(start)) = timeout(HANDSHAKE_TIMEOUT, acceptor).await else { return };
    let name = start.client_hello().server_name().map(str::to_ascii_lowercase);
    if !site.is_server_name(name.as_deref()) {
        return report(&site.denial(Reason::Misdirected));
    }
    let stream = start.into_stream(Arc::clone(&site.inner));
    // It does not trust us, or wants HTTP/2.
    let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, stream).await else {
        return report(&site.denial(Reason::NoTls));
    };
    let conversation = Arc::new(Conversation { site, pins, report, host: Mutex::new(None) });
    let service = service_fn(move |request| {
        let conversation = Arc::clone(&conversation);
        async move { Ok::<_, hyper::Error>(conversation.answer(request).await) }
    });
    // What is malformed is answered by `hyper`, and ends the connection.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Site {
    fn denial(&self, reason: Reason) -> Denial {
        let host = self.destination.host.to_string();
        Denial { host, port: Some(self.destination.port), reason }
    }

    /// Whether the name in a handshake is this host's. An address has none: RFC 6066,
    /// section 3.
    fn is_server_name(&self, name: Option<&str>) -> bool {
        match &self.destination.host {
            Host::Name(own) => name == Some(own),
            Host::V4(_) | Host::V6(_) => name.is_none(),
            Host::Below(_) => false,
        }
    }
}

impl Conversation {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match self.pass(request).await {
            Ok(answer) => answer,
            Err((status, reason)) => {
                (self.report)(&self.site.denial(reason));
                refusal(status, reason)
            }
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Answer, (StatusCode, Reason)> {
        let bad_gateway = |reason| (StatusCode::BAD_GATEWAY, reason);
        let (mut parts, body) = request.into_parts();
        self.site.forward(&mut parts).map_err(|status| (status, Reason::Misdirected))?;
        let mut host = self.host.lock().await;
        let is_open = match host.as_mut() {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            *host = Some(self.connect().await.map_err(bad_gateway)?);
        }
        let gone = || bad_gateway(Reason::NoConnection(io::ErrorKind::ConnectionReset));
        let sender = host.as_mut().ok_or_else(gone)?;
        let answered = sender.send_request(Request::from_parts(parts, body)).await;
        drop(host);
        let (mut parts, body) = answered.map_err(|_| gone())?.into_parts();
        // What follows it would be no HTTP.
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(bad_gateway(Reason::Misdirected));
        }
        let notice: Notice = {
            let (site, report) = (Arc::clone(&self.site), Arc::clone(&self.report));
            Arc::new(move |reason| report(&site.denial(reason)))
        };
        self.site.back(&mut parts, &notice).map_err(bad_gateway)?;
        let body = Masked::new(body, Arc::clone(&self.site), notice);
        Ok(Response::from_parts(parts, body.boxed()))
    }

    /// A verified connection to the host.
    async fn connect(&self) -> Result<SendRequest<Incoming>, Reason> {
        let outer = outside::connect(&self.site.destination, &self.pins).await?;
        let _ = outer.set_nodelay(true);
        let name = match &self.site.destination.host {
            Host::V4(address) => ServerName::from(std::net::IpAddr::V4(*address)),
            Host::V6(address) => ServerName::from(std::net::IpAddr::V6(*address)),
            Host::Name(name) | Host::Below(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Reason::NoTls)?
            }
        };
        let connector = TlsConnector::from(Arc::clone(&self.site.outer));
        let stream = timeout(HANDSHAKE_TIMEOUT, connector.connect(name, outer)).await;
        let stream = stream.map_err(|_| Reason::NoTls)?.map_err(|_| Reason::NoTls)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Reason::NoTls)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Our own answer, with a sentence for whoever reads the server's log.
fn refusal(status: StatusCode, reason: Reason) -> Answer {
    let text = Full::from(format!("mcpkg did not pass this on: {reason}\n"));
    let mut answer = Response::new(text.map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // What is left of the request is not read.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
