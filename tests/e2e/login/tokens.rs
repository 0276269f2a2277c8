//! What becomes of a token.

use std::fs;
use std::process::Stdio;

use mcpkg_test_support::background::Background;
use mcpkg_test_support::{Draft, Outcome, Rules};

use super::Company;
use crate::fixture::{NAME, acme};

/// Shorter than the margin before its end, so that every command gets another token.
const SHORT: u64 = 25;

#[test]
fn a_token_that_is_nearly_over_is_renewed_and_so_is_one_that_is_not_taken() {
    let company = Company::new(Rules::default());
    let world = company.developer();
    world.ok(&["search", "weather"]);
    company.gate.distrust_all();
    company.gate.asked();
    world.ok(&["search", "weather"]);
    let statuses: Vec<u16> = company.gate.asked().into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [401, 200], "asked again once");
    assert_eq!(company.issuer.asked(), ["device_code", "refresh_token"]);

    company.gate.distrust_all();
    company.issuer.end_all();
    let outcome = world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
    assert!(outcome.stderr.contains("log in with `mcpkg login test`"), "{outcome}");
    // It is known by now that this log-in is over.
    let asked = company.issuer.asked().len();
    world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
    assert_eq!(company.issuer.asked().len(), asked);
}

#[test]
fn a_registry_that_never_takes_a_token_is_asked_twice_and_no_more() {
    let company = Company::new(Rules {
        grant: |it| it["access_token"] = "opaque".into(),
        ..Rules::default()
    });
    let world = company.developer();
    company.gate.asked();
    world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
    assert_eq!(company.gate.asked().len(), 2);
}

#[test]
fn each_refresh_token_is_used_once_also_by_several_processes() {
    let company = Company::new(Rules { lifetime_seconds: SHORT, ..Rules::default() });
    let world = company.developer();
    world.ok(&["search", "weather"]);
    let start = || {
        let mut command = world.command(&["search", "weather"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    // An issuer that sees one twice ends the log-in, as this one does.
    for child in [(); 4].map(|()| start()) {
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, Some(0), "{outcome}");
    }
    world.ok(&["search", "weather"]);
    let renewed = company.issuer.asked().iter().filter(|kind| *kind == "refresh_token").count();
    assert_eq!(renewed, 6);
}

#[test]
fn what_a_server_wants_to_have_signed_is_signed() {
    let rules = Rules { nonces: true, lifetime_seconds: SHORT, ..Rules::default() };
    let company = Company::new(rules);
    let world = company.developer();
    company.gate.asked();
    world.ok(&["install", NAME, "--yes"]);
    let refused = company.gate.asked().iter().filter(|(status, _)| *status == 401).count();
    assert_eq!(refused, 1, "the nonce is kept for the next requests");
}

#[test]
fn a_release_is_published_through_the_door() {
    let company = Company::new(Rules { nonces: true, ..Rules::default() });
    let world = company.developer();
    let submission = Draft::new(NAME, "1.3.0").sign(&company.fixture.sigstore, &acme());
    world.file("dist/server.json", &submission.server_json);
    world.file("dist/weather.mcpb", &submission.artifacts[0]);
    world.file("bundle.json", &submission.bundles[0]);
    world.ok(&["publish", "--bundle", "bundle.json"]);
    world.ok(&["install", &format!("{NAME}@1.3.0"), "--yes"]);
    world.ok(&["logout"]);
    world.refused(&["publish", "--bundle", "bundle.json"], 1, &["E_LOGIN"]);
}

#[test]
fn a_token_goes_to_the_registry_that_it_is_for_and_no_other() {
    let company = Company::new(Rules { dpop: false, ..Rules::default() });
    let world = company.developer();
    // Answers whoever comes with their own header.
    let other = Background::serve(|_| {
        axum::Router::new().fallback(|headers: axum::http::HeaderMap| async move {
            let shown = headers.get("authorization").map_or("nothing", |_| "a token");
            (axum::http::StatusCode::NOT_FOUND, [("x-shown", shown)], shown)
        })
    });
    let config = world.read(".config/mcpkg/config.toml");
    // The same name, somewhere else: as if it was removed and added again by hand.
    world.file(".config/mcpkg/config.toml", config.replace(company.gate.url(), other.url()));
    let outcome = world.refused(&["search", "weather"], 1, &["E_NOT_FOUND"]);
    assert!(!outcome.to_string().contains("a token"), "{outcome}");
    world.refused(&["whoami"], 1, &["E_LOGIN"]);
    world.file(".config/mcpkg/config.toml", config);
    world.ok(&["search", "weather"]);
}

#[test]
fn no_reference_in_a_lock_leads_to_a_log_in() {
    let company = Company::new(Rules::default());
    let world = company.developer();
    let listed = world.ok(&["secret", "list"]);
    assert!(!listed.stdout.contains("login"), "{listed}");
    let outcome = world.run(&["secret", "exec", "--env", "T=store:login.test", "--", "true"]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_CONFIG"]), "{outcome}");
}

#[test]
fn a_token_is_in_no_file_no_line_and_no_command_line() {
    for way in ["--device", "--browser"] {
        let company = Company::new(Rules { lifetime_seconds: SHORT, ..Rules::default() });
        let world = company.stranger();
        let args = ["login", "test", way, "--no-open", "--issuer", company.issuer.url()];
        let mut login = super::Login::begin(&world, &args);
        let address = login.shown("open");
        if way == "--device" {
            company.issuer.approve(&login.shown("and type"));
        } else {
            assert_eq!(super::browse(&address), 200);
        }
        let mut said = vec![login.finish(), world.ok(&["install", NAME, "--yes"])];
        said.extend([world.ok(&["whoami"]), world.ok(&["whoami", "--json"])]);
        said.extend([world.ok(&["doctor"]), world.ok(&["registry", "list", "--json"])]);
        company.issuer.end_all();
        said.push(world.run(&["search", "weather"]));
        said.push(world.run(&["search", "weather", "--json"]));
        let secrets = company.issuer.secrets();
        assert!(secrets.len() > 5, "{secrets:?}");
        for secret in &secrets {
            for outcome in &said {
                assert!(!outcome.to_string().contains(secret.as_str()), "{outcome}");
            }
            for file in world.files() {
                let content = fs::read(world.path().join(&file)).unwrap();
                let has = |text: &str| content.windows(text.len()).any(|it| it == text.as_bytes());
                assert!(!has(secret), "{file}");
            }
        }
    }
}
