//! The stock `mcp-publisher`, against the real server.
//!
//! `tests/interop/publisher/run` builds it and names it in `MCP_PUBLISHER`.

use std::path::Path;
use std::process::{Command, Output};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_registry_server::{IssuerConfig, OfficialConfig};
use mcpkg_test_support::domain::Zone;
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Setup, TestDomain, TestRegistry};
use serde_json::{Value, json};

use super::{get, listed, meta};

/// The seed of a key that lists itself in the test's own domain.
const SEED: [u8; 32] = [7; 32];

/// Runs `mcp-publisher` in the home of somebody who has nothing else.
fn run(program: &Path, home: &Path, variables: &[(String, String)], args: &[&str]) -> Output {
    Command::new(program)
        .env_clear()
        .env("HOME", home)
        .envs(variables.iter().cloned())
        .current_dir(home)
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn succeed(program: &Path, home: &Path, variables: &[(String, String)], args: &[&str]) -> String {
    let output = run(program, home, variables, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}\n{text}\n{:?}", output.stderr);
    text
}

#[test]
fn the_stock_publisher_works() {
    let Some(program) = std::env::var_os("MCP_PUBLISHER") else {
        eprintln!("skipped: MCP_PUBLISHER names no mcp-publisher; see tests/interop/publisher/run");
        return;
    };
    let program = Path::new(&program);
    let sigstore = TestSigstore::start();
    let domain = TestDomain::start("acme.example");
    let key = Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap();
    let record = format!("v=MCPv1; k=ed25519; p={}", STANDARD.encode(key.public_key()));
    domain.says(Zone {
        apex_texts: vec![record.clone()],
        document: Some((200, record)),
        ..Zone::default()
    });
    let github = "https://token.actions.githubusercontent.com";
    let names = |name: &str| vec![name.parse().unwrap()];
    let official = OfficialConfig {
        publish: vec!["example.acme/*".parse().unwrap(), "io.github.acme/*".parse().unwrap()],
        audience: None,
        issuer: vec![IssuerConfig {
            issuer: github.into(),
            keys: Some(format!("{}/.well-known/jwks", sigstore.url())),
            names: names("io.github.acme/*"),
            claims: [("repository_owner".to_owned(), "acme".to_owned())].into(),
        }],
    };
    let setup = Setup { authority: Some(domain.authority()), official, ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let seed = hex::encode(SEED);
    let at = registry.url();
    let job = sigstore.github_environment(&Identity::github("acme/weather"));
    let login =
        ["login", "dns", "--registry", at, "--domain", "acme.example", "--private-key", &seed];
    let by_host =
        ["login", "http", "--registry", at, "--domain", "acme.example", "--private-key", &seed];
    let by_job = ["login", "github-oidc", "--registry", at];
    for (login, name) in
        [(&login[..], "example.acme/by-dns"), (&by_job[..], "io.github.acme/by-job")]
    {
        succeed(program, home, &job, login);
        let document = json!({
            "$schema": mcpkg_core::server_json::SCHEMA,
            "name": name,
            "version": "1.0.0",
            "description": "Forecasts for the next ten days",
            "remotes": [{ "type": "streamable-http", "url": "https://mcp.acme.example/" }],
        });
        std::fs::write(home.join("server.json"), document.to_string()).unwrap();
        succeed(program, home, &[], &["validate"]);
        let said = succeed(program, home, &[], &["publish"]);
        assert!(said.contains("Successfully published"), "{said}");
        let path = format!("/v0.1/servers/{}/versions/1.0.0", name.replace('/', "%2F"));
        let entry = get(&registry, &path);
        assert_eq!(entry["server"]["remotes"], document["remotes"]);
        assert_eq!(entry["_meta"]["dev.mcpkg/evidence"]["signed"], false);

        let deprecate = ["status", "--status", "deprecated", "--message", "wait", name, "1.0.0"];
        succeed(program, home, &[], &deprecate);
        assert_eq!(meta(&get(&registry, &path))["status"], "deprecated");
        let delete = ["status", "--status", "deleted", "--all-versions", "--yes", name];
        succeed(program, home, &[], &delete);
        assert!(!listed(&get(&registry, "/v0.1/servers")).contains(&format!("{name}@1.0.0")));
    }
    // A domain that does not list the key, and a name that nobody opened.
    let stranger = hex::encode([8; 32]);
    let wrong =
        ["login", "dns", "--registry", at, "--domain", "acme.example", "--private-key", &stranger];
    let output = run(program, home, &[], &wrong);
    assert!(!output.status.success());
    // The timestamp is to the second, and the first login may have used this one up.
    let by_host = run(program, home, &[], &by_host);
    let said = String::from_utf8_lossy(&by_host.stderr).into_owned();
    assert!(by_host.status.success() || said.contains("E_OIDC_REPLAY"), "{said}");
    let nobodys: Value = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": "org.other/weather",
        "version": "1.0.0",
        "description": "Forecasts",
    });
    std::fs::write(home.join("server.json"), nobodys.to_string()).unwrap();
    let output = run(program, home, &[], &["publish"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("E_NAMESPACE"));
}
