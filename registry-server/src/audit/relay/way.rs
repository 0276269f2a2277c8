//! The way to a syslog: datagrams, or a stream with the length before each record.
//!
//! Source: RFC 5425 (TLS), RFC 5426 (UDP), RFC 6587, section 3.4.1 (TCP).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use futures_util::FutureExt as _;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{AuditFile, ConfigError, SyslogAddress};

/// How long a connection, or sending one record, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where records are sent.
pub(super) struct Target {
    pub(super) address: SyslogAddress,
    /// How TLS is spoken, if it is.
    tls: Option<TlsConnector>,
}

/// An open way to a syslog.
pub(super) enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(tokio::net::UnixDatagram),
}

/// How a way came to its end.
#[derive(Debug)]
pub(super) enum End {
    /// The other side has closed it, and has read what had come by then.
    Closed,
    /// It broke.
    Broken(io::Error),
}

impl Target {
    /// Where the configuration says, if it does. Reads the files for TLS.
    pub(super) fn new(file: &AuditFile) -> Result<Option<Self>, ConfigError> {
        let Some(address) = file.syslog.clone() else { return Ok(None) };
        let tls = match address {
            SyslogAddress::Tls(_) => Some(TlsConnector::from(Arc::new(client(file)?))),
            _ => None,
        };
        Ok(Some(Self { address, tls }))
    }

    /// Opens the way there.
    pub(super) async fn open(&self) -> io::Result<Way> {
        timeout(PATIENCE, self.open_now()).await.map_err(late)?
    }

    async fn open_now(&self) -> io::Result<Way> {
        match &self.address {
            SyslogAddress::Udp(address) => {
                let to = tokio::net::lookup_host(address).await?.next();
                let to = to.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await?;
                socket.connect(to).await?;
                Ok(Way::Udp(socket))
            }
            SyslogAddress::Tcp(address) => Ok(Way::Tcp(TcpStream::connect(address).await?)),
            SyslogAddress::Tls(address) => {
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                let name = name.map_err(io::Error::other)?;
                let tls = self.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                let stream = TcpStream::connect(address).await?;
                Ok(Way::Tls(Box::new(tls.connect(name, stream).await?)))
            }
            #[cfg(unix)]
            SyslogAddress::Unix(path) => {
                let socket = tokio::net::UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Way::Unix(socket))
            }
            #[cfg(not(unix))]
            SyslogAddress::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Way {
    /// Whether each record goes by itself, and nobody ever learns whether it came.
    pub(super) fn is_datagrams(&self) -> bool {
        !matches!(self, Self::Tcp(_) | Self::Tls(_))
    }

    /// Sends a record.
    pub(super) async fn send(&mut self, message: &str) -> Result<(), End> {
        let sent = timeout(PATIENCE, self.send_now(message)).await.map_err(late);
        sent.and_then(|sent| sent).map_err(End::Broken)
    }

    async fn send_now(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message.as_bytes()).await.map(drop),
            Self::Tcp(stream) => write(stream, message).await,
            Self::Tls(stream) => write(stream, message).await,
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(message.as_bytes()).await.map(drop),
        }
    }

    /// Waits until it has ended, as far as that can be known: a syslog says nothing, so
    /// all that ever comes of a stream is its end. Datagrams have none.
    pub(super) async fn ended(&mut self) -> End {
        match self {
            Self::Tcp(stream) => end(stream).await,
            Self::Tls(stream) => end(stream).await,
            _ => std::future::pending().await,
        }
    }

    /// Its end, if it is known to have come.
    pub(super) fn has_ended(&mut self) -> Option<End> {
        self.ended().now_or_never()
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &str) -> io::Result<()> {
    let framed = format!("{} {message}", message.len());
    stream.write_all(framed.as_bytes()).await?;
    stream.flush().await
}

async fn end(stream: &mut (impl AsyncRead + Unpin)) -> End {
    let mut ignored = [0; 64];
    loop {
        match stream.read(&mut ignored).await {
            Ok(0) => return End::Closed,
            Ok(_) => (),
            Err(error) => return End::Broken(error),
        }
    }
}

fn late(_: tokio::time::error::Elapsed) -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// Whose certificates count, and which is shown.
fn client(file: &AuditFile) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &file.ca {
        // Instead of the system's: nobody else can speak for a company's own syslog.
        for certificate in certificates("audit.ca", path)? {
            let unusable = || unusable("audit.ca", path, "certificates of authorities");
            roots.add(certificate).map_err(|_| unusable())?;
        }
    } else {
        // What cannot be read vouches for nobody.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let failed = |source: rustls::Error| ConfigError::Client { source: Box::new(source) };
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&file.certificate, &file.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("audit.certificate", certificate)?;
    let pem = zeroize::Zeroizing::new(read(key)?);
    let unusable = || unusable("audit.key", key, "the private key of `audit.certificate`, PEM");
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| unusable())?;
    builder.with_client_auth_cert(chain, key).map_err(|_| unusable())
}

/// The certificates in a file; at least one.
fn certificates(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| unusable(key, path, "certificates, PEM"))
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

fn unusable(key: &'static str, path: &Path, expected: &'static str) -> ConfigError {
    ConfigError::Value { key, found: format!("`{}`", path.display()), expected }
}
