//! Which policy decided, what it saw, and what another would have done.

use mcpkg_core::Digest;
use mcpkg_test_support::Draft;
use serde_json::json;

use super::{ALL, Stage, asking, forbid};
use crate::NAME;

#[test]
fn every_fact_can_decide() {
    let stage = Stage::new(ALL);
    let process = stage.place.serve();
    let mut draft = asking("1.0.0", "api.example.com:443");
    let artifact = &mut draft.artifacts[0];
    artifact.manifest["license"] = json!("MIT OR Apache-2.0");
    artifact.files.push((
        "server/node_modules/flatmap-stream/package.json".to_owned(),
        br#"{"version":"0.1.1","license":"GPL-3.0-only"}"#.to_vec(),
    ));
    stage.publish(&process, &draft);
    for (condition, is_so) in [
        (r#"resource.source == Source::"own""#, true),
        (r#"resource.namespace == "io.github.acme""#, true),
        (
            r#"resource has publisher && resource.publisher.issuer like "*githubusercontent.com""#,
            true,
        ),
        ("resource.hasProvenance", true),
        ("resource.ageSeconds < 3600", true),
        ("resource.ageSeconds >= 86400", false),
        ("resource.rebuilds >= 1", false),
        (r#"resource.permissions.hosts.contains("api.example.com:443")"#, true),
        (r#"resource.licences == ["Apache-2.0", "MIT"]"#, true),
        (r#"resource.carriedLicences.contains("GPL-3.0-only")"#, true),
        ("resource.isInspected", true),
        ("resource.advisories.ids.isEmpty()", true),
        (r#"resource.status == "active""#, true),
        ("resource.isRemoteOnly", false),
        ("resource.sizeBytes > 1000000", false),
        (r#"resource.version == "1.0.0" && !resource.isPrerelease"#, true),
    ] {
        stage.say(&format!("{ALL}{}", forbid("fact", "", condition)));
        let explained = stage.explain("1.0.0", &[]);
        let (outcome, policy) = if is_so { ("denied", "fact") } else { ("admitted", "all") };
        assert_eq!(explained["decision"]["outcome"], outcome, "{condition}: {explained:#}");
        assert_eq!(explained["decision"]["policies"], json!([policy]), "{condition}");
    }
}

#[test]
fn what_runs_elsewhere_is_told_from_what_runs_here() {
    let elsewhere = forbid("elsewhere", "", "resource.isRemoteOnly");
    let stage = Stage::new(&format!("{ALL}{elsewhere}"));
    let process = stage.place.serve();
    let remote = Draft::of_remotes(NAME, "1.0.0");
    let mut image = Draft::of_remotes(NAME, "1.1.0");
    image.server.as_object_mut().unwrap().shift_remove("remotes");
    image.server["packages"] = json!([{
        "registryType": "oci",
        "identifier": format!("ghcr.io/acme/weather@{}", Digest::of(b"manifest")),
        "transport": { "type": "stdio" },
    }]);
    // Who can take the image need not connect to anybody.
    let mut both = image.clone();
    both.server["version"] = json!("1.2.0");
    both.server["remotes"] = remote.server["remotes"].clone();
    for draft in [&remote, &image, &both] {
        stage.publish(&process, draft);
    }
    for (version, outcome, policy) in [
        ("1.0.0", "denied", "elsewhere"),
        ("1.1.0", "admitted", "all"),
        ("1.2.0", "admitted", "all"),
    ] {
        let explained = stage.explain(version, &[]);
        assert_eq!(explained["decision"]["outcome"], outcome, "{version}: {explained:#}");
        assert_eq!(explained["decision"]["policies"], json!([policy]), "{version}");
    }
}

#[test]
fn what_is_too_young_is_not_when_time_has_passed() {
    let young =
        forbid("young", "@reason(\"it is younger than a day\")", "resource.ageSeconds < 86400");
    let stage = Stage::new(&format!("{ALL}{young}"));
    let process = stage.place.serve();
    stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    let now = stage.explain("1.0.0", &[]);
    assert_eq!(now["decision"]["outcome"], "denied");
    assert_eq!(now["decision"]["sentence"], "it is younger than a day");
    assert_eq!(now["forbids"][0]["file"].as_str().unwrap(), "company.cedar");
    let at: jiff::Timestamp = now["facts"]["publishedAt"].as_str().unwrap().parse().unwrap();
    for (hours, outcome) in [(23, "denied"), (25, "admitted")] {
        let then = at + jiff::SignedDuration::from_hours(hours);
        let then = stage.explain("1.0.0", &["--at", &then.to_string()]);
        assert_eq!(then["decision"]["outcome"], outcome, "{hours} h");
    }
}

#[test]
fn other_policies_are_tried_on_what_came_in_lately() {
    let stage = Stage::new(ALL);
    let process = stage.place.serve();
    stage.publish(&process, &asking("1.0.0", "api.example.com:443"));
    stage.publish(&process, &Draft::new(NAME, "1.1.0"));
    let network = forbid("network", "@approval(\"one\")", "!resource.permissions.hosts.isEmpty()");
    stage.write("stricter.cedar", &format!("{ALL}{network}"));
    stage.write("same.cedar", ALL);
    let simulated = stage.place.json(&["admission", "simulate", "stricter.cedar", "--days", "30"]);
    assert_eq!(simulated["releases"], 2);
    let changes = simulated["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{simulated:#}");
    assert_eq!(
        (&changes[0]["version"], &changes[0]["from"], &changes[0]["to"], &changes[0]["policies"]),
        (&json!("1.0.0"), &json!("admitted"), &json!("quarantined"), &json!(["network"]))
    );
    let same = stage.place.json(&["admission", "simulate", "same.cedar"]);
    assert_eq!(same["changes"], json!([]));
    // It was only tried.
    assert_eq!(stage.outcome("1.0.0"), "admitted");
    // Policies that are none are not tried.
    stage.write("broken.cedar", "permit (principal, action, resourse);");
    let said = stage.place.refused(&["admission", "simulate", "broken.cedar"], 1);
    assert!(said.starts_with("error[E_POLICY]"), "{said}");
}

#[test]
fn nothing_is_said_of_what_there_is_not() {
    let stage = Stage::new(ALL);
    let process = stage.place.serve();
    stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    let said = stage.place.refused(&["admission", "explain", &format!("{NAME}@9.9.9")], 1);
    assert!(said.starts_with("error[E_NOT_FOUND]"), "{said}");
}
