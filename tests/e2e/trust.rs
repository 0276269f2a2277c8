//! `mcpkg trust`: who may vouch, through the real command.

use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule};
use mcpkg_test_support::sigstore::{Identity, ManagedKey, TestSigstore};
use mcpkg_test_support::{Draft, Setup, TestRegistry, TestTuf, World, world};
use mcpkg_verify::TrustedKey;
use serde_json::Value;

const NAME: &str = "io.github.acme/weather";

fn list(world: &World) -> Vec<Value> {
    serde_json::from_str(&world.ok(&["trust", "list", "--json"]).stdout).unwrap()
}

#[test]
fn the_built_in_root_is_what_there_is_at_first() {
    let world = world!();
    let rows = list(&world);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], "public-good");
    assert_eq!(rows[0]["namespaces"], serde_json::json!(["*"]));
    assert!(rows[0]["from"].as_str().unwrap().starts_with("built into mcpkg"), "{rows:?}");
    assert!(rows[0]["fingerprint"].as_str().unwrap().starts_with("sha256:"));
    let text = world.ok(&["trust", "list"]).stdout;
    assert!(text.contains("public-good    Sigstore for *"), "{text}");
}

#[test]
fn a_private_sigstore_is_followed_through_tuf_and_an_install_asks_it_nothing() {
    let (old, new) = (TestSigstore::start(), TestSigstore::start());
    let mut tuf = TestTuf::start(&old.trusted_root_json());
    let registry = TestRegistry::start(&new.trusted_root_json());
    let acme = Identity::github("acme/weather");
    registry.accept(&Draft::new(NAME, "1.0.0").sign(&new, &acme));
    let world = world!();
    let key = registry.log_key().verifier().to_string();
    let flags = ["--no-public-good", "--private", "--log-key", &key];
    world.ok(&[["registry", "add", "test", registry.url()].as_slice(), &flags].concat());
    world.file("root.json", tuf.root_json());
    let url = tuf.url();
    let add = ["trust", "add", "--tuf", &url, "--tuf-root", "root.json", "--name", "acme"];
    let add = [add.as_slice(), &["--for", "io.github.acme/*"]].concat();

    world.refused(&["info", NAME], 3, &["E_TRUST_ROOT"]);
    world.ok(&[add.as_slice(), &["--dry-run"]].concat());
    assert_eq!(list(&world).len(), 1);
    world.ok(&add);
    world.refused(&add, 1, &["E_CONFIG"]);
    let row = &list(&world)[1];
    assert_eq!((&row["name"], &row["from"]), (&"acme".into(), &url.as_str().into()));
    assert_eq!(row["status"]["rootVersion"], 1);
    assert_eq!(row["isStale"], false);
    let doctor = world.run(&["doctor", "--json"]);
    assert!(doctor.stdout.contains("`acme` was refreshed less than an hour ago"), "{doctor}");

    // The package is signed under the Sigstore that comes next.
    world.refused(&["info", NAME], 3, &["E_SIGNATURE"]);
    assert!(world.ok(&["trust", "update", "acme"]).stderr.contains("Unchanged"));
    let before = tuf.files().save();
    tuf.rotate();
    tuf.publish(&new.trusted_root_json());
    let outcome = world.ok(&["trust", "update", "acme"]);
    assert!(outcome.stderr.contains("2, targets 3, was 1 and 1"), "{outcome}");
    world.ok(&["info", NAME]);

    // Nothing goes back, and what was fetched stays.
    let after = tuf.files().save();
    tuf.files().restore(before);
    world.refused(&["trust", "update", "acme"], 3, &["E_TRUST_ROOT"]);
    tuf.files().restore(after.clone());
    tuf.sign();
    world.ok(&["trust", "update", "acme"]);
    tuf.files().restore(after);
    world.refused(&["trust", "update", "acme"], 3, &["E_ROLLBACK"]);
    world.ok(&["info", NAME]);

    // Nobody is there any more, and nobody is asked.
    drop(tuf);
    world.ok(&["info", NAME]);
    world.refused(&["trust", "update", "acme"], 1, &["E_TRANSPORT"]);
    world.refused(&["trust", "update", "nobody"], 2, &["E_CONFIG"]);
    world.ok(&["info", NAME]);

    world.ok(&["trust", "remove", "acme"]);
    world.refused(&["info", NAME], 3, &["E_TRUST_ROOT"]);
    world.refused(&["trust", "remove", "acme"], 2, &["E_CONFIG"]);
    world.refused(&["trust", "remove", "public-good"], 2, &["E_CONFIG"]);
    assert!(!world.path().join(".local/state/mcpkg/trust/acme.json").exists());
}

