//! A domain of the test's own: a name server for it, and its host on the web.
//!
//! The name server speaks just enough of RFC 1035: one question in a datagram, TXT
//! and A records in the answer. The host speaks https under a certificate
//! authority of its own, and answers every request with the same document.

use std::fmt::Write as _;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use mcpkg_registry_server::AuthorityConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const TXT: u16 = 16;
const A: u16 = 1;
const REFUSED: u16 = 5;
const NO_SUCH_NAME: u16 = 3;

/// What a domain says.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    /// The TXT records at `_mcpkg.<domain>`.
    pub texts: Vec<String>,
    /// The TXT records at `<domain>` itself.
    pub apex_texts: Vec<String>,
    /// Whether the name server answers nothing but refusals.
    pub is_refusing: bool,
    /// The status and the document of its host, or nothing if it has no address.
    pub document: Option<(u16, String)>,
    /// Where the host sends everybody, instead.
    pub location: Option<String>,
}

/// A domain, until it is dropped.
pub struct TestDomain {
    zone: Arc<Mutex<Zone>>,
    name_server: SocketAddr,
    host: SocketAddr,
    ca_pem: String,
    // Holds the authority's certificate, as a file.
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestDomain {
    /// Starts `domain`, which says nothing yet.
    pub fn start(domain: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has a poller");
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let socket = net::UdpSocket::bind(loopback).expect("a port is free");
        let listener = net::TcpListener::bind(loopback).expect("a port is free");
        socket.set_nonblocking(true).expect("a socket can be polled");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let name_server = socket.local_addr().expect("the socket is bound");
        let host = listener.local_addr().expect("the listener is bound");
        let (ca_pem, tls) = certify(domain);
        let zone = Arc::new(Mutex::new(Zone::default()));
        let (stop, stopped) = oneshot::channel();
        let (names, web) = (Arc::clone(&zone), Arc::clone(&zone));
        let domain = domain.to_owned();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let socket = UdpSocket::from_std(socket).expect("the socket can be polled");
                let listener = TcpListener::from_std(listener).expect("so can the listener");
                tokio::select! {
                    () = answer_names(socket, &domain, &names) => (),
                    () = answer_requests(listener, &tls, &web) => (),
                    _ = stopped => (),
                }
            });
        });
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let kept = std::fs::write(folder.path().join("ca.pem"), &ca_pem);
        kept.expect("the folder can be written to");
        let (stop, thread) = (Some(stop), Some(thread));
        Self { zone, name_server, host, ca_pem, folder, stop, thread }
    }

    /// Says this from now on.
    pub fn says(&self, zone: Zone) {
        *self.zone.lock().unwrap_or_else(PoisonError::into_inner) = zone;
    }

    /// The address of its name server.
    pub fn name_server(&self) -> SocketAddr {
        self.name_server
    }

    /// How a registry asks it, and nobody else.
    pub fn authority(&self) -> AuthorityConfig {
        AuthorityConfig {
            resolver: Some(self.name_server),
            private_addresses: true,
            ca: Some(self.folder.path().join("ca.pem")),
            port: Some(self.port()),
            ..AuthorityConfig::default()
        }
    }

    /// The port of its host.
    pub fn port(&self) -> u16 {
        self.host.port()
    }

    /// The certificate authority that vouches for its host, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Drop for TestDomain {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.transpose().expect("the domain did not panic");
        }
    }
}

fn current(zone: &Mutex<Zone>) -> Zone {
    zone.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn answer_names(socket: UdpSocket, domain: &str, zone: &Mutex<Zone>) {
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.expect("the socket is open");
        let answer = answer(&buffer[..length], domain, &current(zone));
        socket.send_to(&answer, from).await.expect("the socket is open");
    }
}

/// The answer to one query (RFC 1035, section 4).
fn answer(query: &[u8], domain: &str, zone: &Zone) -> Vec<u8> {
    let mut name = String::new();
    let mut at = 12;
    while query[at] != 0 {
        let label = &query[at + 1..=at + usize::from(query[at])];
        let _ = write!(name, "{}.", String::from_utf8_lossy(label).to_lowercase());
        at += label.len() + 1;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    let records: Vec<Vec<u8>> = match kind {
        TXT if name == format!("_mcpkg.{domain}.") => {
            zone.texts.iter().map(|text| strings(text)).collect()
        }
        TXT if name == format!("{domain}.") => {
            zone.apex_texts.iter().map(|text| strings(text)).collect()
        }
        A if name == format!("{domain}.") && zone.document.is_some() => {
            vec![Ipv4Addr::LOCALHOST.octets().to_vec()]
        }
        _ => Vec::new(),
    };
    let code = match (zone.is_refusing, records.is_empty()) {
        (true, _) => REFUSED,
        (false, true) => NO_SUCH_NAME,
        (false, false) => 0,
    };
    let records = if code == 0 { records } else { Vec::new() };
    let mut bytes = query[..2].to_vec();
    let count = u16::try_from(records.len()).expect("there are few records");
    for number in [0x8180 | code, 1, count, 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend_from_slice(question);
    for record in records {
        let length = u16::try_from(record.len()).expect("the record is short");
        // The name of the question, the class `IN`, and a minute.
        bytes.extend(0xc00c_u16.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(record);
    }
    bytes
}

/// A text as strings of at most 255 bytes, each after its length.
fn strings(text: &str) -> Vec<u8> {
    let string = |chunk: &[u8]| {
        let length = u8::try_from(chunk.len()).expect("chunks are short");
        [&[length], chunk].concat()
    };
    text.as_bytes().chunks(200).flat_map(string).collect()
}

async fn answer_requests(listener: TcpListener, tls: &TlsAcceptor, zone: &Mutex<Zone>) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener is open");
        // A client that does not trust us hangs up, which is what is tested.
        let Ok(mut stream) = tls.accept(stream).await else { continue };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let zone = current(zone);
        let (status, body) = zone.document.unwrap_or((404, String::new()));
        let location = zone.location.map(|to| format!("location: {to}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n{location}content-length: {length}\r\n");
        let answer = format!("{head}connection: close\r\n\r\n{body}");
        // The client may have had enough before the end of it.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// A certificate authority, and a server that it vouches for.
fn certify(domain: &str) -> (String, TlsAcceptor) {
    let generate = || KeyPair::generate().expect("the system has randomness");
    let (ca_key, key) = (generate(), generate());
    let params = |names: Vec<String>| CertificateParams::new(names).expect("the name is one");
    let mut authority = params(Vec::new());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = authority.self_signed(&ca_key).expect("the authority signs itself").pem();
    let issuer = Issuer::new(authority, ca_key);
    let leaf = params(vec![domain.to_owned()]).signed_by(&key, &issuer);
    let leaf = leaf.expect("the authority signs").der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("the key is one");
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .expect("key and certificate belong together");
    (ca_pem, TlsAcceptor::from(Arc::new(config)))
}
