//! Publishing without a signature: who may, and what comes of it.

use aws_lc_rs::encoding::{AsBigEndian as _, EcPublicKeyCompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mcpkg_core::Code;
use mcpkg_registry_server::{IssuerConfig, OfficialConfig};
use mcpkg_test_support::domain::Zone;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Reply, Setup, TestDomain, TestRegistry, TestSignOn};
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, listed, meta};
use crate::{NAME, release};

/// Where the tests' own names are.
const AUDIENCE: &str = "https://mcp.acme.example";

/// A registry in which names of `com.acme` and `example.acme` may be published unsigned.
fn start(issuer: &TestSignOn, domain: Option<&TestDomain>) -> (TestSigstore, TestRegistry) {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let official = OfficialConfig {
        publish: names(&[
            "com.acme/*",
            "example.acme/*",
            "example.acme.team/*",
            "io.github.acme/*",
        ]),
        audience: None,
        issuer: vec![IssuerConfig {
            issuer: issuer.url().into(),
            keys: None,
            names: names(&["com.acme/*", "io.github.acme/*"]),
            claims: [("groups".to_owned(), "publishers".to_owned())].into(),
        }],
    };
    let sigstore = TestSigstore::start();
    let setup = Setup {
        public_url: Some(format!("{AUDIENCE}/registry-of/acme")),
        authority: domain.map(TestDomain::authority),
        official,
        ..Setup::default()
    };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    (sigstore, registry)
}

fn good() -> Value {
    json!({ "aud": AUDIENCE, "groups": ["all", "publishers"] })
}

fn post(registry: &TestRegistry, path: &str, body: &Value) -> Reply {
    registry.http().send_with(Method::POST, path, &[], body.to_string())
}

fn exchange(registry: &TestRegistry, token: &str) -> Reply {
    post(registry, "/v0/auth/oidc", &json!({ "oidc_token": token }))
}

fn logged_in(registry: &TestRegistry, issuer: &TestSignOn) -> String {
    let reply = exchange(registry, &issuer.token(&good()));
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.header("cache-control"), "no-store");
    let answer: Value = reply.json();
    let ends = answer["expires_at"].as_i64().unwrap() - Timestamp::now().as_second();
    assert!((200..=300).contains(&ends), "minutes: {ends}");
    answer["registry_token"].as_str().unwrap().to_owned()
}

fn document(name: &str, version: &str) -> Value {
    json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": name,
        "version": version,
        "description": "Forecasts for the next ten days",
        "packages": [{
            "registryType": "npm",
            "identifier": "@acme/weather",
            "version": version,
            "transport": { "type": "stdio" },
        }],
    })
}

fn send(registry: &TestRegistry, method: Method, path: &str, token: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    registry.http().send_with(method, path, &[("authorization", &bearer)], body.to_string())
}

fn publish(registry: &TestRegistry, token: &str, body: &Value) -> Reply {
    send(registry, Method::POST, "/v0/publish", token, body)
}

#[test]
fn what_is_published_with_a_token_is_listed_as_unsigned() {
    let issuer = TestSignOn::start();
    let (_sigstore, registry) = start(&issuer, None);
    let token = logged_in(&registry, &issuer);
    let wanted = document("com.acme/weather", "1.0.0");
    let reply = publish(&registry, &token, &wanted);
    assert_eq!(reply.status, 200, "{reply}");
    let entry: Value = reply.json();
    assert_eq!(entry["server"], wanted, "with its own packages");
    assert_eq!(entry["_meta"]["dev.mcpkg/evidence"], json!({ "signed": false }));
    assert_eq!(meta(&entry)["status"], "active");
    let page = get(&registry, "/v0.1/servers");
    assert_eq!(page["servers"], json!([entry]));
    let known = "/v0.1/x/dev.mcpkg/servers/com.acme%2Fweather/versions/1.0.0";
    let known = get(&registry, known);
    let by = format!("oidc {} release@acme.example", issuer.url());
    assert_eq!((&known["signed"], &known["publishedBy"]), (&json!(false), &json!(by)));
    // It is no package, and whoever asks for one is told why.
    let reply = registry.http().get("/v1/packages/com.acme/weather");
    assert_eq!(reply.outcome(), (404, Some(Code::Provenance)));

    let again = publish(&registry, &token, &wanted);
    assert_eq!((again.status, again.body), (200, reply_body(&registry)));
    let mut other = wanted.clone();
    other["description"] = "Something else".into();
    assert_eq!(publish(&registry, &token, &other).outcome(), (409, Some(Code::Immutable)));
}

