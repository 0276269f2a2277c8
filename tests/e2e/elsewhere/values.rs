//! What the user gives a server elsewhere is held to what was signed when it is installed, and
//! not when the agent starts it.

use super::*;

/// Nothing was installed.
#[track_caller]
fn refused(developer: &World, install: &[&str], said: &str) {
    let before = developer.files();
    let outcome = developer.refused(install, 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains(said), "{said}\n{outcome}");
    let of_it = |path: &String| path.ends_with("mcpkg.lock") || path.contains("releases/");
    let new: Vec<_> = developer.files().into_iter().filter(|it| !before.contains(it)).collect();
    assert!(!new.iter().any(of_it), "{new:?}");
    assert_eq!(developer.read(".claude.json"), "{}\n");
}

/// A version that has units to choose from.
fn with_units(elsewhere: &Elsewhere, version: &str, choices: &[&str]) {
    let mut server = elsewhere.server(version);
    let units = json!({ "name": "X-Units", "choices": choices });
    server["remotes"][0]["headers"].as_array_mut().unwrap().push(units);
    publish(&elsewhere.fixture, &server);
}

#[test]
fn a_value_that_a_remote_server_does_not_take_is_refused_before_anything_is_installed() {
    let elsewhere = Elsewhere::new();
    with_units(&elsewhere, "1.3.0", &["metric", "imperial"]);
    let developer = elsewhere.developer();
    for (set, said) in [
        ("X-Units=kelvin", "value for `X-Units` cannot be used: it is none of its choices"),
        ("X-Units=metric\u{1}", "value for `X-Units` cannot be used"),
        ("X-Unit=metric", "the server has no setting `X-Unit`"),
    ] {
        refused(&developer, &[INSTALL.as_slice(), &["--set", set]].concat(), said);
    }
    // Its name in the address is no more than a part of it.
    let mut climbing = INSTALL;
    climbing[4] = "tenant=..";
    refused(&developer, &climbing, "value for `tenant` cannot be used: it would be more");
    developer.ok(&[INSTALL.as_slice(), &["--set", "X-Units=imperial"]].concat());

    // Nor is a release taken that no longer takes it.
    with_units(&elsewhere, "1.4.0", &["metric", "kelvin"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.refused(&["update", "--yes"], 1, &["E_CONFIG"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
}

#[test]
fn a_value_that_an_image_does_not_take_is_refused_before_anything_is_installed() {
    let fixture = Fixture::empty();
    let mut server = in_image("1.2.0", &image("one"));
    server["packages"][0]["packageArguments"][1]["choices"] = json!(["Oslo", "Bergen"]);
    publish(&fixture, &server);
    let developer = image::with_engine(&fixture, "podman");
    let set = |value| [image::INSTALL.as_slice(), &["--set", value]].concat();
    let said = "value for `city` cannot be used: it is none of its choices";
    refused(&developer, &set("city=Paris"), said);
    developer.ok(&set("city=Bergen"));
}
