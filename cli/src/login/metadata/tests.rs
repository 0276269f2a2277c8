use mcpkg_core::Coded as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn resource() -> Value {
    json!({
        "resource": "https://mcp.acme.example",
        "authorization_servers": ["https://sso.acme.example/realm", "https://other.example"],
        "mcpkg_client_id": "mcpkg",
    })
}

fn issuer() -> Value {
    json!({
        "issuer": "https://sso.acme.example/realm",
        "authorization_endpoint": "https://sso.acme.example/auth",
        "token_endpoint": "https://sso.acme.example/token",
        "revocation_endpoint": "https://sso.acme.example/revoke",
        "device_authorization_endpoint": "https://sso.acme.example/device",
    })
}

fn read_resource(document: &Value, base: &str) -> Result<ResourceMetadata, &'static str> {
    let base = url(base);
    ResourceMetadata::read(document.to_string().as_bytes(), &resource_url(&base), &base)
        .map_err(|error| error.code().as_str())
}

fn read_issuer(document: &Value) -> Result<IssuerMetadata, &'static str> {
    let name = "https://sso.acme.example/realm";
    let from = &issuer_urls(&url(name))[0];
    IssuerMetadata::read(document.to_string().as_bytes(), from, name)
        .map_err(|error| error.code().as_str())
}

#[test]
fn documents_are_where_the_rfcs_have_them() {
    for (base, expected) in [
        ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
        ("https://a.example/b/", "https://a.example/.well-known/oauth-protected-resource/b"),
        ("http://127.0.0.1:7/b", "http://127.0.0.1:7/.well-known/oauth-protected-resource/b"),
    ] {
        assert_eq!(resource_url(&url(base)).as_str(), expected);
    }
    let [oauth, oidc] = issuer_urls(&url("https://a.example/b/"));
    assert_eq!(oauth.as_str(), "https://a.example/.well-known/oauth-authorization-server/b");
    assert_eq!(oidc.as_str(), "https://a.example/b/.well-known/openid-configuration");
}

#[test]
fn a_registry_speaks_for_itself_and_what_is_below_it() {
    for (named, base, is_it) in [
        ("https://mcp.acme.example", "https://mcp.acme.example/", true),
        ("https://mcp.acme.example/", "https://mcp.acme.example/source/public", true),
        ("https://mcp.acme.example/source", "https://mcp.acme.example/source/public", true),
        ("https://mcp.acme.example/sour", "https://mcp.acme.example/source/public", false),
        ("https://mcp.acme.example/source/public", "https://mcp.acme.example/", false),
        ("https://mcp.acme.example:444", "https://mcp.acme.example/", false),
        ("http://mcp.acme.example", "https://mcp.acme.example/", false),
        ("https://mcp.acme.example.evil.example", "https://mcp.acme.example/", false),
        ("https://mcp.acme.example/?a", "https://mcp.acme.example/", false),
        ("acme", "https://mcp.acme.example/", false),
    ] {
        let mut document = resource();
        document["resource"] = json!(named);
        assert_eq!(read_resource(&document, base).is_ok(), is_it, "{named} for {base}");
    }
}

#[test]
fn the_name_of_this_program_is_for_the_first_issuer_alone() {
    let found = read_resource(&resource(), "https://mcp.acme.example/").unwrap();
    assert_eq!(found.client_id("https://sso.acme.example/realm"), Some("mcpkg"));
    assert_eq!(found.client_id("https://other.example"), None);
}

#[test]
fn another_issuer_than_the_pinned_one_is_refused() {
    let found = read_resource(&resource(), "https://mcp.acme.example/").unwrap();
    assert_eq!(found.issuer(None).unwrap(), "https://sso.acme.example/realm");
    assert_eq!(found.issuer(Some("https://other.example")).unwrap(), "https://other.example");
    for pinned in
        ["https://sso.acme.example/realm/", "https://SSO.acme.example/realm", "https://x.example"]
    {
        assert_eq!(found.issuer(Some(pinned)).unwrap_err().code().as_str(), "E_ISSUER");
    }
    let nobody = ResourceMetadata { authorization_servers: Vec::new(), ..found };
    assert_eq!(nobody.issuer(None).unwrap_err().code().as_str(), "E_LOGIN");
    assert_eq!(nobody.issuer(Some("https://x.example")).unwrap_err().code().as_str(), "E_ISSUER");
}

#[test]
fn one_thing_wrong_in_a_document_is_enough() {
    type Change = fn(&mut Value);
    let resources: [(&str, Change, &str); 5] = [
        ("another", |it| it["resource"] = json!("https://evil.example"), "E_REGISTRY"),
        (
            "no resource",
            |it| drop(it.as_object_mut().unwrap().shift_remove("resource")),
            "E_REGISTRY",
        ),
        (
            "no list",
            |it| it["authorization_servers"] = json!("https://sso.acme.example"),
            "E_REGISTRY",
        ),
        (
            "an escape",
            |it| it["authorization_servers"][0] = json!("https://a\u{1b}[2K"),
            "E_REGISTRY",
        ),
        ("too many", |it| it["scopes_supported"] = vec!["a"; 65].into(), "E_REGISTRY"),
    ];
    for (what, change, code) in resources {
        let mut document = resource();
        change(&mut document);
        assert_eq!(read_resource(&document, "https://mcp.acme.example/"), Err(code), "{what}");
    }
    let issuers: [(&str, Change, &str); 6] = [
        ("another", |it| it["issuer"] = json!("https://evil.example"), "E_ISSUER"),
        ("with a slash", |it| it["issuer"] = json!("https://sso.acme.example/realm/"), "E_ISSUER"),
        (
            "no token",
            |it| drop(it.as_object_mut().unwrap().shift_remove("token_endpoint")),
            "E_REGISTRY",
        ),
        (
            "plain",
            |it| it["token_endpoint"] = json!("http://sso.acme.example/token"),
            "E_TRANSPORT",
        ),
        ("plain, here", |it| it["token_endpoint"] = json!("http://127.0.0.1/token"), "E_TRANSPORT"),
        (
            "a script",
            |it| it["authorization_endpoint"] = json!("javascript:alert(1)"),
            "E_TRANSPORT",
        ),
    ];
    for (what, change, code) in issuers {
        let mut document = issuer();
        change(&mut document);
        assert_eq!(read_issuer(&document), Err(code), "{what}");
    }
    assert!(read_issuer(&issuer()).is_ok());
}

#[test]
fn an_issuer_is_as_safe_as_its_registry() {
    for (issuer, base, is_safe) in [
        ("https://sso.acme.example", "https://mcp.acme.example/", true),
        ("https://sso.acme.example", "http://127.0.0.1:1/", true),
        ("http://127.0.0.1:2", "http://127.0.0.1:1/", true),
        ("http://127.0.0.1:2", "https://mcp.acme.example/", false),
        ("http://sso.acme.example", "http://127.0.0.1:1/", false),
        ("https://sso.acme.example?a=b", "https://mcp.acme.example/", false),
        ("https://u@sso.acme.example", "https://mcp.acme.example/", false),
        ("file:///etc/passwd", "https://mcp.acme.example/", false),
    ] {
        assert_eq!(issuer_url(issuer, &url(base)).is_ok(), is_safe, "{issuer} by {base}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let base = url("https://mcp.acme.example/");
        prop_assert!(ResourceMetadata::read(&bytes, &base, &base).is_err());
        prop_assert!(IssuerMetadata::read(&bytes, &base, "https://sso.acme.example").is_err());
    }
}
