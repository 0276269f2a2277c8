use mcpkg_core::evidence::Signer;
use mcpkg_test_support::TestDomain;
use mcpkg_test_support::domain::Zone;

use super::*;

const DOMAIN: &str = "acme.example";
const LISTED: &str = "v=mcpkg1; issuer=https://sso.acme.example; subject=release@acme.example";
const OTHER: &str = "v=mcpkg1; issuer=https://sso.acme.example; subject=other@acme.example";
const DOCUMENT: &str = r#"{"version":1,"identities":[
    {"issuer":"https://sso.acme.example","subject":"other@acme.example"},
    {"issuer":"https://sso.acme.example","subject":"release@acme.example"}]}"#;
const OTHERS: &str = r#"{"version":1,"identities":[]}"#;

fn publisher() -> Publisher {
    Publisher::of(&Signer {
        issuer: "https://sso.acme.example".to_owned(),
        subject: "release@acme.example".to_owned(),
        build: None,
    })
    .unwrap()
}

fn name() -> PackageName {
    "example.acme/tool".parse().unwrap()
}

/// How `domain` is asked by a test; `change` makes one thing different.
fn authority(domain: &TestDomain, change: impl FnOnce(&mut AuthorityConfig)) -> Authority {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, domain.ca_pem()).unwrap();
    let mut config = AuthorityConfig {
        resolver: Some(domain.name_server()),
        private_addresses: true,
        ca: Some(ca),
        port: Some(domain.port()),
        ..AuthorityConfig::default()
    };
    change(&mut config);
    Authority::new(&config).unwrap()
}

/// How it came out: where it was found, or the code of why not.
async fn outcome(authority: &Authority) -> &'static str {
    match authority.vouches(&name(), &publisher()).await {
        Ok(None) => "not asked",
        Ok(Some(proof)) => {
            assert!(proof.covers(&name(), &publisher()), "{proof:?}");
            place(proof.method)
        }
        Err(error) => error.code().as_str(),
    }
}

fn texts(texts: &[&str]) -> Zone {
    Zone { texts: texts.iter().map(|&text| text.to_owned()).collect(), ..Zone::default() }
}

fn document(status: u16, document: &str) -> Zone {
    Zone { document: Some((status, document.to_owned())), ..Zone::default() }
}

#[tokio::test]
async fn a_domain_vouches_in_either_place() {
    let domain = TestDomain::start(DOMAIN);
    let authority = authority(&domain, |_| ());
    let long = format!("{OTHER}{}", " ".repeat(300));
    let empty = document(200, OTHERS);
    let both = |zone: Zone| Zone { document: empty.document.clone(), ..zone };
    for (zone, expected) in [
        (both(texts(&[LISTED])), "DNS"),
        (both(texts(&["v=spf1 -all", &long, LISTED])), "DNS"),
        (document(200, DOCUMENT), "https"),
        (Zone { texts: vec![OTHER.to_owned()], ..document(200, DOCUMENT) }, "https"),
        // It has answered, and lists others or nobody.
        (both(texts(&[OTHER])), "E_NAMESPACE"),
        (document(404, DOCUMENT), "E_NAMESPACE"),
        (document(200, OTHERS), "E_NAMESPACE"),
        // Nobody knows what it would have said.
        (document(500, DOCUMENT), "E_UNAVAILABLE"),
        (document(302, DOCUMENT), "E_UNAVAILABLE"),
        (texts(&[OTHER]), "E_UNAVAILABLE"),
        (Zone { is_refusing: true, ..document(200, DOCUMENT) }, "E_UNAVAILABLE"),
        // What it says is malformed.
        (both(texts(&[LISTED, "v=mcpkg1; everybody"])), "E_NAMESPACE"),
        (document(200, "{"), "E_NAMESPACE"),
        (document(200, &" ".repeat(MAX_DOCUMENT + 1)), "E_UNAVAILABLE"),
    ] {
        domain.says(zone.clone());
        assert_eq!(outcome(&authority).await, expected, "{zone:?}");
    }
}

const MAX_DOCUMENT: usize = mcpkg_core::domain::MAX_WELL_KNOWN_BYTES;

#[tokio::test]
async fn only_what_is_configured_is_asked() {
    type Change = fn(&mut AuthorityConfig);
    let domain = TestDomain::start(DOMAIN);
    let rows: [(Change, Zone, &str); 6] = [
        (|it| it.well_known = false, texts(&[LISTED]), "DNS"),
        (|it| it.well_known = false, texts(&[OTHER]), "E_NAMESPACE"),
        (|it| it.dns = false, document(200, DOCUMENT), "https"),
        (
            |it| it.dns = false,
            Zone { texts: vec![LISTED.to_owned()], ..document(200, OTHERS) },
            "E_NAMESPACE",
        ),
        (
            |it| (it.dns, it.well_known) = (false, false),
            Zone { texts: vec![LISTED.to_owned()], ..document(200, DOCUMENT) },
            "not asked",
        ),
        // The host is on this machine, and its certificate nobody's.
        (|it| it.private_addresses = false, document(200, DOCUMENT), "E_UNAVAILABLE"),
    ];
    for (change, zone, expected) in rows {
        domain.says(zone.clone());
        assert_eq!(outcome(&authority(&domain, change)).await, expected, "{zone:?}");
    }
    domain.says(document(200, DOCUMENT));
    assert_eq!(outcome(&authority(&domain, |it| it.ca = None)).await, "E_UNAVAILABLE");
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let domain = TestDomain::start(DOMAIN);
    let location = Some(format!("https://{DOMAIN}:{}/", domain.port()));
    domain.says(Zone { location, ..document(302, DOCUMENT) });
    let authority = authority(&domain, |_| ());
    let error = authority.vouches(&name(), &publisher()).await.unwrap_err();
    // Following it would end in a loop, which is another failure.
    let AuthorityError::Lookup { source: LookupError::Status(302), .. } = error else {
        panic!("{error:?}")
    };
}

#[tokio::test]
async fn a_forges_namespace_has_no_domain_to_ask() {
    let domain = TestDomain::start(DOMAIN);
    let authority = authority(&domain, |_| ());
    for name in ["io.github.acme/tool", "acme/tool", "localhost.acme/tool"] {
        let proof = authority.vouches(&name.parse().unwrap(), &publisher()).await;
        assert!(matches!(proof, Ok(None)), "{name}: {proof:?}");
    }
}
