//! Rebuilds that policy asks for.

use mcpkg_core::statement::RebuiltArtifact;
use mcpkg_core::{Platform, TreeHasher};
use mcpkg_test_support::Draft;
use mcpkg_test_support::sigstore::Identity;
use serde_json::Value;

use super::{INSTALL, state};
use crate::fixture::{Fixture, NAME, acme};

/// Has `by` say that 1.2.0 gave the same files, or others.
fn rebuilt(fixture: &Fixture, by: &Identity, is_same: bool) {
    let release = fixture.release(NAME, "1.2.0");
    let published = serde_json::from_value(release["artifacts"][0]["tree"].clone()).unwrap();
    let platform = serde_json::from_value(release["artifacts"][0]["platform"].clone()).unwrap();
    let built = if is_same { published } else { TreeHasher::default().finish() };
    let artifact = RebuiltArtifact { platform, published, built };
    state(fixture, |it| it.rebuild("1.2.0", vec![artifact]), by);
}

/// A number for somebody's repository.
fn id(name: &str) -> String {
    format!("70{}", name.as_bytes()[0])
}

#[test]
fn a_release_is_installed_once_enough_have_built_it_again() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let rule = |owner: &str| {
        format!(
            "{{ issuer = \"https://token.actions.githubusercontent.com\", repository = \
             \"https://github.com/{owner}/rebuilds\", repository_id = \"{}\" }}",
            id(owner)
        )
    };
    let config = developer.read(".config/mcpkg/config.toml");
    let by = ["anna", "ben", "cleo"].map(rule).join(", ");
    let policy = format!(
        "[[registry.rebuilds]]\npattern = \"io.github.acme/*\"\nrequired = 2\nby = [{by}]\n"
    );
    developer.file(".config/mcpkg/config.toml", format!("{config}\n{policy}"));
    let named = |name: &str| Identity::github(&format!("{name}/rebuilds")).repository_id(&id(name));
    let (anna, ben, mallory) = (named("anna"), named("ben"), named("mallory"));
    let refused = |missing: &[&str]| {
        let outcome = developer.refused(&INSTALL, 3, &["E_REBUILDS"]);
        for name in missing {
            assert!(outcome.stderr.contains(&format!("{name}/rebuilds")), "{outcome}");
        }
    };
    refused(&["anna", "ben", "cleo"]);
    rebuilt(&fixture, &anna, true);
    rebuilt(&fixture, &mallory, true);
    // The publisher's own word is no second one.
    rebuilt(&fixture, &acme(), true);
    refused(&["ben", "cleo"]);
    rebuilt(&fixture, &ben, false);
    refused(&["ben", "cleo"]);
    // The last word counts, in both directions.
    rebuilt(&fixture, &ben, true);
    developer.ok(&INSTALL);
    developer.ok(&["verify", "--offline"]);
    rebuilt(&fixture, &anna, false);
    refused(&["anna", "cleo"]);

    let info = developer.ok(&["info", NAME, "--json"]).stdout;
    let info: Value = serde_json::from_str(&info).unwrap();
    let results: Vec<_> = info["rebuilds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["entry"].as_u64().unwrap(), it["result"].as_str().unwrap()))
        .collect();
    assert_eq!(results, [(2, "identical"), (3, "identical"), (5, "identical"), (6, "different")]);
    let text = developer.ok(&["info", NAME]).stdout;
    assert!(text.contains("1.2.0 (rebuilt: 3 identical, 1 different)"), "{text}");
    assert!(
        text.contains("other files, which is a reason to look: github.com/anna/rebuilds"),
        "{text}"
    );
}

#[test]
fn a_rebuild_for_one_platform_says_nothing_of_another() {
    let Some(here) = Platform::current() else { return };
    let elsewhere: Platform =
        if here.to_string() == "windows-aarch64" { "linux-x86_64" } else { "windows-aarch64" }
            .parse()
            .unwrap();
    let fixture = Fixture::empty();
    let platforms = [here, elsewhere].map(|platform| platform.to_string());
    let draft = Draft::new(NAME, "1.2.0").for_platforms(&platforms.each_ref().map(String::as_str));
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));
    let developer = fixture.developer();
    let config = developer.read(".config/mcpkg/config.toml");
    let policy = "[[registry.rebuilds]]\npattern = \"*\"\nrequired = 1\nby = [{ issuer = \
                  \"https://token.actions.githubusercontent.com\", repository_id = \"71\" }]\n";
    developer.file(".config/mcpkg/config.toml", format!("{config}\n{policy}"));
    let anna = Identity::github("anna/rebuilds").repository_id("71");
    let say = |platform: Platform, is_same: bool| {
        let release = fixture.release(NAME, "1.2.0");
        let artifacts = release["artifacts"].as_array().unwrap();
        let artifact = artifacts.iter().find(|it| it["platform"] == platform.to_string()).unwrap();
        let published = serde_json::from_value(artifact["tree"].clone()).unwrap();
        let built = if is_same { published } else { TreeHasher::default().finish() };
        let artifact = RebuiltArtifact { platform, published, built };
        state(&fixture, |it| it.rebuild("1.2.0", vec![artifact]), &anna);
    };
    say(elsewhere, true);
    developer.refused(&INSTALL, 3, &["E_REBUILDS"]);
    say(here, true);
    developer.ok(&INSTALL);
    // Her last word of each counts, and of the other platform she may say otherwise.
    say(elsewhere, false);
    developer.ok(&INSTALL);
    say(here, false);
    developer.refused(&INSTALL, 3, &["E_REBUILDS"]);
}