fn reply_body(registry: &TestRegistry) -> Vec<u8> {
    registry.http().get("/v0.1/servers/com.acme%2Fweather/versions/1.0.0").body
}

#[test]
fn the_status_of_what_is_unsigned_can_be_changed() {
    let issuer = TestSignOn::start();
    let (_sigstore, registry) = start(&issuer, None);
    let token = logged_in(&registry, &issuer);
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(publish(&registry, &token, &document("com.acme/weather", version)).status, 200);
    }
    let one = "/v0/servers/com.acme%2Fweather/versions/2.0.0/status";
    let all = "/v0/servers/com.acme%2Fweather/status";
    let change = |path: &str, body: Value| send(&registry, Method::PATCH, path, &token, &body);
    let reply = change(one, json!({ "status": "deprecated", "statusMessage": "wait for 3.0" }));
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(meta(&reply.json())["statusMessage"], "wait for 3.0");
    let reply = change(one, json!({ "status": "deleted" }));
    assert_eq!(meta(&reply.json())["status"], "deleted");
    let latest = get(&registry, "/v0/servers/com.acme%2Fweather/versions/latest");
    assert_eq!(latest["server"]["version"], "1.0.0");
    let reply: Value = change(all, json!({ "status": "active" })).json();
    assert_eq!(reply["updatedCount"], 2);
    assert_eq!(listed(&get(&registry, "/v0/servers")).len(), 2);
    for (path, body, outcome) in [
        (one, json!({ "status": "gone" }), (400, Code::Request)),
        (one, json!({ "status": "active", "statusMessage": "x" }), (400, Code::Request)),
        (
            one,
            json!({ "status": "deleted", "statusMessage": "x".repeat(501) }),
            (400, Code::Request),
        ),
        (one, json!({ "status": "deleted", "reason": "x" }), (400, Code::Request)),
        (
            "/v0/servers/com.acme%2Fweather/versions/3.0.0/status",
            json!({ "status": "deleted" }),
            (404, Code::NotFound),
        ),
        (
            "/v0/servers/com.acme%2Fnews/status",
            json!({ "status": "deleted" }),
            (404, Code::NotFound),
        ),
        (
            "/v0/servers/example.acme%2Fnews/status",
            json!({ "status": "deleted" }),
            (403, Code::Namespace),
        ),
    ] {
        let (status, code) = outcome;
        assert_eq!(change(path, body).outcome(), (status, Some(code)), "{path}");
    }
}

#[test]
fn only_what_was_proven_may_be_published_and_only_unsigned_names() {
    let issuer = TestSignOn::start();
    let (sigstore, registry) = start(&issuer, None);
    registry.accept(&release(&sigstore, "1.0.0"));
    let token = logged_in(&registry, &issuer);
    let mut odd = document("com.acme/weather", "1.0.0");
    odd["description"] = "".into();
    for (body, status, code) in [
        (document("com.acme.team/weather", "1.0.0"), 403, Code::Namespace),
        (document("example.acme/weather", "1.0.0"), 403, Code::Namespace),
        (document("org.other/weather", "1.0.0"), 403, Code::Namespace),
        (document(NAME, "2.0.0"), 409, Code::ProvenanceLost),
        (document("io.github.acme/Weather", "2.0.0"), 409, Code::ProvenanceLost),
        (document("com.acme/weather", "^1.0.0"), 422, Code::Metadata),
        (document("weather", "1.0.0"), 422, Code::Name),
        (odd, 422, Code::Metadata),
        (json!([]), 422, Code::Metadata),
    ] {
        assert_eq!(publish(&registry, &token, &body).outcome(), (status, Some(code)), "{body}");
    }
    assert_eq!(listed(&get(&registry, "/v0.1/servers")), [format!("{NAME}@1.0.0")]);
    // A signed release takes the name, and what was there gives way.
    let unsigned = document("io.github.acme/news", "1.0.0");
    assert_eq!(publish(&registry, &token, &unsigned).status, 200);
    let draft = mcpkg_test_support::Draft::new("io.github.acme/news", "1.0.0");
    registry.accept(&draft.sign(&sigstore, &crate::acme_news()));
    let found = get(&registry, "/v0.1/servers/io.github.acme%2Fnews/versions/1.0.0");
    assert_eq!(found["_meta"]["dev.mcpkg/evidence"]["signed"], true);
    let versions = "/v0.1/servers/io.github.acme%2Fnews/versions?include_deleted=true";
    assert_eq!(listed(&get(&registry, versions)).len(), 1);
}

