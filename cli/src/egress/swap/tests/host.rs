//! A host with TLS that answers everything alike, and keeps what it was sent.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mcpkg_core::permissions::Host;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use super::super::authority::Authority;
use super::super::mask::Mask;
use super::{Brokered, NAME, SECRET, Site};

/// What the host shows of itself.
#[derive(Clone, Copy)]
pub(super) enum Certificate {
    Right,
    OfAnotherName,
    OfAStranger,
}

pub(super) struct TestHost {
    port: u16,
    trusted_pem: String,
    received: Arc<Mutex<String>>,
}

impl TestHost {
    pub(super) fn new(certificate: Certificate, answer: &'static str) -> Self {
        let name = match certificate {
            Certificate::OfAnotherName => "other.example",
            Certificate::Right | Certificate::OfAStranger => NAME,
        };
        let name = Host::Name(name.to_owned());
        let authority = Authority::new([&name].into_iter()).unwrap();
        let trusted_pem = match certificate {
            Certificate::OfAStranger => Authority::new([&name].into_iter()).unwrap().pem(),
            _ => authority.pem(),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = Arc::new(authority.be(&name, provider).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, kept) = (Arc::clone(&config), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, config, answer, &kept));
            }
        });
        Self { port, trusted_pem, received }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whom to trust, to trust this host: if its certificate is the right one.
    pub(super) fn trusted_pem(&self) -> String {
        self.trusted_pem.clone()
    }

    /// All that it was sent, on all connections.
    pub(super) fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

/// Answers once for every head, as far as anything comes.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, answer: &str, kept: &Mutex<String>) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut own = String::new();
    let mut answered = 0;
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        own += text;
        *kept.lock().unwrap() += text;
        if answered < own.matches("\r\n\r\n").count() && is_whole(&own) {
            answered += 1;
            if stream.write_all(answer.as_bytes()).is_err() || answer.contains("connection: close")
            {
                stream.conn.send_close_notify();
                let _ = stream.flush();
                return;
            }
        }
    }
}

/// Whether the body of the last request is all there.
fn is_whole(received: &str) -> bool {
    let Some((head, body)) = received.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|it| body.len() >= it.parse().unwrap())
}

/// Whether a client that trusts `authority_pem` takes `config` for `host`.
pub(super) fn believes(authority_pem: &str, host: &Host, config: ServerConfig) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_string()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    while client.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    true
}

/// What came out of a mask for each piece, and at the end.
pub(super) struct HeldBack {
    pub(super) pieces: Vec<String>,
    pub(super) rest: String,
}

pub(super) fn pieces(pieces: &[&'static str]) -> HeldBack {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let grant = format!("{NAME}:443").parse().unwrap();
    let secret = Brokered::new(SECRET, &grant).unwrap();
    let swap = super::Swap::new(
        vec![secret],
        &super::Roots::Pem(TestHost::new(Certificate::Right, "").trusted_pem()),
    )
    .unwrap();
    let site: &Arc<Site> = swap.sites.values().next().unwrap();
    let mut mask = Mask::new(Arc::clone(site));
    let pieces =
        pieces.iter().map(|it| text(mask.push(Bytes::from_static(it.as_bytes())))).collect();
    HeldBack { pieces, rest: text(mask.finish()) }
}
