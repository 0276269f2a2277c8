//! A server, a broker and a host, each with TLS of its own, on this machine.

mod host;
mod runtimes;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use self::host::{Certificate, HeldBack, TestHost};
use super::*;
use crate::egress::{Broker, Options, Pins, Plan, Report, Sockets};

const NAME: &str = "api.example.com";
const SECRET: &str = "sk-live-0123456789abcdef";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A broker for [`NAME`], which has [`SECRET`].
struct Stage {
    host: TestHost,
    placeholder: String,
    trust: Trust,
    inside: SocketAddr,
    denials: Receiver<String>,
    broker: Broker,
}

fn stage(certificate: Certificate, answer: &'static str) -> Stage {
    let host = TestHost::new(certificate, answer);
    let grant: HostPort = format!("{NAME}:{}", host.port()).parse().unwrap();
    let secret = Brokered::new(SECRET, &grant).unwrap();
    let placeholder = secret.placeholder().as_str().to_owned();
    let swap = Swap::new(vec![secret], &Roots::Pem(host.trusted_pem())).unwrap();
    let trust = swap.trust();
    let inside = SocketAddr::from((Ipv4Addr::new(127, 71, 0, 1), host.port()));
    let (sender, denials) = channel();
    let report: Report = Arc::new(move |denial| sender.send(denial.to_string()).unwrap());
    let options = Options {
        pins: Pins::default().with(NAME, Ipv4Addr::LOCALHOST.into()),
        swap: Some(Arc::new(swap)),
        ..Options::default()
    };
    let sockets = Sockets {
        listeners: vec![TcpListener::bind(inside).unwrap()],
        name_server: UdpSocket::bind("127.0.0.1:0").unwrap(),
    };
    let plan = Plan::new(&[grant].into()).unwrap();
    let broker = Broker::start(&plan, sockets, options, report).unwrap();
    Stage { host, placeholder, trust, inside, denials, broker }
}

impl Stage {
    /// A request with `{host}` and `{placeholder}` filled in, as bytes.
    fn request(&self, template: &str) -> String {
        let host = format!("{NAME}:{}", self.host.port());
        template.replace("{host}", &host).replace("{placeholder}", &self.placeholder)
    }

    /// What the server reads if it sends `template` to the host called `name`.
    fn exchange(&self, name: &str, protocols: &[&[u8]], template: &str) -> String {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.trust.additional_pem.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(tls, TcpStream::connect(self.inside).unwrap());
        if let Err(error) = stream.write_all(self.request(template).as_bytes()) {
            return format!("not sent: {error}");
        }
        let mut answer = Vec::new();
        // Some ends are abrupt; what was read before them counts.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn get(&self, template: &str) -> String {
        self.exchange(NAME, &[HTTP_1_1], template)
    }

    /// What the host was sent, and what was reported.
    fn end(self) -> (String, Vec<String>) {
        drop(self.broker);
        let denials: Vec<String> = self.denials.iter().collect();
        assert!(
            !denials.concat().contains(SECRET) && !denials.concat().contains(&self.placeholder)
        );
        (self.host.received(), denials)
    }
}

