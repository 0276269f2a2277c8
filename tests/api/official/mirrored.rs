//! What is mirrored, in the same lists as what is published here.

use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::{Code, Digest};
use mcpkg_registry_server::NamedRegistry;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Setup, SourceSetup, TestListing, TestRegistry};
use serde_json::json;

use super::{get, listed, title};
use crate::{NAME, acme, acme_news, release, start};

/// A registry with two releases of one package, and one of another.
fn source() -> (TestSigstore, TestRegistry) {
    let (sigstore, source) = start();
    for version in ["1.0.0", "1.1.0"] {
        source.accept(&release(&sigstore, version));
    }
    let alerts = Draft::new("io.github.acme/alerts", "0.1.0");
    source.accept(&alerts.sign(&sigstore, &acme()));
    (sigstore, source)
}

/// A registry that mirrors `source`, has followed it, and has a package of its own.
fn mirror(sigstore: &TestSigstore, source: &TestRegistry, setup: Setup) -> TestRegistry {
    let followed = SourceSetup {
        name: "public",
        url: source.url().to_owned(),
        log_key: source.log_key().verifier(),
    };
    let setup = Setup { sources: vec![followed], ..setup };
    let mirror = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    assert_eq!(mirror.http().get(&format!("/source/public/v1/packages/{NAME}")).status, 200);
    let news = Draft::new("io.github.acme/news", "1.0.0");
    mirror.accept(&news.sign(sigstore, &acme_news()));
    mirror
}

const ALL: [&str; 4] = [
    "io.github.acme/alerts@0.1.0",
    "io.github.acme/news@1.0.0",
    "io.github.acme/weather@1.0.0",
    "io.github.acme/weather@1.1.0",
];

#[test]
fn what_a_source_has_is_listed_beside_our_own_and_is_had_from_here() {
    let (sigstore, source) = source();
    let registries = [("all", None), ("public", Some(vec!["public"])), ("own", Some(Vec::new()))];
    let registries = registries.map(|(name, sources)| NamedRegistry {
        name: name.into(),
        packages: Vec::new(),
        sources: sources.map(|all| all.into_iter().map(str::to_owned).collect()),
        anonymous: true,
    });
    let setup = Setup {
        public_url: Some("https://mcp.acme.example".into()),
        registries: registries.to_vec(),
        ..Setup::default()
    };
    let registry = mirror(&sigstore, &source, setup);
    for face in ["/v0.1", "/v0", "/registry/all/v0.1", "/registry/public/v0"] {
        assert_eq!(listed(&get(&registry, &format!("{face}/servers"))), ALL, "{face}");
        let one = format!("{face}/servers/io.github.acme%2Fweather/versions");
        assert_eq!(listed(&get(&registry, &one)).len(), 2, "{face}");
        assert_eq!(title(&get(&registry, &format!("{one}/latest"))), ALL[3], "{face}");
        let latest = get(&registry, &format!("{face}/servers?version=latest"));
        assert_eq!(listed(&latest), [ALL[0], ALL[1], ALL[3]], "{face}");
    }
    assert_eq!(listed(&get(&registry, "/registry/own/v0.1/servers")), ALL[1..2]);
    let hidden = "/registry/own/v0.1/servers/io.github.acme%2Fweather/versions";
    assert_eq!(registry.http().get(hidden).outcome(), (404, Some(Code::NotFound)));

    let entry = get(&registry, "/v0.1/servers/io.github.acme%2Fweather/versions/1.0.0");
    let package = &entry["server"]["packages"][0];
    let digest = package["fileSha256"].as_str().unwrap();
    let path = format!("/source/public/v1/blobs/sha256:{digest}");
    assert_eq!(package["registryType"], "mcpb");
    assert_eq!(package["identifier"], format!("https://mcp.acme.example{path}"));
    let bytes = registry.http().get(&path).body;
    assert_eq!(Digest::of(&bytes).to_hex(), digest);

    let evidence = "/v0.1/x/dev.mcpkg/servers/io.github.acme%2Fweather/versions/1.0.0";
    let document: ReleaseDocument = registry.http().get(evidence).json();
    let pointer = &entry["_meta"]["dev.mcpkg/evidence"];
    let expected = json!({
        "signed": true, "metadata": document.metadata, "entry": 0, "source": "public",
    });
    assert_eq!(*pointer, expected);
    let there = format!("/source/public/v1/packages/{NAME}/1.0.0");
    let below: ReleaseDocument = registry.http().get(&there).json();
    assert_eq!(document.log.receipt, below.log.receipt);
}

#[test]
fn pages_go_on_over_all_of_it_whatever_is_published_meanwhile() {
    let (sigstore, source) = source();
    let registry = mirror(&sigstore, &source, Setup::default());
    for filter in ["", "&version=latest", "&search=acme", "&updated_since=2001-01-01T00:00:00Z"] {
        let whole = listed(&get(&registry, &format!("/v0.1/servers?limit=100{filter}")));
        assert!(whole.len() >= 3, "{filter}: {whole:?}");
        let mut page = get(&registry, &format!("/v0.1/servers?limit=1{filter}"));
        let mut paged = listed(&page);
        while let Some(cursor) = page["metadata"]["nextCursor"].as_str() {
            page = get(&registry, &format!("/v0.1/servers?limit=1&cursor={cursor}"));
            paged.extend(listed(&page));
        }
        assert_eq!(paged, whole, "{filter}");
    }
    let page = get(&registry, "/v0.1/servers?limit=2");
    assert_eq!(listed(&page), ALL[..2]);
    for name in ["io.github.acme/aaa", "io.github.acme/rain", "io.github.acme/zzz"] {
        registry.accept(&Draft::new(name, "1.0.0").sign(&sigstore, &acme()));
    }
    let cursor = page["metadata"]["nextCursor"].as_str().unwrap();
    let rest = listed(&get(&registry, &format!("/v0.1/servers?limit=100&cursor={cursor}")));
    assert_eq!(rest, ["io.github.acme/rain@1.0.0", ALL[2], ALL[3], "io.github.acme/zzz@1.0.0"]);
}

#[test]
fn one_name_is_one_source_s() {
    let (sigstore, source) = source();
    let registry = mirror(&sigstore, &source, Setup::default());
    let listing = TestListing::start();
    let at = json!({ "status": "active", "publishedAt": "2026-01-01T00:00:00Z" });
    let entry = |name: &str| super::importing::entry(name, "9.0.0", &at);
    listing.says(vec![vec![entry(NAME), entry("io.github.acme/later"), entry("ai.example/one")]]);
    let (code, report) = super::importing::import(&registry, &listing, &[]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["refused"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["refused"][0]["name"], NAME);
    assert_eq!(report["refused"][0]["code"], "E_NAMESPACE_OWNER");
    let all = [&["ai.example/one@9.0.0"], &ALL[..1], &["io.github.acme/later@9.0.0"], &ALL[1..]];
    assert_eq!(listed(&get(&registry, "/v0.1/servers")), all.concat());
}