#[test]
fn a_token_of_ours_is_needed_and_no_other_will_do() {
    let issuer = TestSignOn::start();
    let (_sigstore, registry) = start(&issuer, None);
    let token = logged_in(&registry, &issuer);
    let body = document("com.acme/weather", "1.0.0").to_string();
    let foreign = issuer.token(&good());
    let forged = {
        let (head, _) = token.rsplit_once('.').unwrap();
        format!("{head}.{}", URL_SAFE_NO_PAD.encode([0; 32]))
    };
    let unsigned = {
        let payload = token.split('.').nth(1).unwrap();
        format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))
    };
    for header in [
        None,
        Some(format!("Basic {token}")),
        Some(token.clone()),
        Some(format!("Bearer {foreign}")),
        Some(format!("Bearer {forged}")),
        Some(format!("Bearer {unsigned}")),
    ] {
        let headers: Vec<_> = header.iter().map(|it| ("authorization", it.as_str())).collect();
        let reply = registry.http().send_with(Method::POST, "/v0/publish", &headers, body.as_str());
        assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)), "{header:?}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let path = format!("/v0/publish?access_token={token}");
    let reply = registry.http().send_with(Method::POST, &path, &headers, body.as_str());
    assert_eq!(reply.outcome(), (400, Some(Code::OidcToken)), "in the address it would be logged");
    assert!(!reply.to_string().contains(&token));
    let reply = registry.http().get(&format!("/v0.1/servers?token={token}"));
    assert_eq!(reply.outcome(), (400, Some(Code::OidcToken)));
    let restarted = start(&issuer, None).1;
    let reply = publish(&restarted, &token, &document("com.acme/weather", "1.0.0"));
    assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)), "the key was in memory alone");
}

#[test]
fn an_issuers_token_counts_once_and_only_if_all_of_it_is_right() {
    let issuer = TestSignOn::start();
    let (_sigstore, registry) = start(&issuer, None);
    let once = issuer.token(&good());
    assert_eq!(exchange(&registry, &once).status, 200);
    assert_eq!(exchange(&registry, &once).outcome(), (401, Some(Code::OidcReplay)));
    let now = Timestamp::now().as_second();
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        claims
    };
    // Ended, and within the leeway: it counts, and again only once.
    let late = issuer.token(&with("exp", json!(now - 5)));
    assert_eq!(exchange(&registry, &late).status, 200);
    assert_eq!(exchange(&registry, &late).outcome(), (401, Some(Code::OidcReplay)));
    // Another token with the same id is the same proof.
    for outcome in [(200, None), (401, Some(Code::OidcReplay))] {
        let mut claims = with("jti", json!("a"));
        claims["nonce"] = json!(outcome.0);
        assert_eq!(exchange(&registry, &issuer.token(&claims)).outcome(), outcome);
    }
    for (claims, status, code) in [
        (with("aud", json!("sigstore")), 400, Code::OidcToken),
        (with("aud", json!([AUDIENCE, "sigstore"])), 400, Code::OidcToken),
        (with("aud", Value::Null), 400, Code::OidcToken),
        (with("iat", json!(now + 60)), 400, Code::OidcToken),
        (with("iat", Value::Null), 400, Code::OidcToken),
        (with("exp", json!(now - 60)), 401, Code::OidcToken),
        (with("exp", Value::Null), 401, Code::OidcToken),
        (with("nbf", json!(now + 60)), 401, Code::OidcToken),
        (with("iss", json!("https://other.example")), 401, Code::OidcToken),
        (with("groups", json!(["all"])), 401, Code::OidcToken),
        (with("groups", Value::Null), 401, Code::OidcToken),
        (with("event_name", json!("pull_request_target")), 403, Code::OidcEvent),
        (with("event_name", json!("workflow_run")), 403, Code::OidcEvent),
    ] {
        let reply = exchange(&registry, &issuer.token(&claims));
        assert_eq!(reply.outcome(), (status, Some(code)), "{claims}");
    }
}

