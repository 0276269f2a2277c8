//! Servers elsewhere over TLS: whose certificate is believed, and what is never sent.

use mcpkg_test_support::{TestCa, TestProxy, TlsFront, Whim};

use super::*;
use crate::guard::agent::{Agent, initialize};

/// The server behind TLS, by a name that only the company's proxy knows.
struct Company {
    elsewhere: Elsewhere,
    ca: TestCa,
    proxy: TestProxy,
    _fronts: [TlsFront; 2],
}

/// Its name.
const HOST: &str = "mcp.acme.example";

/// Another name that leads to the same server, with the certificate of the first.
const ALIAS: &str = "weather.acme.example";

impl Company {
    fn new() -> Self {
        let elsewhere = Elsewhere { fixture: Fixture::empty(), remote: TestRemote::start() };
        elsewhere.remote.ask_for(&format!("Bearer {TOKEN}"));
        for (version, host) in [("1.2.0", HOST), ("1.3.0", ALIAS)] {
            let document = server(version, &format!("https://{host}/{{tenant}}/mcp"));
            publish(&elsewhere.fixture, &document);
        }
        let ca = TestCa::generate("Acme");
        let front = || TlsFront::start(&ca, &[HOST], elsewhere.remote.url());
        let fronts = [front(), front()];
        let hosts = [(HOST, fronts[0].address()), (ALIAS, fronts[1].address())];
        let hosts = hosts.map(|(host, to)| (format!("{host}:443"), to));
        let proxy = TestProxy::start(&hosts.each_ref().map(|(host, to)| (host.as_str(), *to)));
        Self { elsewhere, ca, proxy, _fronts: fronts }
    }

    /// Somebody who has installed a version, and believes this authority: with the registry
    /// that it is from, or with the whole system.
    fn developer(&self, version: &str, believes: Option<(&TestCa, Believed)>) -> World {
        let fixture = &self.elsewhere.fixture;
        let mut world = fixture.developer();
        let mut variables = vec![
            ("THE_TOKEN".to_owned(), TOKEN.to_owned()),
            ("HTTPS_PROXY".to_owned(), self.proxy.url()),
        ];
        if let Some((ca, by)) = believes {
            let path = world.file(".config/mcpkg/ca.pem", ca.pem()).display().to_string();
            match by {
                Believed::Registry => {
                    let config = world.read(".config/mcpkg/config.toml");
                    let [before, after] =
                        config.splitn(2, "name = \"test\"\n").collect::<Vec<_>>()[..]
                    else {
                        panic!("{config}")
                    };
                    world.file(
                        ".config/mcpkg/config.toml",
                        format!("{before}name = \"test\"\nca = \"ca.pem\"\n{after}"),
                    );
                }
                Believed::System => variables.push(("SSL_CERT_FILE".to_owned(), path)),
            }
        }
        world.set(variables);
        let name = format!("{NAME}@{version}");
        let mut install = INSTALL.to_vec();
        install[1] = &name;
        world.ok(&install);
        world
    }
}

#[derive(Clone, Copy)]
enum Believed {
    Registry,
    System,
}

/// What the agent hears first.
fn first(world: &World) -> Value {
    let mut agent = Agent::start(world, &["weather"]);
    let answer = agent.ask("initialize", &initialize(&json!({})));
    agent.end();
    answer
}

#[test]
fn a_companys_authority_vouches_for_the_servers_of_its_registry() {
    let company = Company::new();
    for believed in [Believed::Registry, Believed::System] {
        let developer = company.developer("1.2.0", Some((&company.ca, believed)));
        let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
        assert_eq!(agent.tools(), ["forecast"]);
        assert_eq!(agent.end(), Some(0));
    }
    let all = company.elsewhere.remote.sent();
    assert!(all.iter().all(|it| it.headers["authorization"] == format!("Bearer {TOKEN}")));
    let asked = company.proxy.asked();
    assert!(asked.iter().all(|line| *line == format!("CONNECT {HOST}:443 HTTP/1.1")), "{asked:?}");
}

#[test]
fn whoever_has_no_certificate_for_its_name_is_sent_nothing() {
    let company = Company::new();
    let other = TestCa::generate("Acme");
    let by = Believed::Registry;
    let rows = [
        ("1.2.0", None, "nobody here knows the authority"),
        ("1.2.0", Some((&other, by)), "an authority of the same name"),
        ("1.3.0", Some((&company.ca, by)), "the right authority, and another host's name"),
    ];
    for (version, believes, why) in rows {
        let answer = first(&company.developer(version, believes));
        assert_eq!(answer["error"]["data"]["code"], "E_TRANSPORT", "{why}: {answer}");
        let sentence = answer["error"]["message"].as_str().unwrap();
        assert!(sentence.contains("certificate"), "{why}: {sentence}");
        assert!(company.elsewhere.remote.sent().is_empty(), "{why}");
    }
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let fixture = Fixture::empty();
    let author = fixture.ci(&acme());
    let refused = "is not an https URL";
    for (url, why) in [
        ("http://mcp.acme.example/{tenant}/mcp", "not https"),
        ("http://127.0.0.1.acme.example/{tenant}/mcp", "a name that begins as an address"),
        ("http://localhost.acme.example/{tenant}/mcp", "a name that begins as this machine's"),
        ("http://10.0.0.7/{tenant}/mcp", "an address in our network"),
        ("ws://127.0.0.1/{tenant}/mcp", "another protocol"),
    ] {
        author.file("package/server.json", server("1.2.0", url).to_string());
        let outcome = author.refused(&["pack", "package"], 3, &["E_METADATA"]);
        assert!(outcome.stderr.contains(refused), "{why}\n{outcome}");
    }
}

#[test]
fn a_redirect_to_another_origin_is_told_and_nothing_is_sent_there() {
    let company = Company::new();
    let developer = company.developer("1.2.0", Some((&company.ca, Believed::Registry)));
    let stranger = TestRemote::start();
    let (plain, same) = (stranger.url(), format!("https://{HOST}/other"));
    // To plain http, to another name, and to another path of the same: none is signed.
    for to in [plain, &format!("https://{ALIAS}/mcp"), &same] {
        company.elsewhere.remote.behave(Whim::None);
        let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
        company.elsewhere.remote.behave(Whim::Redirect(to.to_owned()));
        let answer = agent.call("forecast");
        assert_eq!(answer["error"]["data"]["code"], "E_TRANSPORT", "{to}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("sends us elsewhere"));
        agent.end();
    }
    assert!(stranger.sent().is_empty());
    let asked = company.proxy.asked();
    assert!(asked.iter().all(|line| line.contains(HOST)), "{asked:?}");
    let elsewhere = |it: &mcpkg_test_support::Sent| it.target == "/other";
    assert!(!company.elsewhere.remote.sent().iter().any(elsewhere));
}