#[test]
fn the_host_gets_the_secret_and_only_in_headers_for_credentials() {
    let stage = stage(Certificate::Right, OK);
    let answer = stage.get(
        "POST /a?key={placeholder} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {placeholder}\r\n\
         X-Api-Key: {placeholder}\r\nUser-Agent: {placeholder}\r\nX-Amz-Meta-Key: {placeholder}\r\n\
         Accept-Encoding: gzip\r\nConnection: close\r\nContent-Length: 50\r\n\r\n{placeholder}",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    let placeholder = stage.placeholder.clone();
    let port = stage.host.port();
    let (received, denials) = stage.end();
    let lines: Vec<&str> = received.lines().collect();
    assert_eq!(lines[0], format!("POST /a?key={placeholder} HTTP/1.1"));
    for line in [
        format!("host: {NAME}:{port}"),
        format!("authorization: Bearer {SECRET}"),
        format!("x-api-key: {SECRET}"),
        format!("user-agent: {placeholder}"),
        format!("x-amz-meta-key: {placeholder}"),
        "accept-encoding: identity".to_owned(),
        "content-length: 50".to_owned(),
        placeholder,
    ] {
        assert!(lines.contains(&line.as_str()), "{line}\n{received}");
    }
    assert_eq!(received.matches(SECRET).count(), 2, "{received}");
    assert!(!received.contains("connection:"), "{received}");
    assert_eq!(denials, [""; 0]);
}

#[test]
fn a_request_that_is_not_for_the_host_goes_nowhere() {
    let head = "Authorization: {placeholder}\r\nConnection: close\r\n\r\n";
    for (what, request, status) in [
        ("another host", "GET / HTTP/1.1\r\nHost: evil.example\r\n", "421"),
        ("another port", "GET / HTTP/1.1\r\nHost: api.example.com:1\r\n", "421"),
        ("the default port", "GET / HTTP/1.1\r\nHost: api.example.com\r\n", "421"),
        ("a user", "GET / HTTP/1.1\r\nHost: evil.example@{host}\r\n", "421"),
        ("another target", "GET https://evil.example/ HTTP/1.1\r\nHost: {host}\r\n", "421"),
        ("without TLS", "GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n", "421"),
        ("two hosts", "GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n", "400"),
        ("no host", "GET / HTTP/1.1\r\n", "400"),
        ("a tunnel", "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n", "405"),
    ] {
        let stage = stage(Certificate::Right, OK);
        let answer = stage.get(&format!("{request}{head}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        let (received, denials) = stage.end();
        assert_eq!(received, "", "{what}");
        assert!(denials[0].ends_with("the request is not for the host that has the secret"));
    }
    // The same, and its target in full: nothing was wrong with the rest of it.
    let stage = stage(Certificate::Right, OK);
    let request = format!("GET https://{{host}}/x HTTP/1.1\r\nHost: {{host}}\r\n{head}");
    assert!(stage.get(&request).starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(stage.end().0.starts_with("GET /x HTTP/1.1\r\n"));
}

#[test]
fn a_body_is_a_body_wherever_two_readers_could_see_its_end() {
    const SMUGGLED: &str =
        "GET /smuggled HTTP/1.1\r\nHost: {host}\r\nAuthorization: {placeholder}\r\n\r\n";
    let chunk = format!("4\r\n{SMUGGLED}0\r\n\r\n");
    for (what, framing, body, is_passed) in [
        ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", true),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 4\r\n", "abcd", false),
        ("an odd coding", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n", false),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n", false),
        (
            "a length named as of the connection",
            "Content-Length: 4\r\nConnection: content-length\r\n",
            "abcd",
            true,
        ),
        ("a folded line", "X: a\r\n Transfer-Encoding: chunked\r\n", "", false),
        ("a chunk that says too little", "Transfer-Encoding: chunked\r\n", &chunk, true),
    ] {
        let stage = stage(Certificate::Right, OK);
        let head = "POST /first HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {placeholder}\r\n";
        let answer = stage.get(&format!("{head}Connection: close\r\n{framing}\r\n{body}"));
        let (received, _) = stage.end();
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 400 ");
        assert!(is_passed || (is_refused && received.is_empty()), "{what}: {answer}\n{received}");
        let framings = received.matches("content-length:").count()
            + received.matches("transfer-encoding:").count();
        assert!(framings <= 1, "{what}: {received}");
        assert!(received.matches(SECRET).count() <= 1, "{what}: {received}");
    }
}

#[test]
fn a_secret_that_comes_back_is_masked_or_withheld() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {placeholder}\r\nConnection: close\r\n\r\n";
    const MASKED: &str = "it is ************************ here";
    for (what, answer, status, body, reason) in [
        (
            "in a body",
            "HTTP/1.1 200 OK\r\ncontent-length: 35\r\n\r\nit is sk-live-0123456789abcdef here",
            "200",
            Some(MASKED),
            Some("the secret was in the answer, and was masked"),
        ),
        (
            "in two chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             b\r\nit is sk-li\r\n18\r\nve-0123456789abcdef here\r\n0\r\n\r\n",
            "200",
            Some(MASKED),
            Some("the secret was in the answer, and was masked"),
        ),
        (
            "in a header",
            "HTTP/1.1 200 OK\r\nx-you-sent: sk-live-0123456789abcdef\r\ncontent-length: 2\r\n\r\nok",
            "200",
            Some("ok"),
            Some("the secret was in the answer, and was masked"),
        ),
        (
            "compressed",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx",
            "502",
            None,
            Some("the answer is compressed, and could not be searched for the secret"),
        ),
        (
            "its beginning alone",
            "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nit is sk-live",
            "200",
            Some("it is sk-live"),
            None,
        ),
        (
            "an upgrade",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "502",
            None,
            Some("the request is not for the host that has the secret"),
        ),
    ] {
        let stage = stage(Certificate::Right, answer);
        let answer = stage.get(REQUEST);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        assert!(!answer.contains(SECRET), "{what}: {answer}");
        if let Some(body) = body {
            // The body of an answer without a length comes in chunks.
            let joined: String = answer.split("\r\n\r\n").skip(1).collect();
            let joined: String =
                joined.split("\r\n").filter(|it| usize::from_str_radix(it, 16).is_err()).collect();
            assert_eq!(joined, body, "{what}");
        }
        let (received, denials) = stage.end();
        assert!(received.contains(SECRET), "{what}");
        let denials: Vec<&str> =
            denials.iter().map(|it| it.splitn(3, ':').last().unwrap().trim()).collect();
        assert_eq!(denials, reason.into_iter().collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn bytes_are_held_back_only_while_they_could_be_a_secret() {
    let held: HeldBack =
        host::pieces(&["abc", "sk-", "live", "-X", "sk-live-0123456789abcdef", "sk"]);
    let expected = ["abc", "", "", "sk-live-X", "************************", ""];
    assert_eq!(held.pieces, expected);
    assert_eq!(held.rest, "sk");
}

#[test]
fn a_host_that_is_not_the_host_gets_nothing() {
    for certificate in [Certificate::OfAnotherName, Certificate::OfAStranger] {
        let stage = stage(certificate, OK);
        let answer = stage.get(
            "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {placeholder}\r\nConnection: close\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        let (received, denials) = stage.end();
        assert_eq!(received, "");
        assert!(denials[0].ends_with("the TLS handshake failed"), "{denials:?}");
    }
}

#[test]
fn a_connection_that_is_not_http_1_over_tls_to_the_host_is_none() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {placeholder}\r\n\r\n";
    let stage = stage(Certificate::Right, OK);
    let answer = stage.exchange(NAME, &[b"h2"], REQUEST);
    assert!(
        answer.starts_with("not sent: ") && answer.contains("NoApplicationProtocol"),
        "{answer}"
    );
    let answer = stage.exchange("evil.example", &[HTTP_1_1], REQUEST);
    assert!(answer.starts_with("not sent: "), "{answer}");
    let mut stream = TcpStream::connect(stage.inside).unwrap();
    stream.write_all(stage.request(REQUEST).as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "it is not asked without TLS");
    let (received, denials) = stage.end();
    assert_eq!(received, "");
    assert_eq!(denials.len(), 2, "{denials:?}");
}

#[test]
fn one_connection_carries_many_requests_and_outlives_those_of_the_host() {
    // The host closes each connection after one answer.
    let stage = stage(
        Certificate::Right,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    );
    let answer = stage.get(
        "GET /1 HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {placeholder}\r\n\r\n\
         GET /2 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    let (received, _) = stage.end();
    assert!(received.contains("GET /1 ") && received.contains("GET /2 "), "{received}");
    assert_eq!(received.matches(SECRET).count(), 1, "{received}");
}

#[test]
fn the_authority_is_believed_for_its_hosts_alone() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let own = Host::Name(NAME.to_owned());
    let authority = Authority::new([&own].into_iter()).unwrap();
    for (host, is_believed) in [
        (own.clone(), true),
        (Host::Name("evil.example".to_owned()), false),
        (Host::V4(Ipv4Addr::new(93, 184, 216, 34)), false),
    ] {
        let config = authority.be(&host, Arc::clone(&provider)).unwrap();
        assert_eq!(host::believes(&authority.pem(), &host, config), is_believed, "{host}");
    }
}
