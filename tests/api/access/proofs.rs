//! Proofs that prove nothing (RFC 9449). Each row changes one thing of a proof that is
//! accepted.

use mcpkg_core::Code;
use mcpkg_test_support::{Reply, TestKey};
use serde_json::{Value, json};

use super::{BASE, Company, PACKAGE, Rules};

/// What a row changes: the header, and the claims.
type Change = fn(&mut Value, &mut Value);

/// A token that is bound to `key`.
fn bound(company: &Company, key: &TestKey) -> String {
    let mut claims = company.claims("rita", &["staff"]);
    claims["cnf"] = json!({ "jkt": key.id() });
    company.issuer.sign(&claims)
}

#[track_caller]
fn get(company: &Company, scheme: &str, token: &str, proofs: &[&str]) -> Reply {
    let authorization = format!("{scheme} {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proofs.iter().map(|proof| ("dpop", *proof)));
    company.registry.http().get_with(PACKAGE, &headers)
}

fn url() -> String {
    format!("{BASE}{PACKAGE}")
}

#[test]
fn a_proof_has_to_be_for_this_request_and_this_token() {
    let company = Company::start();
    let rows: &[(&str, Change)] = &[
        ("another type", |header, _| header["typ"] = json!("at+jwt")),
        ("no type", |header, _| drop(header.as_object_mut().unwrap().remove("typ"))),
        ("alg none", |header, _| header["alg"] = json!("none")),
        ("alg HS256", |header, _| header["alg"] = json!("HS256")),
        ("an alg of another key", |header, _| header["alg"] = json!("RS256")),
        ("no key", |header, _| drop(header.as_object_mut().unwrap().remove("jwk"))),
        ("a private key", |header, _| header["jwk"]["d"] = json!("AA")),
        ("another curve", |header, _| header["jwk"]["crv"] = json!("P-384")),
        ("a curve of another type", |header, _| header["jwk"]["crv"] = json!("Ed25519")),
        ("a type of another curve", |header, _| header["jwk"]["kty"] = json!("OKP")),
        ("an extension", |header, _| header["crit"] = json!(["x"])),
        ("another method", |_, claims| claims["htm"] = json!("POST")),
        ("the method in lower case", |_, claims| claims["htm"] = json!("get")),
        ("another path", |_, claims| claims["htu"] = json!(format!("{BASE}/v1/log"))),
        ("another host", |_, claims| claims["htu"] = json!(url().replace("acme", "evil"))),
        ("plain http", |_, claims| claims["htu"] = json!(url().replace("https", "http"))),
        ("no address", |_, claims| claims["htu"] = json!("")),
        ("another token", |_, claims| {
            claims["ath"] = json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        }),
        ("no token", |_, claims| drop(claims.as_object_mut().unwrap().remove("ath"))),
        ("an old one", |_, claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 120)),
        ("one of the future", |_, claims| {
            claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 60);
        }),
        ("no name", |_, claims| claims["jti"] = json!("")),
        ("a name of 300 bytes", |_, claims| claims["jti"] = json!("a".repeat(300))),
    ];
    let key = TestKey::ecdsa();
    let token = bound(&company, &key);
    for &(what, change) in rows {
        let good = key.proof("GET", &url(), &token);
        assert_eq!(get(&company, "DPoP", &token, &[&good]).status, 200, "{what}");
        let mut header = key.proof_header();
        let mut claims = key.proof_claims("GET", &url(), &token);
        change(&mut header, &mut claims);
        let reply = get(&company, "DPoP", &token, &[&key.sign(&header, &claims)]);
        assert_eq!(reply.outcome(), (401, Some(Code::Dpop)), "{what}: {reply}");
        let challenge = reply.headers.get_all("www-authenticate").iter().next_back().unwrap();
        assert!(challenge.to_str().unwrap().contains("invalid_dpop_proof"), "{what}");
    }
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let company = Company::start();
    let key = TestKey::ecdsa();
    let token = bound(&company, &key);
    for htu in [
        "HTTPS://MCP.acme.example/v1/packages/io.github.acme/weather",
        "https://mcp.acme.example:443/v1/packages/io.github.acme/weather",
        "https://mcp.acme.example/v1/packages/io.github.acme/weather?seen=1#x",
    ] {
        let reply = get(&company, "DPoP", &token, &[&key.proof("GET", htu, &token)]);
        assert_eq!(reply.status, 200, "{htu}: {reply}");
    }
}

#[test]
fn a_proof_is_shown_once() {
    let company = Company::start();
    let key = TestKey::ecdsa();
    let token = bound(&company, &key);
    let proof = key.proof("GET", &url(), &token);
    assert_eq!(get(&company, "DPoP", &token, &[&proof]).status, 200);
    assert_eq!(
        get(&company, "DPoP", &token, &[&proof]).outcome(),
        (401, Some(Code::OidcReplay)),
        "also right after"
    );
}

#[test]
fn a_bound_token_is_worth_nothing_without_its_key() {
    let company = Company::start();
    let (key, thief) = (TestKey::ecdsa(), TestKey::rsa());
    let (token, free) = (bound(&company, &key), company.reader());
    let own = key.proof("GET", &url(), &token);
    let stolen = thief.proof("GET", &url(), &token);
    for (what, reply) in [
        ("as a bearer", get(&company, "Bearer", &token, &[])),
        ("as a bearer, with a proof", get(&company, "Bearer", &token, &[&own])),
        ("without a proof", get(&company, "DPoP", &token, &[])),
        ("with two", get(&company, "DPoP", &token, &[&own, &own])),
        ("with the proof of another key", get(&company, "DPoP", &token, &[&stolen])),
        (
            "a token that is bound to nothing",
            get(&company, "DPoP", &free, &[&key.proof("GET", &url(), &free)]),
        ),
    ] {
        assert_eq!(reply.outcome(), (401, Some(Code::Dpop)), "{what}: {reply}");
    }
    assert_eq!(get(&company, "DPoP", &token, &[&own]).status, 200, "none of that used it up");
    let rsa = bound(&company, &thief);
    assert_eq!(get(&company, "DPoP", &rsa, &[&thief.proof("GET", &url(), &rsa)]).status, 200);
}

#[test]
fn proofs_can_be_required_of_all_or_by_a_policy() {
    let required = Company::with(Rules { access: "dpop = 'required'", ..Rules::default() });
    let key = TestKey::ecdsa();
    let reply = get(&required, "Bearer", &required.reader(), &[]);
    assert_eq!(reply.outcome(), (401, Some(Code::Dpop)));
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    assert!(challenges.len() == 1 && challenges[0].to_str().unwrap().starts_with("DPoP "));
    let token = bound(&required, &key);
    assert_eq!(get(&required, "DPoP", &token, &[&key.proof("GET", &url(), &token)]).status, 200);

    let policy = "@id(\"proof\") forbid (principal, action == Action::\"read\", resource in \
                  Namespace::\"io.github.acme\") unless { context.dpop };";
    let company = Company::with(Rules { policy, ..Rules::default() });
    let reply = get(&company, "Bearer", &company.reader(), &[]);
    assert_eq!(reply.outcome(), (404, Some(Code::NotFound)));
    let token = bound(&company, &key);
    assert_eq!(get(&company, "DPoP", &token, &[&key.proof("GET", &url(), &token)]).status, 200);
}
