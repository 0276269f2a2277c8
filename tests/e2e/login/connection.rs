//! The way to a registry: a company's authority, its proxy, and certificates of one's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use mcpkg_test_support::{
    ClientCertificates, Gate, Rules, Setup, TestCa, TestIdentityProvider, TestProxy, TlsFile,
    TlsFront, TlsVersion, World, world,
};

use super::{Login, browse, keep_in_file, user_of};
use crate::fixture::{Fixture, NAME};

/// A registry that speaks TLS itself, with a certificate of `ca`.
fn tls(ca: &TestCa, folder: &tempfile::TempDir, clients: Option<&TestCa>) -> TlsFile {
    let write = |name: &str, text: &str| {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let pair = ca.server(&["localhost"]);
    TlsFile {
        certificate: write("server.pem", &pair.certificate),
        key: write("key.pem", &pair.key),
        client_ca: clients.map(|ca| write("clients.pem", ca.pem())),
        client_certificates: ClientCertificates::Required,
        min_version: TlsVersion::V1_3,
        reload_seconds: 3600,
    }
}

fn registry(ca: &TestCa, clients: Option<&TestCa>) -> (Fixture, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { tls: Some(tls(ca, &folder, clients)), ..Setup::default() };
    (Fixture::set_up(setup), folder)
}

fn private_file(world: &World, name: &str, text: &str) -> String {
    let path = world.file(name, text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!("file:{}", path.display())
}

#[test]
fn a_registry_with_an_authority_of_its_own_is_believed_with_that_alone() {
    let ca = TestCa::generate("Acme");
    let (fixture, _folder) = registry(&ca, None);
    let world = world!();
    world.file("ca.pem", ca.pem());
    fixture.add_registry(&world, fixture.registry.url(), &["--private", "--ca", "ca.pem"]);
    // What is trusted is a copy.
    world.file("ca.pem", TestCa::generate("Acme").pem());
    world.ok(&["search", "weather"]);
    let other = world!();
    other.file("ca.pem", TestCa::generate("Acme").pem());
    fixture.add_registry(&other, fixture.registry.url(), &["--private", "--ca", "ca.pem"]);
    other.refused(&["search", "weather"], 1, &["E_TRANSPORT"]);
    let none = user_of(&fixture, fixture.registry.url(), &["--private"]);
    none.refused(&["search", "weather"], 1, &["E_TRANSPORT"]);
    let empty = world!();
    empty.file("ca.pem", "no certificate\n");
    let key = fixture.registry.log_key().verifier().to_string();
    let add = ["registry", "add", "x", fixture.registry.url(), "--ca", "ca.pem", "--log-key", &key];
    empty.refused(&add, 1, &["E_CONFIG"]);
}

#[test]
fn a_registry_that_asks_for_a_certificate_gets_it() {
    let ca = TestCa::generate("Acme");
    let (fixture, _folder) = registry(&ca, Some(&ca));
    let user = |pair: &mcpkg_test_support::Pair| {
        let world = world!();
        world.file("ca.pem", ca.pem());
        world.file("client.pem", &pair.certificate);
        let key = private_file(&world, "client-key.pem", &pair.key);
        let own = ["--client-certificate", "client.pem", "--client-key", &key];
        let flags = [["--private", "--ca", "ca.pem"].as_slice(), &own].concat();
        fixture.add_registry(&world, fixture.registry.url(), &flags);
        world
    };
    user(&ca.client("ada")).ok(&["search", "weather"]);
    let stranger = TestCa::generate("Acme").client("ada");
    user(&stranger).refused(&["search", "weather"], 1, &["E_TRANSPORT"]);
    let nobody = world!();
    nobody.file("ca.pem", ca.pem());
    fixture.add_registry(&nobody, fixture.registry.url(), &["--private", "--ca", "ca.pem"]);
    nobody.refused(&["search", "weather"], 1, &["E_TRANSPORT"]);
}

#[test]
fn behind_a_proxy_everything_goes_through_it_and_it_sees_names_alone() {
    let (registry, sso) = ("https://mcp.acme.example", "https://sso.acme.example");
    let ca = TestCa::generate("Acme");
    let fixture = Fixture::with_weather();
    let issuer =
        TestIdentityProvider::start_with(Rules { url: Some(sso.to_owned()), ..Rules::default() });
    let gate = Gate::start_with(Some(registry), fixture.registry.url(), &issuer, |_| ());
    let fronts = [
        TlsFront::start(&ca, &["mcp.acme.example"], gate.url()),
        TlsFront::start(&ca, &["sso.acme.example"], issuer.own_url()),
    ];
    let proxy = TestProxy::start(&[
        ("mcp.acme.example:443", fronts[0].address()),
        ("sso.acme.example:443", fronts[1].address()),
    ]);
    let user = |flags: &[&str]| {
        let world = world!();
        world.file("ca.pem", ca.pem());
        world.file(".claude.json", "{}\n");
        fixture.add_registry(&world, registry, &[&["--private", "--ca", "ca.pem"], flags].concat());
        keep_in_file(&world);
        world
    };
    let mut by_environment = user(&[]);
    by_environment.set([("HTTPS_PROXY".to_owned(), proxy.url())]);
    for world in [user(&["--proxy", &proxy.url()]), by_environment] {
        let mut login =
            Login::begin(&world, &["login", "test", "--browser", "--no-open", "--issuer", sso]);
        // The browser has its own way there.
        let address = login.shown("open").replace(sso, issuer.own_url());
        assert_eq!(browse(&address), 200);
        let outcome = login.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        world.ok(&["install", NAME, "--yes"]);
    }
    let known = ["mcp.acme.example:443", "sso.acme.example:443"];
    let known = known.map(|host| format!("CONNECT {host} HTTP/1.1"));
    let asked = proxy.asked();
    assert!(asked.iter().all(|line| known.contains(line)), "{asked:?}");
    assert!(known.iter().all(|line| asked.contains(line)), "{asked:?}");

    // A host that is excepted is looked for by its name, which nobody here knows.
    let mut except = user(&[]);
    except.set([
        ("HTTPS_PROXY".to_owned(), proxy.url()),
        ("NO_PROXY".to_owned(), ".acme.example".to_owned()),
    ]);
    except.refused(&["search", "weather"], 1, &["E_TRANSPORT"]);
    assert_eq!(proxy.asked().len(), asked.len());
}

#[test]
fn this_machine_is_not_reached_by_a_proxy() {
    let ca = TestCa::generate("Acme");
    let (fixture, _folder) = registry(&ca, None);
    let proxy = TestProxy::start(&[]);
    for url in [
        fixture.registry.url().to_owned(),
        fixture.registry.url().replace("127.0.0.1", "localhost"),
    ] {
        let mut world = world!();
        world.file("ca.pem", ca.pem());
        world.set([("HTTPS_PROXY".to_owned(), proxy.url())]);
        let flags = ["--private", "--ca", "ca.pem", "--proxy", &proxy.url()];
        fixture.add_registry(&world, &url, &flags);
        world.ok(&["search", "weather"]);
    }
    assert!(proxy.asked().is_empty());
}

#[test]
fn no_password_of_a_proxy_is_kept() {
    let fixture = Fixture::empty();
    let key = fixture.registry.log_key().verifier().to_string();
    let world = world!();
    for proxy in
        ["http://ada:secret@proxy.example:3128", "socks5://proxy.example", "proxy.example:3128"]
    {
        let args =
            ["registry", "add", "x", "https://mcp.example", "--log-key", &key, "--proxy", proxy];
        let outcome = world.refused(&args, 1, &["E_CONFIG"]);
        assert!(!outcome.to_string().contains("secret@"), "{outcome}");
    }
    assert!(world.files().is_empty());
}
