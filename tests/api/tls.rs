//! TLS: the certificate, other certificates while it runs, and clients' own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use mcpkg_core::Code;
use mcpkg_core::api::Problem;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Http, Pair, TestCa};
use reqwest::Method;

use crate::process::{Place, Process};

const NAME: &str = "mcp.acme.example";

/// A place for a registry with a certificate of a company's authority.
struct Company {
    ca: TestCa,
    place: Place,
}

impl Company {
    /// One whose files are looked at when somebody asks for it.
    fn new(further: &str) -> Self {
        let (ca, place) = (TestCa::generate("Acme"), Place::new(&TestSigstore::start()));
        let company = Self { ca, place };
        company.show(&company.ca.server(&[NAME]));
        company.place.configure(&format!(
            "[tls]\ncertificate = 'server.pem'\nkey = 'server-key.pem'\n{further}"
        ));
        company
    }

    fn show(&self, Pair { certificate, key }: &Pair) {
        self.write("server.pem", certificate);
        self.write("server-key.pem", key);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.place.folder().join(name), text).unwrap();
    }

    fn client(&self, process: &Process, identity: Option<&Pair>) -> Http {
        Http::trusting(https(process), &self.ca, identity)
    }
}

const SELDOM: &str = "reload_seconds = 3600";

fn https(process: &Process) -> String {
    process.http.url().replace("http://", "https://")
}

fn stream(process: &Process) -> TcpStream {
    let stream = TcpStream::connect(process.http.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

#[track_caller]
fn is_refused(client: &Http) {
    let reply = client.request(Method::GET, "/healthz", &[]);
    assert!(reply.is_err(), "{}", reply.unwrap());
}

#[test]
fn who_trusts_the_companys_authority_is_served_and_told_to_stay() {
    let company = Company::new(SELDOM);
    let process = company.place.serve();
    let reply = company.client(&process, None).get("/healthz");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(company.client(&process, None).get("/nowhere").outcome().0, 404);
    is_refused(&Http::trusting(https(&process), &TestCa::generate("Acme"), None));
}

#[test]
fn plain_http_is_answered_plainly_and_hears_nothing_else() {
    let company = Company::new(SELDOM);
    let process = company.place.serve();
    let mut stream = stream(&process);
    stream.write_all(b"GET /v1/log HTTP/1.1\r\nhost: mcp.acme.example\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    // Over plain HTTP anybody could have said so (RFC 6797, section 7.2).
    assert!(!head.contains("strict-transport-security"), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!(problem.code, Code::Transport);
}

#[test]
fn http_without_tls_says_nothing_of_tls() {
    let process = Place::new(&TestSigstore::start()).serve();
    assert_eq!(process.http.get("/healthz").header("strict-transport-security"), "");
}

#[test]
fn a_new_certificate_is_used_without_a_restart_or_a_broken_connection() {
    let company = Company::new(SELDOM);
    let process = company.place.serve();
    let old = company.client(&process, None);
    assert_eq!(old.get("/healthz").status, 200);
    let other = TestCa::generate("Acme, from next year on");
    company.show(&other.server(&[NAME]));
    process.hang_up();
    process.wait_for_log("a new certificate is in use");
    // This one is kept open between requests, and does not trust the new authority.
    assert_eq!(old.get("/healthz").status, 200);
    is_refused(&company.client(&process, None));
    assert_eq!(Http::trusting(https(&process), &other, None).get("/healthz").status, 200);
}

#[test]
fn a_new_certificate_is_noticed_without_being_told() {
    let company = Company::new("reload_seconds = 1");
    let process = company.place.serve();
    let other = TestCa::generate("Acme, from next year on");
    company.show(&other.server(&[NAME]));
    process.wait_for_log("a new certificate is in use");
    assert_eq!(Http::trusting(https(&process), &other, None).get("/healthz").status, 200);
}

#[test]
fn a_broken_pair_leaves_the_old_one_in_force() {
    let company = Company::new(SELDOM);
    let process = company.place.serve();
    let good = company.ca.server(&[NAME]);
    let rows = [
        ("another key", Pair { key: company.ca.server(&[NAME]).key, ..good.clone() }),
        ("no key", Pair { key: good.certificate.clone(), ..good.clone() }),
        ("no certificate", Pair { certificate: String::new(), ..good.clone() }),
        ("an expired one", company.ca.expired_server(&[NAME])),
    ];
    for (what, pair) in rows {
        company.show(&pair);
        process.hang_up();
        let event = process.wait_for_log("the new certificate cannot be used; the old one stays");
        assert!(event["error"].as_str().unwrap().contains("server"), "{what}: {event}");
        assert_eq!(company.client(&process, None).get("/healthz").status, 200, "{what}");
        // The same is not told twice; what is told next is of the next row.
    }
    company.show(&good);
    process.hang_up();
    process.wait_for_log("a new certificate is in use");
}

#[test]
fn a_registry_does_not_start_with_a_broken_pair() {
    let company = Company::new(SELDOM);
    let good = company.ca.server(&[NAME]);
    let rows = [
        ("an expired one", company.ca.expired_server(&[NAME]), "has expired"),
        (
            "another key",
            Pair { key: company.ca.server(&[NAME]).key, ..good.clone() },
            "cannot be used with its key",
        ),
        ("no key", Pair { key: "none".to_owned(), ..good.clone() }, "holds no private key"),
    ];
    for (what, pair, reason) in rows {
        company.show(&pair);
        let said = company.place.refused(&["serve"], 1);
        assert!(said.contains("error[E_CONFIG]") && said.contains(reason), "{what}: {said}");
    }
    company.show(&good);
    company.place.serve();
}

#[test]
fn a_client_without_a_good_certificate_gets_nowhere() {
    let company = Company::new("reload_seconds = 3600\nclient_ca = 'clients.pem'");
    company.write("clients.pem", company.ca.pem());
    let process = company.place.serve();
    let stranger = TestCa::generate("Acme");
    let good = company.ca.client("ci");
    assert_eq!(company.client(&process, Some(&good)).get("/healthz").status, 200);
    is_refused(&company.client(&process, None));
    is_refused(&company.client(&process, Some(&stranger.client("ci"))));
    is_refused(&company.client(&process, Some(&company.ca.expired_client("ci"))));
    is_refused(&company.client(&process, Some(&company.ca.server(&["ci"]))));
}

#[test]
fn an_optional_certificate_may_be_missing_but_not_bad() {
    let company = Company::new(
        "reload_seconds = 3600\nclient_ca = 'clients.pem'\nclient_certificates = 'optional'",
    );
    company.write("clients.pem", company.ca.pem());
    let process = company.place.serve();
    assert_eq!(company.client(&process, None).get("/healthz").status, 200);
    let stranger = TestCa::generate("Acme");
    is_refused(&company.client(&process, Some(&stranger.client("ci"))));
}

#[test]
fn a_handshake_that_never_ends_does_not_hold_its_place() {
    let company = Company::new(SELDOM);
    company.place.configure("[limits]\nconnections = 1\nhead_seconds = 1");
    let process = company.place.serve();
    // The only place: nothing at all, and then the start of a handshake and no more.
    for start in [b"".as_slice(), &[22, 3, 1]] {
        let mut silent = stream(&process);
        silent.write_all(start).unwrap();
        // Waits in the kernel until the place is free again.
        assert_eq!(company.client(&process, None).get("/healthz").status, 200);
        let mut rest = Vec::new();
        // It was hung up on, whether with a goodbye or without.
        let _ = silent.read_to_end(&mut rest);
        assert!(!rest.windows(4).any(|bytes| bytes == b"HTTP"), "{rest:?}");
    }
}
