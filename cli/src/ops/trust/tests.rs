use jiff::SignedDuration;
use mcpkg_core::{Coded as _, Digest, System};
use mcpkg_test_support::TestTuf;
use mcpkg_test_support::sigstore::TestSigstore;
use tempfile::TempDir;

use super::*;
use crate::ops::doctor;

fn places(home: &TempDir) -> Places {
    let at = |name: &str| home.path().join(name);
    Places {
        home: home.path().to_owned(),
        config_home: at("config"),
        config: at("config/mcpkg"),
        data: at("data"),
        state: at("state"),
        project: at("project"),
        search: Vec::new(),
        app_data: None,
        sockets: Vec::new(),
        moved: std::collections::BTreeMap::new(),
        proxies: crate::places::Proxies::default(),
        is_ci: false,
        system: System::Linux,
    }
}

fn config_of(named: &NamedRoot) -> Config {
    Config { trust_roots: vec![named.clone()], ..Config::default() }
}

#[test]
fn a_copy_that_is_old_is_told_of_and_one_that_expired_is_refused() {
    let sigstore = TestSigstore::start();
    let tuf = TestTuf::start(&sigstore.trusted_root_json());
    let home = tempfile::tempdir().unwrap();
    let places = places(&home);
    fs::create_dir_all(&places.config).unwrap();
    fs::write(places.config.join("root.json"), tuf.root_json()).unwrap();
    let named = NamedRoot {
        name: "acme".to_owned(),
        tuf: Some(tuf.url().parse().unwrap()),
        file: "root.json".into(),
        namespaces: vec!["com.acme/*".parse().unwrap()],
    };
    let source = RegistryConfig { public_good: false, ..RegistryConfig::none().unwrap() };
    let config = config_of(&named);
    let now = Timestamp::now();
    let at = |hours| now + SignedDuration::from_hours(hours);

    let never = store(&config, &source, &places, now).unwrap_err();
    assert_eq!(never.code().as_str(), "E_TRUST_ROOT", "{never:?}");
    Tuf::of(&named, &places).unwrap().unwrap().update(now, false).unwrap();
    drop(tuf);

    for (hours, warning) in [
        (1, None),
        (25, Some("25 h ago")),
        (24 * 30, Some("30 days ago")),
        (24 * 99, Some("99 days ago")),
    ] {
        let (store, warnings) = store(&config, &source, &places, at(hours)).unwrap();
        let vouchers = store.for_name(&"com.acme/tool".parse().unwrap()).unwrap();
        let expected = Digest::of(sigstore.trusted_root_json().trim().as_bytes());
        assert_eq!(vouchers.roots()[0].fingerprint(), expected);
        assert_eq!(warnings.len(), usize::from(warning.is_some()), "{warnings:?}");
        if let Some(warning) = warning {
            assert!(warnings[0].contains(warning), "{warnings:?}");
        }
        let config = Config { registries: vec![source.clone()], ..config_of(&named) };
        let checks = doctor::registries(&config, &places, at(hours));
        let check = checks.iter().find(|check| check.area == "trust").unwrap();
        assert_eq!(check.fix.as_deref(), warning.map(|_| "`mcpkg trust update`"), "{check:?}");
        let age = warning.unwrap_or("`acme` was refreshed 1 h ago");
        assert!(check.message.contains(age), "{check:?}");
    }
    let error = store(&config, &source, &places, at(24 * 101)).unwrap_err();
    assert_eq!(error.code().as_str(), "E_STALE", "{error:?}");
}

#[test]
fn the_public_root_is_the_built_in_one_until_another_was_fetched() {
    let home = tempfile::tempdir().unwrap();
    let (places, now) = (places(&home), Timestamp::now());
    let current = public_good(&places, now).unwrap();
    assert!(current.status.is_none() && current.root.is_public_good());

    // A copy that cannot be used is not passed over for the older, built-in one.
    let path = cache_path(&places, PUBLIC_GOOD);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for text in [r#"{"files":{"root.json":"{}"}}"#, "{"] {
        fs::write(&path, text).unwrap();
        assert!(public_good(&places, now).is_err(), "{text}");
    }
}