#[test]
fn a_root_from_a_file_vouches_for_the_names_it_is_added_for() {
    let sigstore = TestSigstore::start();
    let registry = TestRegistry::start(&sigstore.trusted_root_json());
    registry.accept(&Draft::new(NAME, "1.0.0").sign(&sigstore, &Identity::github("acme/weather")));
    let key = registry.log_key().verifier().to_string();
    for (names, code) in [
        (["--for", "io.github.acme/*"], None),
        (["--for", "io.github.other/*"], Some("E_SIGNATURE")),
        // What is tied to everything does not speak for a forge's accounts.
        (["--for", "*"], Some("E_SIGNATURE")),
    ] {
        let world = world!();
        world.ok(&["registry", "add", "test", registry.url(), "--private", "--log-key", &key]);
        world.file("trusted_root.json", sigstore.trusted_root_json());
        world.ok(&[["trust", "add", "trusted_root.json"].as_slice(), &names].concat());
        match code {
            None => drop(world.ok(&["info", NAME])),
            Some(code) => drop(world.refused(&["info", NAME], 3, &[code])),
        }
    }
}

#[test]
fn a_key_vouches_within_its_names_and_its_window() {
    let sigstore = TestSigstore::start();
    let (key, other) = (ManagedKey::generate(), ManagedKey::generate());
    let pattern: mcpkg_core::namespace::NamePattern = "com.acme/*".parse().unwrap();
    let issuer = mcpkg_verify::key::ISSUER.to_owned();
    let identity = AllowedIdentity::subject(issuer.clone(), key.subject()).unwrap();
    let trusted = TrustedKey::from_pem(&key.public_pem(), None, None).unwrap();
    let setup = Setup {
        namespaces: vec![NamespaceRule { pattern: pattern.clone(), identities: vec![identity] }],
        keys: vec![(vec![pattern], trusted)],
        ..Setup::default()
    };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    registry.accept(&Draft::new("com.acme/tool", "1.0.0").sign_with_key(&sigstore, &key));
    let log_key = registry.log_key().verifier().to_string();
    let rule = format!("com.acme/*={issuer},{}", key.subject());

    let names = ["--for", "com.acme/*"].as_slice();
    let early = [names, &["--valid-from", "2100-01-01T00:00:00Z"]].concat();
    let late = [names, &["--valid-until", "2020-01-01T00:00:00Z"]].concat();
    let within = ["--valid-from", "2020-01-01T00:00:00Z", "--valid-until", "2100-01-01T00:00:00Z"];
    let within = [names, &within].concat();
    for (what, flags, code) in [
        (&key, names, None),
        (&key, &within, None),
        (&key, &early, Some("E_SIGNATURE")),
        (&key, &late, Some("E_SIGNATURE")),
        (&other, names, Some("E_SIGNATURE")),
        (&key, &["--for", "com.other/*"], Some("E_TRUST_ROOT")),
    ] {
        let world = world!();
        world.file("trusted_root.json", sigstore.trusted_root_json());
        let add = ["registry", "add", "test", registry.url(), "--private", "--log-key", &log_key];
        let root = ["--no-public-good", "--trusted-root", "trusted_root.json", "--trust-for", "*"];
        world.ok(&[add.as_slice(), &root, &["--publisher", &rule]].concat());
        world.file("release.pem", what.public_pem());
        world.ok(&[["trust", "add", "release.pem"].as_slice(), flags].concat());
        match code {
            None => drop(world.ok(&["info", "com.acme/tool"])),
            Some(code) => drop(world.refused(&["info", "com.acme/tool"], 3, &[code])),
        }
        assert_eq!(list(&world)[1]["kind"], "key");
    }

    let world = world!();
    world.file("release.pem", key.public_pem());
    world.file("root.json", sigstore.trusted_root_json());
    world.refused(
        &["trust", "add", "release.pem", "--for", "io.github.acme/*"],
        3,
        &["E_TRUST_ROOT"],
    );
    let window = ["--for", "com.acme/*", "--valid-from", "2020-01-01T00:00:00Z"];
    world.refused(&[["trust", "add", "root.json"].as_slice(), &window].concat(), 2, &["E_REQUEST"]);
    world.refused(
        &["trust", "add", "release.pem", "--for", "com.acme/*", "--name", "../x"],
        2,
        &["E_REQUEST"],
    );
    world.file("broken.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    world.refused(&["trust", "add", "broken.pem", "--for", "com.acme/*"], 3, &["E_SIGNATURE"]);
    assert_eq!(list(&world).len(), 1);
}

#[test]
fn a_repository_is_listed_with_its_number() {
    let world = world!();
    let add = |rule: &str| {
        let key = mcpkg_core::log::SigningKey::from_seed("a.example", [1; 32]).unwrap();
        let key = key.verifier().to_string();
        let url = "https://a.example/";
        let args = ["registry", "add", "a", url, "--log-key", &key, "--dry-run", "--publisher"];
        world.run(&[args.as_slice(), &[rule]].concat())
    };
    let issuer = "com.acme/*=https://token.actions.githubusercontent.com";
    for (who, code) in [
        ("repository:https://github.com/acme/tools,repository-id:1001", 0),
        ("repository:https://github.com/acme/tools,owner-id:2001", 0),
        ("owner-id:2001", 0),
        ("repository:https://github.com/acme/tools", 2),
        ("repository-id:many", 2),
    ] {
        let outcome = add(&format!("{issuer},{who}"));
        assert_eq!(outcome.code, Some(code), "{who}: {outcome}");
        if code == 2 {
            assert!(outcome.stderr.contains("E_REQUEST"), "{outcome}");
        }
    }
}
