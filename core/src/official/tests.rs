//! Reading what other registries and domains say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::server_json::ServerJsonError;

const DOCUMENT: &str = r#"{ "name": "com.acme/weather", "version": "1.0.0",
    "description": "Forecasts", "$schema":
    "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json" }"#;

fn entry(document: &str, official: &str) -> String {
    format!(r#"{{"server": {document}, "_meta": {{"{REGISTRY_META}": {official}}}}}"#)
}

#[test]
fn a_page_is_read_entry_by_entry_and_each_as_it_was_sent() {
    let entry = entry(DOCUMENT, r#"{"status": "deprecated", "isLatest": true}"#);
    let page = format!(r#"{{"servers": [{entry}, 7], "metadata": {{"nextCursor": "a"}}}}"#);
    let page = ServerPage::parse(page.as_bytes()).unwrap();
    assert_eq!((page.servers.len(), page.next.as_deref()), (2, Some("a")));
    let listed = ListedServer::read(page.servers[0].get()).unwrap();
    assert_eq!(listed.document, DOCUMENT, "byte for byte");
    assert_eq!((listed.status, listed.is_latest), (ListedStatus::Deprecated, true));
    assert!(listed.is_presentable());
    let wrong = ListedServer::read(page.servers[1].get()).unwrap_err();
    assert!(matches!(wrong, ListedServerError::Shape(_)));
}

#[test]
fn an_entry_that_cannot_be_listed_says_why() {
    type Is = fn(&ListedServerError) -> bool;
    let cases: [(&str, &str, &str, Is); 5] = [
        ("\"1.0.0\"", "\"\"", "{}", |error| matches!(error, ListedServerError::Version)),
        ("\"1.0.0\"", "\"1\\u0000\"", "{}", |error| matches!(error, ListedServerError::Version)),
        ("com.acme/weather", "weather", "{}", |error| {
            matches!(error, ListedServerError::Document(ServerJsonError::Name(_)))
        }),
        ("\"name\"", "\"version\": \"1\", \"name\"", "{}", |error| {
            matches!(error, ListedServerError::Document(ServerJsonError::Json(_)))
        }),
        ("x", "x", r#"{"status": "gone"}"#, |error| matches!(error, ListedServerError::Status(_))),
    ];
    assert!(ListedServer::read(&entry(DOCUMENT, "{}")).is_ok());
    for (from, to, official, is_expected) in cases {
        let entry = entry(&DOCUMENT.replace(from, to), official);
        let error = ListedServer::read(&entry).unwrap_err();
        assert!(is_expected(&error), "{to}: {error:?}");
    }
}

#[test]
fn what_would_cost_a_client_the_page_is_not_presentable() {
    for (from, to, is_presentable) in [
        ("\"Forecasts\"", "\"\"", true),
        ("\"Forecasts\"", "7", false),
        ("\"description\"", "\"summary\"", false),
        ("\"Forecasts\"", "\"F\", \"packages\": [{}]", false),
        ("\"Forecasts\"", "\"F\", \"remotes\": [{\"type\": \"sse\"}]", false),
        ("\"Forecasts\"", "\"F\", \"remotes\": [{\"type\": \"sse\", \"url\": \"x\"}]", true),
        ("\"Forecasts\"", "\"F\", \"remotes\": {}", false),
    ] {
        let listed = ListedServer::read(&entry(&DOCUMENT.replacen(from, to, 1), "{}")).unwrap();
        assert_eq!(listed.is_presentable(), is_presentable, "{to}: {:?}", listed.server.oddities);
    }
}

#[test]
fn a_key_is_read_from_its_record_and_from_no_other() {
    let (short, point) = (STANDARD.encode([7; 32]), STANDARD.encode([2; 49]));
    let parse = |text: &str| ProofKey::parse(text);
    let ed25519 = Ok(Some(ProofKey::Ed25519([7; 32])));
    assert_eq!(parse(&format!("v=MCPv1; k=ed25519; p={short}")), ed25519);
    assert_eq!(parse(&format!("v=MCPv1;k=ed25519;p={short};\n")), ed25519);
    let p384 = Ok(Some(ProofKey::EcdsaP384([2; 49])));
    assert_eq!(parse(&format!("v=MCPv1; k=ecdsap384; p={point}")), p384);
    assert_eq!(parse("v=spf1 -all"), Ok(None));
    let uncompressed = STANDARD.encode([4; 49]);
    for (record, error) in [
        (format!("v=MCPv1; k=rsa; p={short}"), ProofKeyError::Algorithm),
        (format!("v=MCPv1; p={short}"), ProofKeyError::Algorithm),
        (format!("v=MCPv1; k=ed25519; p={point}"), ProofKeyError::Key),
        (format!("v=MCPv1; k=ecdsap384; p={short}"), ProofKeyError::Key),
        (format!("v=MCPv1; k=ecdsap384; p={uncompressed}"), ProofKeyError::Key),
        ("v=MCPv1; k=ed25519".to_owned(), ProofKeyError::Key),
        (format!("v=MCPv1; k=ed25519; p={short}; x=1"), ProofKeyError::Part("x=1".to_owned())),
        (
            format!("v=MCPv1; k=ed25519; k=ed25519; p={short}"),
            ProofKeyError::Part("k=ed25519".to_owned()),
        ),
        (format!("v=MCPv1; k={}", "a".repeat(512)), ProofKeyError::Length(523)),
    ] {
        assert_eq!(parse(&record), Err(error), "{record}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,200}") {
        drop(ProofKey::parse(&text));
        drop(ProofKey::parse(&format!("v=MCPv1; {text}")));
        drop(ServerPage::parse(text.as_bytes()));
        drop(ListedServer::read(&text));
    }

    #[test]
    fn what_is_kept_of_an_entry_is_what_was_sent(description in "[ -~]{0,40}", spaces in " {0,3}") {
        let description = serde_json::to_string(&description).unwrap();
        let document = DOCUMENT.replace("\"Forecasts\"", &format!("{spaces}{description}"));
        let listed = ListedServer::read(&entry(&document, "{}")).unwrap();
        prop_assert_eq!(listed.document, document);
    }
}
