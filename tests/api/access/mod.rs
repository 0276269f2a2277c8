//! A private registry: who may read it, and who may do what.

mod audited;
mod hidden;
mod nonces;
mod official;
mod offline;
mod proofs;
mod proxied;
mod publishing;
mod reload;
mod tokens;

use std::fs;

use mcpkg_registry_server::{AccessFile, PolicyFile};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Reply, Setup, TestIssuer, TestKey, TestRegistry};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{NAME, release};

/// How others reach the registries here, as tokens and proofs name them.
const BASE: &str = "https://mcp.acme.example";

/// Where [`NAME`] is.
const PACKAGE: &str = "/v1/packages/io.github.acme/weather";

/// A registry of a company, with an identity provider and one package.
struct Company {
    sigstore: TestSigstore,
    issuer: TestIssuer,
    registry: TestRegistry,
    _policies: TempDir,
}

/// What a company has beside the usual.
#[derive(Default)]
struct Rules<'a> {
    /// Members of `[access]`.
    access: &'a str,
    /// A file of policies.
    policy: &'a str,
    /// What else differs.
    setup: Setup,
}

impl Company {
    fn start() -> Self {
        Self::with(Rules::default())
    }

    fn with(Rules { access, policy, setup }: Rules<'_>) -> Self {
        let issuer = TestIssuer::start(TestKey::rsa());
        let policies = tempfile::tempdir().unwrap();
        let file = policies.path().join("acme.cedar");
        fs::write(&file, policy).unwrap();
        let sigstore = TestSigstore::start();
        let setup = Setup {
            public_url: Some(BASE.to_owned()),
            access: Some(access_file(&issuer, access)),
            policy: PolicyFile { files: vec![file], ..PolicyFile::default() },
            ..setup
        };
        let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
        registry.accept(&release(&sigstore, "1.0.0"));
        Self { sigstore, issuer, registry, _policies: policies }
    }

    /// The claims of a token for somebody in these groups.
    fn claims(&self, subject: &str, groups: &[&str]) -> Value {
        let mut claims = self.issuer.claims(BASE, subject);
        claims["groups"] = json!(groups);
        claims
    }

    /// A token for somebody who reads.
    fn reader(&self) -> String {
        self.issuer.sign(&self.claims("rita", &["staff"]))
    }

    /// A token for somebody without any role.
    fn stranger(&self) -> String {
        self.issuer.sign(&self.claims("simon", &["guests"]))
    }

    #[track_caller]
    fn get(&self, path: &str, token: &str) -> Reply {
        self.registry.http().get_with(path, &[("authorization", &format!("Bearer {token}"))])
    }
}

/// `[access]` with an issuer `sso`, whose staff reads and whose admins own.
fn access_file(issuer: &TestIssuer, more: &str) -> AccessFile {
    let url = issuer.url();
    let text = format!(
        "{more}
         [[issuer]]
         name = 'sso'
         url = '{url}'
         groups_claim = 'groups'
         [[role]]
         role = 'reader'
         issuer = 'sso'
         groups = ['staff']
         [[role]]
         role = 'owner'
         issuer = 'sso'
         groups = ['admins']
         [[role]]
         role = 'auditor'
         issuer = 'sso'
         claims = {{ department = 'audit' }}
         "
    );
    toml::from_str(&text).unwrap()
}

/// Whether a package is there, and all that is about it, for the bearer of a token.
#[test]
fn a_reader_reads_everything_and_is_told_who_they_are() {
    let company = Company::start();
    let token = company.reader();
    let index = company.get(PACKAGE, &token);
    assert_eq!(index.status, 200, "{index}");
    let document: Value = company.get(&format!("{PACKAGE}/1.0.0"), &token).json();
    let digest = document["artifacts"][0]["digest"].as_str().unwrap();
    for path in [
        format!("/v1/blobs/{digest}"),
        format!("{PACKAGE}/1.0.0/evidence"),
        "/v1/log".to_owned(),
        "/v1/log/checkpoint".to_owned(),
        "/v1/log/tile/0/000.p/1".to_owned(),
        "/v1/log/tile/entries/000.p/1".to_owned(),
        "/v1/log/entries/000.p/1".to_owned(),
    ] {
        let reply = company.get(&path, &token);
        assert_eq!(reply.status, 200, "{path}: {reply}");
    }
    let found: Value = company.get("/v1/search?q=weather", &token).json();
    assert_eq!(found["packages"][0]["name"], NAME);

    let question = format!("/v1/access/can-i?action=read&resource={NAME}");
    let answer: Value = company.get(&question, &token).json();
    assert_eq!(answer["principal"], "User::\"sso/rita\"");
    assert_eq!(answer["allowed"], true);
    assert_eq!(answer["policies"], json!(["readers-read"]));
    let question = format!("/v1/access/can-i?action=publish&resource={NAME}");
    let answer: Value = company.get(&question, &token).json();
    assert_eq!((&answer["allowed"], &answer["policies"]), (&json!(false), &json!([])));
}

#[test]
fn roles_come_from_groups_and_claims() {
    let company = Company::start();
    let can = |claims: &Value, action: &str| {
        let path = format!("/v1/access/can-i?action={action}&resource=registry");
        let answer: Value = company.get(&path, &company.issuer.sign(claims)).json();
        answer["allowed"] == true
    };
    let mut claims = company.claims("ann", &[]);
    assert!(!can(&claims, "audit"));
    claims["department"] = json!("audit");
    assert!(can(&claims, "audit") && !can(&claims, "configure"));
    claims["department"] = json!("audits");
    assert!(!can(&claims, "audit"));
}

#[test]
fn anonymous_reading_can_be_allowed_and_forbidden_again() {
    let policy = "@id(\"hidden\") forbid (principal is Anonymous, action == Action::\"read\", \
                  resource == Package::\"io.github.acme/weather\");";
    for (policy, status) in [("", 200), (policy, 401)] {
        let rules = Rules { access: "anonymous = 'read'", policy, ..Rules::default() };
        let company = Company::with(rules);
        let http = company.registry.http();
        assert_eq!(http.get(PACKAGE).status, status, "{policy}");
        assert_eq!(http.get("/v1/log").status, 200, "{policy}");
        assert_eq!(company.get(PACKAGE, &company.reader()).status, 200, "{policy}");
    }
}

#[test]
fn without_access_and_policy_everything_is_public_as_it_was() {
    let (sigstore, registry) = crate::start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let http = registry.http();
    for path in [PACKAGE, "/v1/log", "/v1/search"] {
        assert_eq!(http.get(path).status, 200, "{path}");
        // Whoever sends a token nevertheless is not asked where it is from.
        assert_eq!(http.get_with(path, &[("authorization", "Bearer x")]).status, 200, "{path}");
    }
    assert_eq!(http.get("/.well-known/oauth-protected-resource").status, 404);
}