#[test]
fn a_token_does_not_choose_how_it_is_checked() {
    let issuer = TestSignOn::start();
    let (_sigstore, registry) = start(&issuer, None);
    let claims = issuer.claims(&good());
    let header =
        |alg, kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..Header::new(alg) };
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"one"}"#),
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap()),
    );
    // The public key as a shared secret.
    let public = EncodingKey::from_secret(b"what everybody knows");
    let shared = jsonwebtoken::encode(&header(Algorithm::HS256, Some("one")), &claims, &public);
    let stranger = TestSignOn::start();
    let by_a_stranger = stranger.token(&{
        let mut claims = good();
        claims["iss"] = issuer.url().into();
        claims
    });
    let no_kid = issuer.token_with(&header(Algorithm::ES256, None), &good());
    for token in [none, shared.unwrap(), no_kid, by_a_stranger, "x".into(), "a.b.c".into()] {
        assert_eq!(exchange(&registry, &token).outcome(), (401, Some(Code::OidcToken)), "{token}");
    }
    let before = issuer.asked();
    for kid in ["two", "three", "four"] {
        let token = issuer.token_with(&header(Algorithm::ES256, Some(kid)), &good());
        assert_eq!(exchange(&registry, &token).outcome(), (401, Some(Code::OidcToken)), "{kid}");
    }
    assert!(issuer.asked() <= before.max(1), "made-up keys do not make us ask");
}

/// Somebody who speaks for a domain.
enum Signer {
    Ed25519(Ed25519KeyPair),
    EcdsaP384(EcdsaKeyPair),
}

impl Signer {
    fn both() -> [Self; 2] {
        let p384 = &ECDSA_P384_SHA384_FIXED_SIGNING;
        [
            Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Self::EcdsaP384(EcdsaKeyPair::generate(p384).unwrap()),
        ]
    }

    fn record(&self) -> String {
        match self {
            Self::Ed25519(key) => {
                format!("v=MCPv1; k=ed25519; p={}", STANDARD.encode(key.public_key()))
            }
            Self::EcdsaP384(key) => {
                let point: EcPublicKeyCompressedBin<'_> = key.public_key().as_be_bytes().unwrap();
                format!("v=MCPv1; k=ecdsap384; p={}", STANDARD.encode(point.as_ref()))
            }
        }
    }

