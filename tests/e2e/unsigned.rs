//! What was published without a signature, and those who ask for it.

use mcpkg_core::Digest;
use mcpkg_test_support::{IssuerConfig, OfficialConfig, Setup, TestSignOn};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::Fixture;

#[test]
fn what_nobody_has_signed_is_not_installed_and_the_command_says_so() {
    let issuer = TestSignOn::start();
    let names = || vec!["com.acme/*".parse().unwrap()];
    let official = OfficialConfig {
        publish: names(),
        audience: Some("https://mcp.acme.example".into()),
        issuer: vec![IssuerConfig {
            issuer: issuer.url().into(),
            keys: None,
            names: names(),
            claims: [("sub".to_owned(), "release@acme.example".to_owned())].into(),
        }],
    };
    let fixture = Fixture::set_up(Setup { official, ..Setup::default() });
    let http = fixture.registry.http();
    let token = issuer.token(&json!({ "aud": "https://mcp.acme.example" }));
    let body = json!({ "oidc_token": token }).to_string();
    let answer: Value = http.send_with(Method::POST, "/v0/auth/oidc", &[], body).json();
    let bearer = format!("Bearer {}", answer["registry_token"].as_str().unwrap());
    let document = |name: &str| {
        json!({
            "$schema": mcpkg_core::server_json::SCHEMA,
            "name": name,
            "version": "1.0.0",
            "description": "Forecasts for the next ten days",
        })
    };
    let mut remote = document("com.acme/weather");
    remote["remotes"] = json!([{ "type": "streamable-http", "url": "https://mcp.acme.example/" }]);
    let mut image = document("com.acme/tides");
    // Its digest says which bytes it has, and nobody that they are the right ones.
    let pinned = format!("ghcr.io/acme/tides:1.0.0@{}", Digest::of(b"manifest"));
    image["packages"] = json!([{
        "registryType": "oci",
        "identifier": pinned,
        "transport": { "type": "stdio" },
    }]);
    let headers = [("authorization", bearer.as_str())];
    for document in [&remote, &image] {
        let reply = http.send_with(Method::POST, "/v0/publish", &headers, document.to_string());
        assert_eq!(reply.status, 200, "{reply}");
    }

    let developer = fixture.developer();
    for wanted in
        ["com.acme/weather", "com.acme/weather@1.0.0", "com.acme/tides", "com.acme/tides@1.0.0"]
    {
        let outcome = developer.refused(&["install", wanted, "--yes"], 3, &["E_PROVENANCE"]);
        assert!(outcome.stderr.contains("nobody has signed it"), "{outcome}");
        assert!(outcome.stderr.contains("mcpkg publish"), "what would help: {outcome}");
    }
    assert!(!developer.lock_path().exists() && !developer.store_path().exists());
    assert_eq!(developer.read(".claude.json"), "{}\n", "nothing was linked");
    developer.refused(&["install", "com.acme/nothing", "--yes"], 1, &["E_NOT_FOUND"]);
}
