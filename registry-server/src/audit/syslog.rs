//! Sending what is audited to a syslog.
//!
//! ```text
//! <108>1 2026-11-28T10:00:00.000Z - mcpkg-registry 4711 audit - {"id":1,…}
//! ```
//!
//! Facility 13 is that of audits, and the severity is *warning* for what was denied.
//! The message is the line that `audit export` writes, in ASCII, so that no receiver
//! needs to know how it is encoded.
//!
//! A syslog that is slow or gone holds nobody: what does not fit into the queue, or
//! cannot be sent, is counted and dropped.
//!
//! Source: RFC 5424, sections 6.2 and 6.5; RFC 5426; RFC 6587, section 3.4.1.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{AuditRecord, Outcome};
use crate::config::SyslogAddress;

/// How many records wait to be sent.
const WAITING: usize = 1024;

/// How long a connection, or sending one record, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The facility `log audit`.
const FACILITY: u8 = 13;

/// Where records are handed in to be sent. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Syslog {
    queue: mpsc::Sender<String>,
    dropped: Arc<AtomicU64>,
}

impl Syslog {
    /// Starts to send to `address`, until the last clone is dropped.
    pub(super) fn start(address: SyslogAddress) -> Self {
        let (queue, queued) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(send_for_ever(address, queued, Arc::clone(&dropped)));
        Self { queue, dropped }
    }

    /// Has a record sent. Never waits.
    pub(super) fn send(&self, record: &AuditRecord) {
        if self.queue.try_send(message(record)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many records were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// An open way to a syslog.
enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixDatagram),
}

async fn send_for_ever(
    address: SyslogAddress,
    mut queued: mpsc::Receiver<String>,
    dropped: Arc<AtomicU64>,
) {
    let mut way = None;
    while let Some(message) = queued.recv().await {
        let was_open = way.is_some();
        let mut result = send_one(&address, &mut way, &message).await;
        // A connection that was closed while nothing was said is only found out now.
        if result.is_err() && was_open {
            result = send_one(&address, &mut way, &message).await;
        }
        if let Err(error) = result {
            let count = dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(%address, %error, dropped = count, "could not send to the syslog");
        }
    }
}

async fn send_one(address: &SyslogAddress, way: &mut Option<Way>, message: &str) -> io::Result<()> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut open = match way.take() {
        Some(open) => open,
        None => timeout(PATIENCE, Way::open(address)).await.map_err(late)??,
    };
    timeout(PATIENCE, open.send(message)).await.map_err(late)??;
    *way = Some(open);
    Ok(())
}

impl Way {
    async fn open(address: &SyslogAddress) -> io::Result<Self> {
        match address {
            SyslogAddress::Udp(address) => {
                let to = tokio::net::lookup_host(address).await?.next();
                let to = to.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await?;
                socket.connect(to).await?;
                Ok(Self::Udp(socket))
            }
            SyslogAddress::Tcp(address) => Ok(Self::Tcp(TcpStream::connect(address).await?)),
            #[cfg(unix)]
            SyslogAddress::Unix(path) => {
                let socket = tokio::net::UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Self::Unix(socket))
            }
            #[cfg(not(unix))]
            SyslogAddress::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn send(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message.as_bytes()).await.map(drop),
            Self::Tcp(stream) => {
                let framed = format!("{} {message}", message.len());
                stream.write_all(framed.as_bytes()).await
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(message.as_bytes()).await.map(drop),
        }
    }
}

/// A record as a syslog reads it.
pub(super) fn message(record: &AuditRecord) -> String {
    let severity = match record.outcome {
        Outcome::Allowed => 6,
        Outcome::Denied => 4,
    };
    let priority = FACILITY * 8 + severity;
    let process = std::process::id();
    let json = serde_json::to_string(record).unwrap_or_default();
    let mut message = format!("<{priority}>1 {} - mcpkg-registry {process} audit - ", record.at);
    for character in json.chars() {
        if character.is_ascii() {
            message.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(message, "\\u{unit:04x}");
            }
        }
    }
    message
}
