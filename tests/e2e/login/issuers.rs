//! Where somebody logs in, and who could have them log in elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcpkg_test_support::{Gate, Rules, TestIdentityProvider};
use serde_json::{Value, json};

use super::Company;
use crate::fixture::{Fixture, NAME};

#[test]
fn nobody_is_sent_to_an_issuer_that_they_have_not_accepted() {
    let company = Company::new(Rules::default());
    let world = company.stranger();
    // There is no terminal to ask on, and `--yes` is no answer to this.
    let outcome = world.refused(&["login", "test", "--device"], 1, &["E_LOGIN"]);
    assert!(outcome.stderr.contains(company.issuer.url()), "{outcome}");
    world.refused(&["login", "test", "--issuer", "https://sso.example"], 3, &["E_ISSUER"]);
    assert!(company.issuer.secrets().is_empty(), "nobody was asked for anything");
}

#[test]
fn a_registry_cannot_send_its_users_to_another_issuer() {
    let fixture = Fixture::with_weather();
    let (issuer, phisher) = (TestIdentityProvider::start(), TestIdentityProvider::start());
    let (is_lying, theirs) = (Arc::new(AtomicBool::new(false)), phisher.url().to_owned());
    let lying = Arc::clone(&is_lying);
    let gate = Gate::start_with(None, fixture.registry.url(), &issuer, move |document| {
        if lying.load(Ordering::SeqCst) {
            document["authorization_servers"] = json!([theirs]);
        }
    });
    let company = Company { fixture, issuer, gate };
    let world = company.developer();
    is_lying.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        world.refused(&["login", "test", "--device"], 3, &["E_ISSUER"]);
    }
    assert!(phisher.secrets().is_empty() && phisher.asked().is_empty());
    // What there was before goes on.
    world.ok(&["install", NAME, "--yes"]);
    // Who names the new one has accepted it.
    let mut login =
        super::Login::begin(&world, &["login", "test", "--device", "--issuer", phisher.url()]);
    phisher.approve(&login.shown("and type"));
    assert_eq!(login.finish().code, Some(0));
    world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
}

#[test]
fn an_issuer_that_is_not_who_it_should_be_is_asked_for_nothing() {
    for (change, code, exit_code) in [
        ((|it| it["issuer"] = json!("https://sso.example")) as fn(&mut Value), "E_ISSUER", 3),
        (|it| it["token_endpoint"] = json!("http://sso.example/token"), "E_TRANSPORT", 1),
        (|it| drop(it.as_object_mut().unwrap().shift_remove("token_endpoint")), "E_REGISTRY", 3),
        (
            |it| drop(it.as_object_mut().unwrap().shift_remove("device_authorization_endpoint")),
            "E_CONFIG",
            1,
        ),
    ] {
        let company = Company::new(Rules { describe: change, ..Rules::default() });
        let world = company.stranger();
        let args = ["login", "test", "--device", "--issuer", company.issuer.url()];
        world.refused(&args, exit_code, &[code]);
        assert!(company.issuer.secrets().is_empty(), "{code}");
    }
}

#[test]
fn a_code_is_not_asked_for_that_could_be_stolen() {
    let describe: fn(&mut Value) = |it| it["code_challenge_methods_supported"] = json!(["plain"]);
    let company = Company::new(Rules { describe, ..Rules::default() });
    let args = ["login", "test", "--browser", "--no-open", "--issuer", company.issuer.url()];
    company.stranger().refused(&args, 1, &["E_CONFIG"]);
}

#[test]
fn a_registry_speaks_for_itself_alone() {
    for (change, code) in [
        ((|it| it["resource"] = json!("https://mcp.example")) as fn(&mut Value), "E_REGISTRY"),
        (|it| it["authorization_servers"] = json!([]), "E_ISSUER"),
        (|it| it["authorization_servers"] = json!(["https://a\u{1b}[2K"]), "E_REGISTRY"),
    ] {
        let (fixture, issuer) = (Fixture::with_weather(), TestIdentityProvider::start());
        let gate = Gate::start_with(None, fixture.registry.url(), &issuer, change);
        let company = Company { fixture, issuer, gate };
        let args = ["login", "test", "--device", "--issuer", company.issuer.url()];
        company.stranger().refused(&args, 3, &[code]);
    }
}

#[test]
fn tokens_are_tied_to_a_key_where_the_registry_demands_it() {
    let (fixture, issuer) = (
        Fixture::with_weather(),
        TestIdentityProvider::start_with(Rules { dpop: false, ..Rules::default() }),
    );
    let gate = Gate::start_with(None, fixture.registry.url(), &issuer, |document| {
        document["dpop_bound_access_tokens_required"] = json!(true);
    });
    let company = Company { fixture, issuer, gate };
    let args = ["login", "test", "--device", "--issuer", company.issuer.url()];
    company.stranger().refused(&args, 1, &["E_CONFIG"]);
    assert!(company.issuer.secrets().is_empty());
}

#[test]
fn a_token_that_is_less_than_was_asked_for_is_thrown_away() {
    for (change, code) in [
        ((|it| it["token_type"] = json!("Bearer")) as fn(&mut Value), "E_OIDC_TOKEN"),
        (|it| it["access_token"] = json!("a\r\nx-evil: b"), "E_OIDC_TOKEN"),
        (|it| it["access_token"] = json!(""), "E_OIDC_TOKEN"),
        (|it| it["id_token"] = json!("e30.e30.e30"), "E_OIDC_TOKEN"),
        (|it| *it = json!([]), "E_OIDC_TOKEN"),
    ] {
        let company = Company::new(Rules { grant: change, ..Rules::default() });
        let world = company.stranger();
        let outcome = company.log_in(&world, &["--issuer", company.issuer.url()]);
        assert_eq!((outcome.code, outcome.codes()), (Some(3), vec![code]), "{outcome}");
        world.refused(&["whoami"], 1, &["E_LOGIN"]);
    }
}
