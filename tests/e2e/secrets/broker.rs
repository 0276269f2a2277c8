//! A secret that its server never has.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use mcpkg_test_support::World;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::{API_KEY, MARKER, keep_in_file, set};
use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// A host with TLS, the authority that vouches for it, and the heads that it was sent.
struct Host {
    port: u16,
    authority_pem: String,
    heads: Receiver<String>,
}

/// Starts it. It answers one request with all that was in its head.
fn host() -> Host {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority_pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, heads) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let (mut head, mut bytes) = (String::new(), [0; 4096]);
        while !head.contains("\r\n\r\n") {
            let length = stream.read(&mut bytes).unwrap();
            head += std::str::from_utf8(&bytes[..length]).unwrap();
        }
        let length = head.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{head}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        sender.send(head).unwrap();
    });
    Host { port, authority_pem, heads }
}

/// A server that says what it has for a secret, and sends that to its host.
fn published(port: u16) -> Fixture {
    let script = format!(
        "#!/bin/sh\necho \"has $API_KEY\" >&2\n\
         curl -sS -H \"Authorization: Bearer $API_KEY\" https://localhost:{port}/ >&2\n"
    );
    let fixture = Fixture::empty();
    Program::new(NAME, script)
        .env(json!({ "API_KEY": "${user_config.api_key}" }))
        .user_config(json!({
            "api_key": { "type": "string", "title": "API key", "sensitive": true, "required": true },
        }))
        .permissions(&json!({
            "network": { "allow": [format!("localhost:{port}")] }, "run": ["curl"],
        }))
        .publish(&fixture);
    fixture
}

#[expect(clippy::print_stderr, reason = "what is skipped has to be said")]
fn has_curl() -> bool {
    let is_there = Command::new("curl").arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: curl is not here");
    }
    is_there
}

#[test]
fn a_brokered_secret_reaches_its_host_and_never_its_server() {
    if !has_curl() {
        return;
    }
    let host = host();
    let fixture = published(host.port);
    // Not in `/tmp`, of which a confined server has one of its own.
    let mut developer = World::new_in(Path::new("/var/tmp"), env!("CARGO_BIN_EXE_mcpkg"));
    fixture.add_registry(&developer, fixture.registry.url(), &["--private"]);
    developer.file(".claude.json", "{}\n");
    keep_in_file(&developer, "correct horse\n");
    set(&developer, API_KEY, MARKER);
    let authority = developer.file("authority.pem", &host.authority_pem);
    developer.set([("SSL_CERT_FILE".to_owned(), authority.display().to_string())]);

    let install = ["install", NAME, "--yes", "--broker"];
    let elsewhere = [&install[..], &["api_key=api.example.com:443"]].concat();
    developer.refused(&elsewhere, 1, &["E_CONFIG"]);
    let place = format!("api_key=localhost:{}", host.port);
    let unconfined = [&install[..], &[&place, "--unconfined"]].concat();
    developer.refused(&unconfined, 1, &["E_CONFIG"]);
    developer.ok(&[&install[..], &[&place]].concat());

    let outcome = developer.run(&["run", "weather"]);
    if outcome.codes() == ["E_CONFINEMENT"] {
        eprintln!("skipped: nobody carries connections here\n{outcome}");
        return;
    }
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stderr.contains("has mcpkg-placeholder-"), "{outcome}");
    let head = host.heads.recv().unwrap();
    assert!(head.contains(&format!("Bearer {MARKER}")), "{head}");
    // The host gives all of it back, and the server sees that without the secret.
    assert!(outcome.stderr.to_ascii_lowercase().contains("authorization: bearer "), "{outcome}");
    assert!(!outcome.to_string().contains(MARKER), "{outcome}");
    let state = developer.path().join(".local/state/mcpkg");
    let left = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("trust-")).collect();
    assert!(left.is_empty(), "{left:?}");
}
