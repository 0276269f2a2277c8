//! What is too much, too many or too long.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use mcpkg_core::Code;
use mcpkg_core::api::{Problem, part};
use mcpkg_registry_server::Limits;
use mcpkg_test_support::http::file;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Setup, Submission, TestRegistry};
use reqwest::multipart::Form;

use crate::{NAME, acme, release};

fn start_with(limits: Limits) -> (TestSigstore, TestRegistry) {
    let sigstore = TestSigstore::start();
    let setup = Setup { limits, ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    (sigstore, registry)
}

/// A connection on which a test says what it wants, byte by byte.
struct Wire(TcpStream);

impl Wire {
    fn open(registry: &TestRegistry) -> Self {
        let address = registry.url().strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).unwrap();
    }

    /// Begins a publish, up to and without the content of its first artifact.
    fn begin_publish(&mut self, submission: &Submission) {
        self.send(PUBLISH_HEAD);
        self.chunk(part_head(part::SERVER_JSON));
        self.chunk(&submission.server_json);
        for bundle in &submission.bundles {
            self.chunk(part_head(part::BUNDLE));
            self.chunk(bundle);
        }
        self.chunk(part_head(part::ARTIFACT));
    }

    fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.send(format!("{:x}\r\n", bytes.len()));
        self.send(bytes);
        self.send("\r\n");
    }

    /// The status, and the code of the problem, of the one answer that follows.
    fn answer(mut self) -> (u16, Option<Code>) {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).ok().map(|problem: Problem| problem.code))
    }
}

const PUBLISH_HEAD: &str = "POST /v1/publish HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
    Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n";

fn part_head(name: &str) -> String {
    format!("\r\n--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n")
}

fn staged(registry: &TestRegistry) -> usize {
    fs::read_dir(registry.data_dir().join("staging")).unwrap().count()
}

#[test]
fn every_part_has_a_greatest_length() {
    let limits = Limits { artifact_bytes: 5000, publish_bytes: 40_000, ..Limits::default() };
    let (sigstore, registry) = start_with(limits);
    let good = release(&sigstore, "1.0.0");
    let with_artifact =
        |bytes| Draft::new(NAME, "1.0.0").with_bytes(bytes).sign(&sigstore, &acme());
    let server_json = vec![b' '; 256 * 1024 + 1];
    let bundles = vec![good.bundles[0].clone(); 17];
    for (what, submission, code) in [
        ("an artifact", with_artifact(5000), Code::Limit),
        ("the request", with_artifact(40_000), Code::Limit),
        ("a server.json", Submission { server_json, ..good.clone() }, Code::Limit),
        ("too many bundles", Submission { bundles, ..good.clone() }, Code::Limit),
    ] {
        let reply = registry.publish(&submission);
        assert_eq!(reply.outcome(), (413, Some(code)), "{what}: {reply}");
        assert_eq!(staged(&registry), 0, "{what}");
    }
    registry.accept(&good);
}

#[test]
fn an_endless_artifact_is_cut_and_its_sender_told() {
    let limits = Limits { artifact_bytes: 100_000, ..Limits::default() };
    let (sigstore, registry) = start_with(limits);
    let mut wire = Wire::open(&registry);
    wire.begin_publish(&release(&sigstore, "1.0.0"));
    for _ in 0..100 {
        wire.chunk([0; 10_000]);
    }
    assert_eq!(wire.answer(), (413, Some(Code::Limit)));
    assert_eq!(staged(&registry), 0);
}

#[test]
fn the_head_of_a_part_is_not_endless() {
    let (_, registry) = start_with(Limits::default());
    let mut wire = Wire::open(&registry);
    wire.send(PUBLISH_HEAD);
    wire.chunk("--b\r\nX: ");
    for _ in 0..100 {
        wire.chunk([b'x'; 10_000]);
    }
    assert_eq!(wire.answer(), (413, Some(Code::Limit)));
}