    fn proof(&self, domain: &str, at: Timestamp) -> Value {
        let timestamp = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let signature = match self {
            Self::Ed25519(key) => key.sign(timestamp.as_bytes()).as_ref().to_vec(),
            Self::EcdsaP384(key) => {
                let random = SystemRandom::new();
                key.sign(&random, timestamp.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        json!({
            "domain": domain,
            "timestamp": timestamp,
            "signed_timestamp": hex::encode(signature),
        })
    }
}

#[test]
fn a_domain_speaks_for_its_names() {
    for signer in Signer::both() {
        let issuer = TestSignOn::start();
        let domain = TestDomain::start("acme.example");
        let (_sigstore, registry) = start(&issuer, Some(&domain));
        let record = signer.record();
        domain.says(Zone {
            apex_texts: vec!["v=spf1 -all".into(), record.clone()],
            document: Some((200, format!("{record}\n"))),
            ..Zone::default()
        });
        let now = Timestamp::now();
        for (method, at, below) in
            [("dns", now, 200), ("http", now - SignedDuration::from_secs(1), 403)]
        {
            let proof = signer.proof("acme.example", at);
            let path = format!("/v0/auth/{method}");
            let reply = post(&registry, &path, &proof);
            assert_eq!(reply.status, 200, "{reply}");
            let token: Value = reply.json();
            let token = token["registry_token"].as_str().unwrap();
            let name = format!("example.acme/by-{method}");
            assert_eq!(publish(&registry, token, &document(&name, "1.0.0")).status, 200);
            let name = format!("example.acme.team/by-{method}");
            assert_eq!(publish(&registry, token, &document(&name, "1.0.0")).status, below);
            let other = publish(&registry, token, &document("com.acme/weather", "1.0.0"));
            assert_eq!(other.outcome(), (403, Some(Code::Namespace)));
            let again = post(&registry, &path, &proof);
            assert_eq!(again.outcome(), (401, Some(Code::OidcReplay)), "{method}");
        }
    }
}

#[test]
fn a_proof_that_is_not_all_right_is_none() {
    let issuer = TestSignOn::start();
    let domain = TestDomain::start("acme.example");
    let (_sigstore, registry) = start(&issuer, Some(&domain));
    let [signer, other] = Signer::both();
    let listing = |text: String| Zone { apex_texts: vec![text], ..Zone::default() };
    domain.says(listing(signer.record()));
    let now = Timestamp::now();
    let minute = SignedDuration::from_mins(1);
    let good = signer.proof("acme.example", now);
    let with = |key: &str, value: &str| {
        let mut proof = good.clone();
        proof[key] = value.into();
        proof
    };
    let ask = |proof: &Value| post(&registry, "/v0/auth/dns", proof).outcome();
    for (proof, status, code) in [
        (other.proof("acme.example", now), 401, Code::OidcToken),
        (signer.proof("acme.example", now - minute), 401, Code::OidcToken),
        (signer.proof("acme.example", now + minute), 401, Code::OidcToken),
        (with("timestamp", "yesterday"), 401, Code::OidcToken),
        (with("signed_timestamp", "zz"), 401, Code::OidcToken),
        (with("signed_timestamp", "00"), 401, Code::OidcToken),
        (with("domain", "127.0.0.1"), 401, Code::OidcToken),
        (with("domain", "localhost"), 401, Code::OidcToken),
        (with("domain", "acme.github.io"), 401, Code::OidcToken),
        (with("domain", "other.example"), 403, Code::Namespace),
    ] {
        assert_eq!(ask(&proof), (status, Some(code)), "{proof}");
    }
    domain.says(listing("v=MCPv1; k=rsa; p=AAAA".into()));
    assert_eq!(ask(&good), (401, Some(Code::Namespace)), "a record that is malformed");
    domain.says(Zone::default());
    assert_eq!(ask(&good), (401, Some(Code::OidcToken)), "no record");
    domain.says(Zone { is_refusing: true, ..Zone::default() });
    assert_eq!(ask(&good), (503, Some(Code::Unavailable)), "no answer");
    // None of that has used it up.
    domain.says(listing(signer.record()));
    assert_eq!(ask(&good), (200, None));
}

#[test]
fn nothing_is_published_unsigned_unless_the_configuration_says_so() {
    let (_sigstore, registry) = crate::start();
    let issuer = TestSignOn::start();
    let reply = exchange(&registry, &issuer.token(&good()));
    assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)));
    let [signer, _] = Signer::both();
    let proof = signer.proof("acme.example", Timestamp::now());
    let reply = post(&registry, "/v0/auth/dns", &proof);
    assert_eq!(reply.outcome(), (403, Some(Code::Namespace)));
    assert_eq!(post(&registry, "/v0/auth/none", &json!({})).outcome(), (404, Some(Code::NotFound)));
}

#[test]
fn a_document_can_be_checked_before() {
    let (_sigstore, registry) = crate::start();
    let check = |body: &str| -> Value {
        let reply = registry.http().send_with(Method::POST, "/v0/validate", &[], body);
        assert_eq!(reply.status, 200, "{reply}");
        reply.json()
    };
    let mut body = document("com.acme/weather", "1.0.0");
    assert_eq!(check(&body.to_string()), json!({ "valid": true, "issues": [] }));
    body["packages"][0]["transport"] = json!({ "type": "pigeon" });
    let found = check(&body.to_string());
    assert_eq!(
        (&found["valid"], &found["issues"][0]["path"]),
        (&json!(false), &json!("/packages/0/transport/type"))
    );
    assert_eq!(check("{")["valid"], false);
    let long = "x".repeat(256 * 1024 + 1);
    let reply = registry.http().send_with(Method::POST, "/v0/validate", &[], long);
    assert_eq!(reply.outcome(), (413, Some(Code::Limit)));
}
