//! `/v1/search`

use mcpkg_core::Code;
use mcpkg_core::api::SearchPage;
use mcpkg_test_support::{Draft, TestRegistry};

use crate::{acme, start};

/// A registry with four packages, published in this order.
fn filled() -> TestRegistry {
    let (sigstore, registry) = start();
    for (name, version, description) in [
        ("io.github.acme/weather", "1.0.0", "Forecasts for ten days"),
        ("io.github.acme/news", "1.0.0", "News about the weather, and other news"),
        ("io.github.acme/stocks", "1.0.0", "Prices of shares in Zürich"),
        ("io.github.acme/storm-warnings", "1.0.0", "Warns of storms"),
        ("io.github.acme/stocks", "2.0.0-rc.1", "Prices of everything"),
        ("io.github.acme/weather", "1.1.0", "Forecasts for twelve days"),
    ] {
        let draft = Draft::new(name, version).description(description);
        registry.accept(&draft.sign(&sigstore, &acme()));
    }
    registry
}

fn search(registry: &TestRegistry, query: &str) -> SearchPage {
    let reply = registry.http().get(&format!("/v1/search?{query}"));
    assert_eq!(reply.status, 200, "{query}: {reply}");
    reply.json()
}

fn names(page: &SearchPage) -> Vec<&str> {
    page.packages.iter().map(|hit| hit.name.short()).collect()
}

#[test]
fn packages_are_found_by_what_they_are_called_and_do() {
    let registry = filled();
    for (query, expected) in [
        ("q=weather", &["weather", "news"][..]),
        ("q=WEATH", &["weather", "news"]),
        ("q=twelve", &["weather"]),
        ("q=ten", &[]),
        ("q=zurich", &["stocks"]),
        ("q=storm-warn", &["storm-warnings"]),
        ("q=io.github.acme%2Fnews", &["news"]),
        ("q=weather+stocks", &[]),
        ("q=nothing", &[]),
        ("", &["weather", "storm-warnings", "stocks", "news"]),
        ("q=", &["weather", "storm-warnings", "stocks", "news"]),
    ] {
        assert_eq!(names(&search(&registry, query)), expected, "{query}");
    }
}

#[test]
fn a_package_is_shown_by_its_newest_release_that_is_no_pre_release() {
    let registry = filled();
    let page = search(&registry, "q=stocks");
    assert_eq!(page.packages[0].version.to_string(), "1.0.0");
    assert_eq!(page.packages[0].description, "Prices of shares in Zürich");
    assert_eq!(search(&registry, "q=weather").packages[0].version.to_string(), "1.1.0");
}

#[test]
fn pages_follow_each_other_and_end() {
    let registry = filled();
    for query in ["", "q=s"] {
        let whole = search(&registry, query);
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = search(&registry, &format!("limit=1{cursor}&{query}"));
            paged.extend(page.packages);
            let Some(next) = page.next_cursor else { break };
            assert!(next.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, whole.packages, "{query:?}");
        assert!(paged.len() > 1, "{query:?}");
    }
}

#[test]
fn nothing_that_is_typed_is_an_error_and_nothing_else_is_accepted() {
    let registry = filled();
    for typed in
        ["%22", "%22a", "a%20AND", "NOT", "*", "a*", "(", "name%3Aweather", "-a", "%00", "%FF"]
    {
        search(&registry, &format!("q={typed}"));
    }
    let cursor = search(&registry, "q=s&limit=1").next_cursor.unwrap();
    for query in [
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "limit=-1".to_owned(),
        "limit=x".to_owned(),
        "page=2".to_owned(),
        "q=a&q=b".to_owned(),
        "cursor=x".to_owned(),
        format!("q=other&cursor={cursor}"),
        format!("q=s&cursor={}", cursor.to_lowercase()),
        format!("q={}", "a".repeat(257)),
    ] {
        let reply = registry.http().get(&format!("/v1/search?{query}"));
        assert_eq!(reply.outcome(), (400, Some(Code::Request)), "{query}");
    }
}
