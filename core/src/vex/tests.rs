use proptest::prelude::*;
use serde_json::json;

use super::*;

fn document(statement: &Value) -> Value {
    json!({
        "@context": CONTEXT,
        "@id": "https://acme.example/vex/1",
        "author": "security@acme.example",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [statement],
    })
}

fn statement() -> Value {
    json!({
        "vulnerability": { "name": "GHSA-1", "aliases": ["CVE-2026-1"] },
        "products": [{ "@id": "pkg:mcpkg/io.github.acme/weather@1.2.0" }],
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    })
}

fn release() -> (PackageName, Version) {
    ("io.github.acme/Weather".parse().unwrap(), "1.2.0".parse().unwrap())
}

#[test]
fn a_statement_is_about_the_release_and_the_advisory_that_it_names() {
    let (name, version) = release();
    let purl = "pkg:mcpkg/io.github.acme/weather";
    for (product, advisory, is_about) in [
        (json!({ "@id": format!("{purl}@1.2.0") }), "GHSA-1", true),
        (json!({ "@id": format!("{purl}@1.2.0") }), "cve-2026-1", true),
        (json!({ "@id": format!("{purl}@1.2.0?os=linux") }), "GHSA-1", true),
        (json!({ "@id": purl }), "GHSA-1", true),
        (json!({ "@id": "x", "identifiers": { "purl": purl } }), "GHSA-1", true),
        (json!({ "@id": purl }), "GHSA-2", false),
        (json!({ "@id": format!("{purl}@1.2.1") }), "GHSA-1", false),
        (json!({ "@id": format!("{purl}-radar") }), "GHSA-1", false),
        (json!({ "@id": "pkg:npm/io.github.acme/weather@1.2.0" }), "GHSA-1", false),
        (json!({ "@id": "weather" }), "GHSA-1", false),
    ] {
        let mut statement = statement();
        statement["products"] = json!([product]);
        let document = Document::from_value(&document(&statement)).unwrap();
        let says = document.says(&name, &version, advisory);
        assert_eq!(says.is_some(), is_about, "{product} {advisory}");
    }
}

#[test]
fn only_what_is_not_affected_or_fixed_is_excused_and_the_last_word_counts() {
    let (name, version) = release();
    for (status, is_excused) in [
        ("not_affected", true),
        ("fixed", true),
        ("affected", false),
        ("under_investigation", false),
    ] {
        let mut later = statement();
        later["status"] = status.into();
        let mut document = document(&statement());
        document["statements"].as_array_mut().unwrap().push(later);
        let document = Document::from_value(&document).unwrap();
        assert_eq!(document.says(&name, &version, "GHSA-1").unwrap().excuses(), is_excused);
    }
}

#[test]
fn what_is_no_document_is_refused() {
    let change = |pointer: &str, value: Value| {
        let mut document = document(&statement());
        *document.pointer_mut(pointer).unwrap() = value;
        document.to_string()
    };
    for (text, code) in [
        (String::new(), "E_REQUEST"),
        ("{}".to_owned(), "E_REQUEST"),
        (r#"{"@context":"a","@context":"b"}"#.to_owned(), "E_REQUEST"),
        (change("/@context", "https://openvex.dev/ns/v9".into()), "E_REQUEST"),
        (change("/timestamp", "yesterday".into()), "E_REQUEST"),
        (change("/statements/0/status", "fine".into()), "E_REQUEST"),
        (change("/statements/0/justification", "".into()), "E_REQUEST"),
        (change("/statements/0/products", json!([])), "E_REQUEST"),
        (change("/statements/0/vulnerability/name", "".into()), "E_REQUEST"),
        (change("/statements/0/vulnerability/name", "GHSA-\u{202e}1".into()), "E_REQUEST"),
        (change("/statements", vec![statement(); MAX_STATEMENTS + 1].into()), "E_REQUEST"),
        (" ".repeat(MAX_BYTES + 1), "E_LIMIT"),
    ] {
        let error = Document::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.code().as_str(), code, "{}", text.chars().take(80).collect::<String>());
    }
    assert!(Document::parse(document(&statement()).to_string().as_bytes()).is_ok());
    let seed = include_bytes!("../../../fuzz/seeds/vex/not_affected.json");
    assert_eq!(Document::parse(seed).unwrap().statements.len(), 2);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_excuses_another_release(text in ".*", other in "[a-z]{1,9}") {
        let _ = Document::parse(text.as_bytes());
        let mut statement = statement();
        statement["products"] = json!([{ "@id": text }, { "@id": format!("pkg:mcpkg/a/{other}") }]);
        if let Ok(document) = Document::from_value(&document(&statement)) {
            let (name, version) = release();
            prop_assert!(document.says(&name, &version, "GHSA-1").is_none());
        }
    }
}
