//! What a registry, or whoever can answer for it, may not do to the connection.

use mcpkg_core::log::SigningKey;
use mcpkg_test_support::background::Background;
use mcpkg_test_support::{Answer, LyingRegistry, world};

use crate::fixture::{Fixture, NAME};

#[test]
fn a_redirect_is_followed_nowhere() {
    let fixture = Fixture::with_weather();
    let other = fixture.registry.url().replace("127.0.0.1", "localhost");
    for to in ["http://registry.example/", "https://registry.example/", &other, "/v1/elsewhere"] {
        let to = to.to_owned();
        let liar = LyingRegistry::start(fixture.registry.url(), move |_, _| Answer::redirect(&to));
        let developer = fixture.developer_at(liar.url());
        developer.refused(&["install", NAME, "--yes"], 3, &["E_TRANSPORT"]);
    }
}

#[test]
fn an_address_that_is_not_https_is_used_on_this_machine_alone() {
    let world = world!();
    let key = SigningKey::from_seed("registry.example", [1; 32]).unwrap().verifier().to_string();
    for (url, code) in [
        ("http://registry.example/", Some(3)),
        ("http://127.0.0.1.example/", Some(3)),
        ("ftp://127.0.0.1/", Some(3)),
        ("https://registry.example/", Some(0)),
    ] {
        let outcome = world.run(&["registry", "add", "x", url, "--log-key", &key, "--dry-run"]);
        assert_eq!(outcome.code, code, "{url}\n{outcome}");
    }
}

#[test]
fn an_endless_answer_is_cut_off() {
    let fixture = Fixture::with_weather();
    let endless = Background::serve(|_| {
        axum::Router::new().fallback(|| async {
            let chunk = || Ok::<_, std::io::Error>(vec![b'['; 64 * 1024]);
            let stream = futures_util::stream::iter(std::iter::repeat_with(chunk));
            axum::body::Body::from_stream(stream)
        })
    });
    let developer = fixture.developer_at(endless.url());
    developer.refused(&["install", NAME, "--yes"], 3, &["E_LIMIT"]);
    developer.refused(&["search", "weather"], 3, &["E_LIMIT"]);
}

#[test]
fn a_registry_that_is_not_there_is_a_failure_and_no_refusal() {
    let fixture = Fixture::empty();
    let gone = Background::serve(|_| axum::Router::new()).url().to_owned();
    let developer = fixture.developer_at(&gone);
    developer.refused(&["install", NAME, "--yes"], 1, &["E_TRANSPORT"]);
}

#[test]
fn what_a_registry_says_cannot_rewrite_the_screen() {
    let fixture = Fixture::with_weather();
    let liar = LyingRegistry::start(fixture.registry.url(), |_, answer| {
        answer.edit(|page| {
            page["packages"][0]["description"] = "safe\u{1b}[2K\u{202e}elbatsurt".into();
        })
    });
    let outcome = fixture.developer_at(liar.url()).ok(&["search", "weather"]);
    assert!(!outcome.stdout.contains(['\u{1b}', '\u{202e}']), "{outcome}");
}
