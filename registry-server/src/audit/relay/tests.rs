//! That a syslog gets each record, in order, whatever happens to the way there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcpkg_test_support::TestCa;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram};
use tokio_rustls::TlsAcceptor;

use super::super::tests::event;
use super::Syslog;
use crate::audit::Audit;
use crate::config::{AuditFile, SyslogAddress};

const WAIT: Duration = Duration::from_secs(5);

/// The folder of a registry that has a syslog.
struct Stage {
    folder: TempDir,
    file: AuditFile,
}

impl Stage {
    fn new(address: &str) -> Self {
        let syslog: SyslogAddress = address.parse().unwrap();
        let file = AuditFile { syslog: Some(syslog), ..AuditFile::default() };
        Self { folder: tempfile::tempdir().unwrap(), file }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn open(&self) -> Audit {
        let syslog = Syslog::new(&self.file).unwrap();
        Audit::open(syslog, self.folder.path(), WAIT).await.unwrap()
    }
}

async fn listen(scheme: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// The next record of a stream: its length, a space, and the record.
async fn next(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut length = String::new();
    loop {
        match stream.read_u8().await.unwrap() {
            b' ' => break,
            digit => length.push(digit.into()),
        }
    }
    let mut message = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut message).await.unwrap();
    String::from_utf8(message).unwrap()
}

/// RFC 5424: priority 108 is a warning of the facility `log audit`.
#[track_caller]
fn is_record(message: &str, id: u64) {
    assert!(message.starts_with("<108>1 2"), "{message}");
    assert!(message.contains(" - mcpkg-registry "), "{message}");
    assert!(message.contains(&format!(" audit - {{\"id\":{id},")), "{id}: {message}");
    assert!(message.is_ascii() && message.contains("\\u00e5lice"), "{message}");
}

#[tokio::test]
async fn a_record_is_a_datagram_of_its_own() {
    let mut buffer = [0; 4096];
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stage = Stage::new(&format!("udp://{}", udp.local_addr().unwrap()));
    let audit = stage.open().await;
    for id in [1, 2] {
        audit.record(event("ålice")).await.unwrap();
        let length = udp.recv(&mut buffer).await.unwrap();
        is_record(std::str::from_utf8(&buffer[..length]).unwrap(), id);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let unix = UnixDatagram::bind(&path).unwrap();
    let stage = Stage::new(&format!("unix://{}", path.display()));
    let audit = stage.open().await;
    audit.record(event("ålice")).await.unwrap();
    let length = unix.recv(&mut buffer).await.unwrap();
    is_record(std::str::from_utf8(&buffer[..length]).unwrap(), 1);
}

#[tokio::test]
async fn what_may_be_lost_with_a_connection_is_sent_again_on_the_next() {
    let (listener, address) = listen("tcp").await;
    let stage = Stage::new(&address);
    let audit = stage.open().await;
    for _ in 0..2 {
        audit.record(event("ålice")).await.unwrap();
    }
    let (mut stream, _) = listener.accept().await.unwrap();
    is_record(&next(&mut stream).await, 1);
    // Closed, perhaps with the second in it, which nobody has read. Nothing more has to
    // happen for both to come again.
    drop(stream);
    let (mut stream, _) = listener.accept().await.unwrap();
    for id in [1, 2] {
        is_record(&next(&mut stream).await, id);
    }
    audit.record(event("ålice")).await.unwrap();
    is_record(&next(&mut stream).await, 3);
}

#[tokio::test]
async fn a_syslog_that_was_away_is_sent_what_it_missed_also_after_a_restart() {
    let (ca, (listener, address)) = (TestCa::generate("Acme"), listen("tls").await);
    let mut stage = Stage::new(&address);
    stage.file.ca = Some(stage.write("ca.pem", ca.pem()));
    let audit = stage.open().await;
    for _ in 0..600 {
        audit.record(event("ålice")).await.unwrap();
    }
    // It holds nobody, and says how much waits once it has tried.
    drop(listener.accept().await.unwrap());
    while audit.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(audit.waiting(), 600);
    audit.close().await;
    drop(audit);

    let audit = stage.open().await;
    let acceptor = acceptor(&ca, None);
    let mut stream = loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Those from before have given up.
        if let Ok(stream) = acceptor.accept(stream).await {
            break stream;
        }
    };
    for id in 1..=600 {
        is_record(&next(&mut stream).await, id);
    }
    audit.record(event("ålice")).await.unwrap();
    is_record(&next(&mut stream).await, 601);
    assert_eq!(audit.waiting(), 0);
}

#[tokio::test]
async fn what_was_passed_on_is_not_passed_on_again_by_the_next_start() {
    let (listener, address) = listen("tcp").await;
    let stage = Stage::new(&address);
    let audit = stage.open().await;
    audit.record(event("ålice")).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    is_record(&next(&mut stream).await, 1);
    // That it was sent is kept after it was.
    let syslog = stage.file.syslog.clone().unwrap();
    while audit.store.passed_on(&syslog).await.unwrap() != Some(1) {
        tokio::task::yield_now().await;
    }
    audit.close().await;
    drop(audit);
    let audit = stage.open().await;
    audit.record(event("ålice")).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    is_record(&next(&mut stream).await, 2);
}

/// A syslog that speaks TLS, and wants to see a certificate of `clients`.
fn acceptor(ca: &TestCa, clients: Option<&TestCa>) -> TlsAcceptor {
    let Some(clients) = clients else { return ca.acceptor(&["localhost"]) };
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let pair = ca.server(&["localhost"]);
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap()).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn over_tls_records_go_to_whoever_has_the_right_certificate() {
    let ca = TestCa::generate("Acme");
    for clients in [None, Some(TestCa::generate("Clients"))] {
        let (listener, address) = listen("tls").await;
        let mut stage = Stage::new(&address);
        stage.file.ca = Some(stage.write("ca.pem", ca.pem()));
        if let Some(clients) = &clients {
            let pair = clients.client("registry");
            stage.file.certificate = Some(stage.write("client.pem", &pair.certificate));
            stage.file.key = Some(stage.write("client-key.pem", &pair.key));
        }
        let audit = stage.open().await;
        audit.record(event("ålice")).await.unwrap();
        let acceptor = acceptor(&ca, clients.as_ref());
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        is_record(&next(&mut stream).await, 1);
        drop(stream);
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        is_record(&next(&mut stream).await, 1);
    }
}

#[tokio::test]
async fn over_tls_nobody_else_gets_a_byte() {
    let ca = TestCa::generate("Acme");
    let other = TestCa::generate("Acme");
    for (what, acceptor) in [
        ("another authority", other.acceptor(&["localhost"])),
        ("an expired certificate", expired(&ca)),
        ("no certificate of ours to see", acceptor(&ca, Some(&other))),
    ] {
        let (listener, address) = listen("tls").await;
        let mut stage = Stage::new(&address);
        stage.file.ca = Some(stage.write("ca.pem", ca.pem()));
        let audit = stage.open().await;
        audit.record(event("ålice")).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "{what}");
        while audit.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(audit.waiting(), 1, "{what}");
    }
}

fn expired(ca: &TestCa) -> TlsAcceptor {
    let pair = ca.expired_server(&["localhost"]);
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[test]
fn a_file_that_cannot_be_used_is_no_start() {
    let ca = TestCa::generate("Acme");
    let pair = ca.client("registry");
    for (what, authority, certificate, key) in [
        ("no authority", "", pair.certificate.as_str(), pair.key.as_str()),
        ("no certificate", ca.pem(), "", &pair.key),
        ("no key", ca.pem(), &pair.certificate, ""),
        ("a key of another", ca.pem(), &pair.certificate, &ca.client("other").key),
    ] {
        let mut stage = Stage::new("tls://127.0.0.1:6514");
        stage.file.ca = Some(stage.write("ca.pem", authority));
        stage.file.certificate = Some(stage.write("client.pem", certificate));
        stage.file.key = Some(stage.write("client-key.pem", key));
        assert!(Syslog::new(&stage.file).is_err(), "{what}");
        std::fs::remove_file(stage.folder.path().join("ca.pem")).unwrap();
        assert!(Syslog::new(&stage.file).is_err(), "missing");
    }
}
