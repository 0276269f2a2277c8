//! A person, and the two ways in.

use mcpkg_test_support::{Http, Rules};
use serde_json::Value;

use super::{Company, Login, browse};
use crate::fixture::NAME;

#[test]
fn who_logs_in_with_a_browser_is_let_in_until_they_log_out() {
    let company = Company::new(Rules::default());
    let world = company.stranger();
    let outcome = world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
    assert!(outcome.stderr.contains("log in with `mcpkg login test`"), "{outcome}");
    world.refused(&["install", NAME, "--yes"], 1, &["E_LOGIN"]);
    world.refused(&["whoami"], 1, &["E_LOGIN"]);

    let args =
        ["login", "test", "--browser", "--no-open", "--issuer", company.issuer.url(), "--json"];
    let mut login = Login::begin(&world, &args);
    let address = login.shown("open");
    assert_eq!(browse(&address), 200);
    let outcome = login.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stderr.contains("as ada@acme.example"), "{outcome}");
    let shown: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&shown["isBound"], &shown["renews"]), (&true.into(), &true.into()));

    company.gate.asked();
    world.ok(&["install", NAME, "--yes"]);
    world.ok(&["search", "weather"]);
    world.ok(&["outdated"]);
    world.ok(&["info", NAME]);
    world.ok(&["sync"]);
    world.ok(&["log", "verify"]);
    for (status, asked) in company.gate.asked() {
        assert_eq!(status, 200, "{asked}");
        assert!(!asked.contains("token"), "{asked}");
    }
    assert_eq!(company.issuer.asked(), ["authorization_code"], "one token for all of them");
    let who: Value = serde_json::from_str(&world.ok(&["whoami", "--json"]).stdout).unwrap();
    assert_eq!(who["identity"]["name"], "ada@acme.example");
    assert_eq!(who["issuer"], company.issuer.url());

    world.ok(&["logout"]);
    assert_eq!(company.issuer.asked().last().unwrap(), "revoke");
    world.refused(&["search", "weather"], 1, &["E_LOGIN"]);
    world.refused(&["whoami"], 1, &["E_LOGIN"]);
    world.ok(&["logout"]);
}

#[test]
fn a_code_is_typed_elsewhere() {
    let company = Company::new(Rules { dpop: false, ..Rules::default() });
    let world = company.stranger();
    let args = ["login", "test", "--device", "--issuer", company.issuer.url()];
    let mut login = Login::begin(&world, &args);
    let address = login.shown("open");
    assert_eq!(address, format!("{}/type", company.issuer.url()));
    company.issuer.approve(&login.shown("and type"));
    let outcome = login.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stdout.contains("bearer"), "{outcome}");
    world.ok(&["install", NAME, "--yes"]);
}

#[test]
fn an_issuer_that_asks_for_patience_gets_it() {
    let company = Company::new(Rules::default());
    let world = company.stranger();
    company.issuer.slow_down();
    let outcome = company.log_in(&world, &["--issuer", company.issuer.url()]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(company.issuer.asked(), ["device_code"; 2]);
}

#[test]
fn who_says_no_is_not_logged_in() {
    let company = Company::new(Rules::default());
    let world = company.stranger();
    let args = ["login", "test", "--device", "--issuer", company.issuer.url()];
    let mut login = Login::begin(&world, &args);
    company.issuer.decline(&login.shown("and type"));
    let outcome = login.finish();
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_LOGIN"]), "{outcome}");
    world.refused(&["whoami"], 1, &["E_LOGIN"]);
    assert!(!world.read(".config/mcpkg/config.toml").contains("issuer"), "nothing is pinned");
}

#[test]
fn what_comes_back_without_the_state_is_waited_on_from() {
    let company = Company::new(Rules::default());
    let world = company.stranger();
    let args = ["login", "test", "--browser", "--no-open", "--issuer", company.issuer.url()];
    let mut login = Login::begin(&world, &args);
    let address = login.shown("open");
    let browser = Http::new("");
    let reply = browser.get(&address);
    let back = reply.header("location");
    let (page, _) = back.split_once('?').unwrap();
    for forged in ["", "?code=theirs", "?code=theirs&state=guessed", "?error=access_denied&state=x"]
    {
        assert_eq!(browser.get(&format!("{page}{forged}")).status, 404, "{forged}");
    }
    assert_eq!(browser.get(back).status, 200);
    let outcome = login.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_job_in_ci_shows_the_token_that_was_made_for_this_registry() {
    let company = Company::new(Rules { dpop: false, ..Rules::default() });
    let mut world = company.stranger();
    world.refused(&["info", NAME], 1, &["E_LOGIN"]);
    world.set(company.issuer.job_environment());
    world.ok(&["info", NAME]);
    assert!(company.issuer.asked().is_empty(), "nobody has logged in");
}
