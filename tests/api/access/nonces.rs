//! Nonces: a proof has to contain something that only this server can have said, lately
//! (RFC 9449, sections 8 and 9).

use mcpkg_core::Code;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Http, Reply, TestIssuer, TestKey};
use serde_json::{Value, json};

use super::{BASE, Company, PACKAGE, Rules, audited};
use crate::process::Place;
use crate::release;

/// What is changed of the claims of a proof.
type Change = fn(&mut Value);

/// Somebody with a token that is bound to their key.
struct Holder {
    key: TestKey,
    token: String,
}

impl Holder {
    fn of(issuer: &TestIssuer) -> Self {
        let key = TestKey::ecdsa();
        let mut claims = issuer.claims(BASE, "rita");
        claims["groups"] = json!(["staff"]);
        claims["cnf"] = json!({ "jkt": key.id() });
        Self { token: issuer.sign(&claims), key }
    }

    /// A proof for [`PACKAGE`] with this nonce, changed.
    fn proof(&self, nonce: &Value, change: Change) -> String {
        let mut claims = self.key.proof_claims("GET", &format!("{BASE}{PACKAGE}"), &self.token);
        claims["nonce"] = nonce.clone();
        change(&mut claims);
        self.key.sign(&self.key.proof_header(), &claims)
    }

    #[track_caller]
    fn show(&self, http: &Http, proof: &str) -> Reply {
        let authorization = format!("DPoP {}", self.token);
        http.get_with(PACKAGE, &[("authorization", &authorization), ("dpop", proof)])
    }
}

fn as_it_is(_: &mut Value) {}

/// The nonce of an answer, and what its challenge asks for.
#[track_caller]
fn asked(reply: &Reply) -> (String, String) {
    assert_eq!(reply.outcome(), (401, Some(Code::Dpop)), "{reply}");
    let mut challenges = reply.headers.get_all("www-authenticate").iter();
    let last = challenges.next_back().unwrap().to_str().unwrap();
    let error = last.split("error=\"").nth(1).unwrap().split('"').next().unwrap();
    (reply.header("dpop-nonce").to_owned(), error.to_owned())
}

fn company() -> Company {
    let access = "dpop = 'required'\ndpop_nonce = 'required'";
    Company::with(Rules { access, ..Rules::default() })
}

#[test]
fn whoever_comes_without_a_nonce_is_given_one_which_is_good_for_many_proofs() {
    let company = company();
    let (holder, http) = (Holder::of(&company.issuer), company.registry.http());
    let first = holder.show(http, &holder.proof(&Value::Null, as_it_is));
    let (nonce, error) = asked(&first);
    assert_eq!(error, "use_dpop_nonce");
    assert_eq!(first.header("cache-control"), "no-store");
    let nonce = json!(nonce);
    let proofs = [(); 3].map(|()| holder.proof(&nonce, as_it_is));
    for proof in &proofs {
        let reply = holder.show(http, proof);
        assert_eq!(reply.status, 200, "{reply}");
        // It is the newest, so there is nothing to say, and the answer may be kept.
        assert!(!reply.headers.contains_key("dpop-nonce"));
        assert_ne!(reply.header("cache-control"), "no-store");
    }
    // Each proof is still good once.
    let again = holder.show(http, &proofs[0]);
    assert_eq!(again.outcome(), (401, Some(Code::OidcReplay)));
    // Who has no token at all is told, too, and needs no second attempt later.
    assert_eq!(http.get(PACKAGE).header("dpop-nonce"), nonce.as_str().unwrap());
}

#[test]
fn a_nonce_that_was_not_given_out_here_is_asked_for_again() {
    let (company, other) = (company(), company());
    let (holder, http) = (Holder::of(&company.issuer), company.registry.http());
    let (nonce, _) = asked(&holder.show(http, &holder.proof(&Value::Null, as_it_is)));
    let stranger = Holder::of(&other.issuer);
    let elsewhere = stranger.proof(&Value::Null, as_it_is);
    let (elsewhere, _) = asked(&stranger.show(other.registry.http(), &elsewhere));
    for (what, found) in [
        ("none", Value::Null),
        ("an empty one", json!("")),
        ("one of another server", json!(elsewhere)),
        ("one that is cut", json!(nonce[1..])),
        ("one with more behind it", json!(format!("{nonce}A"))),
        ("one that is encoded otherwise", json!(format!("{nonce}="))),
    ] {
        let (given, error) = asked(&holder.show(http, &holder.proof(&found, as_it_is)));
        assert_eq!((given, error.as_str()), (nonce.clone(), "use_dpop_nonce"), "{what}");
    }
}

#[test]
fn a_nonce_makes_nothing_good_that_is_wrong_otherwise() {
    let company = company();
    let (holder, http) = (Holder::of(&company.issuer), company.registry.http());
    let (nonce, _) = asked(&holder.show(http, &holder.proof(&Value::Null, as_it_is)));
    let rows: [(&str, Change); 4] = [
        ("another method", |claims| claims["htm"] = json!("POST")),
        ("another address", |claims| claims["htu"] = json!(format!("{BASE}/v1/log"))),
        ("an old one", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 120)),
        ("a nonce that is no text", |claims| claims["nonce"] = json!(7)),
    ];
    for (what, change) in rows {
        for nonce in [json!(nonce), json!("another")] {
            let reply = holder.show(http, &holder.proof(&nonce, change));
            assert_eq!(asked(&reply).1, "invalid_dpop_proof", "{what}");
        }
    }
    // What was refused was not remembered either.
    let claims = holder.key.proof_claims("GET", &format!("{BASE}{PACKAGE}"), &holder.token);
    let with = |nonce: &str| {
        let mut claims = claims.clone();
        claims["nonce"] = json!(nonce);
        holder.key.sign(&holder.key.proof_header(), &claims)
    };
    assert_eq!(asked(&holder.show(http, &with("another"))).1, "use_dpop_nonce");
    assert_eq!(holder.show(http, &with(&nonce)).status, 200, "the same name, with the nonce");
}

#[test]
fn after_a_restart_no_proof_is_good_that_was_made_before() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    for (nonces, expected) in [(true, (401, Some(Code::Dpop))), (false, (200, None))] {
        let place = place(&sigstore, &issuer, nonces.then_some("dpop_nonce = 'required'"));
        let process = place.serve();
        assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
        let holder = Holder::of(&issuer);
        let refused = process.http.get(PACKAGE);
        let nonce = refused.headers.get("dpop-nonce").map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(nonce.is_some(), nonces);
        let [shown, kept] = [(); 2].map(|()| holder.proof(&json!(nonce), as_it_is));
        assert_eq!(holder.show(&process.http, &shown).status, 200);
        assert!(process.terminate().success());

        // Nobody remembers any more that it was shown; only a nonce can tell.
        let process = place.serve();
        for proof in [&shown, &kept] {
            let reply = holder.show(&process.http, proof);
            let code = (reply.status != 200).then(|| reply.problem().code);
            assert_eq!((reply.status, code), expected, "{nonces}");
        }
    }
}

/// A place for a registry with these members in its `[access]`.
fn place(sigstore: &TestSigstore, issuer: &TestIssuer, more: Option<&str>) -> Place {
    let place = audited::place(sigstore, issuer, "");
    let path = place.folder().join("registry.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let access = format!("[access]\n{}\n", more.unwrap_or_default());
    std::fs::write(&path, text.replacen("[access]\n", &access, 1)).unwrap();
    place
}