#[test]
fn strangers_are_refused_before_their_bulk() {
    let (sigstore, registry) = start_with(Limits::default());
    registry.accept(&release(&sigstore, "1.0.0"));
    let good = release(&sigstore, "1.1.0");
    let mallory = mcpkg_test_support::sigstore::Identity::github("evil/weather");
    for (what, submission, status, code) in [
        ("unsigned", Submission { bundles: vec![], ..good.clone() }, 422, Code::ProvenanceLost),
        (
            "signed by somebody else",
            Draft::new(NAME, "1.1.0").sign(&sigstore, &mallory),
            403,
            Code::Namespace,
        ),
        (
            "other content for a version that exists",
            Draft::new(NAME, "1.0.0").description("x").sign(&sigstore, &acme()),
            409,
            Code::Immutable,
        ),
    ] {
        // The artifact never comes, and the answer does not wait for it.
        let mut wire = Wire::open(&registry);
        wire.begin_publish(&submission);
        assert_eq!(wire.answer(), (status, Some(code)), "{what}");
    }
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    let limits = Limits { idle_seconds: 1, ..Limits::default() };
    let (sigstore, registry) = start_with(limits);
    let mut wire = Wire::open(&registry);
    wire.begin_publish(&release(&sigstore, "1.0.0"));
    wire.chunk("PK");
    assert_eq!(wire.answer(), (408, Some(Code::Limit)));
    assert_eq!(staged(&registry), 0);
}

#[test]
fn a_body_that_ends_too_early_is_malformed() {
    let (sigstore, registry) = start_with(Limits::default());
    let mut wire = Wire::open(&registry);
    wire.begin_publish(&release(&sigstore, "1.0.0"));
    wire.chunk("PK");
    wire.send("0\r\n\r\n");
    assert_eq!(wire.answer(), (400, Some(Code::Request)));
    assert_eq!(staged(&registry), 0);
}

#[test]
fn a_head_must_come_soon_and_be_short() {
    let limits = Limits { head_seconds: 1, ..Limits::default() };
    let (_, registry) = start_with(limits);

    let mut slow = Wire::open(&registry);
    slow.send("GET /healthz HTT");
    let mut answer = Vec::new();
    slow.0.read_to_end(&mut answer).unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "the connection was closed");

    let many = "X: y\r\n".repeat(101);
    let long = format!("X: {}\r\n", "y".repeat(100_000));
    for (what, headers) in [("many headers", many), ("a long header", long)] {
        let mut wire = Wire::open(&registry);
        wire.send(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        assert_eq!(wire.answer(), (431, None), "{what}");
    }
}

#[test]
fn an_idle_connection_keeps_nobody_out_for_ever() {
    let limits = Limits { connections: 1, head_seconds: 1, ..Limits::default() };
    let (_, registry) = start_with(limits);
    let _idle = Wire::open(&registry);
    assert_eq!(registry.http().get("/healthz").status, 200);
}

#[test]
fn only_so_many_publish_at_once() {
    let limits = Limits { publishes: 1, ..Limits::default() };
    let (sigstore, registry) = start_with(limits);
    let mut first = Wire::open(&registry);
    first.send(PUBLISH_HEAD.replace("Host: x", "Host: x\r\nExpect: 100-continue"));
    let mut go_on = [0; 25];
    // The server says so when it begins to read the body.
    first.0.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let second = registry.publish(&release(&sigstore, "1.0.0"));
    assert_eq!(second.outcome(), (503, Some(Code::Unavailable)));
    assert_eq!(second.header("retry-after"), "5");

    first.send("0\r\n\r\n");
    assert_eq!(first.answer(), (400, Some(Code::Request)));
    registry.accept(&release(&sigstore, "1.0.0"));
}

#[test]
fn a_body_of_another_type_is_not_read() {
    let (_, registry) = start_with(Limits::default());
    let mut wire = Wire::open(&registry);
    let head = PUBLISH_HEAD.replace("multipart/form-data; boundary=b", "application/json");
    wire.send(head);
    assert_eq!(wire.answer(), (415, Some(Code::Request)));

    let empty = registry.http().post_form(Form::new().part("x", file(b""))).unwrap();
    assert_eq!(empty.outcome(), (400, Some(Code::Request)));
}
