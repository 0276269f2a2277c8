use proptest::prelude::*;
use serde_json::json;

use super::*;

fn advisory(affected: &Value) -> Advisory {
    let value = json!({ "id": "X-1", "summary": "bad", "affected": [affected] });
    Advisory::from_value(&value).unwrap().unwrap()
}

fn npm(more: &Value) -> Value {
    let mut affected = json!({ "package": { "ecosystem": "npm", "name": "flatmap" } });
    for (key, value) in more.as_object().unwrap() {
        affected[key] = value.clone();
    }
    affected
}

#[test]
fn versions_are_affected_as_osv_evaluates_them() {
    let range = |events: Value| json!({ "ranges": [{ "type": "SEMVER", "events": events }] });
    let fixed = json!([{ "introduced": "0" }, { "fixed": "1.2.0" }]);
    let two = json!([
        { "introduced": "2.0.0" }, { "fixed": "2.1.0" },
        { "introduced": "1.0.0" }, { "last_affected": "1.3.0" },
    ]);
    for (more, version, is_affected) in [
        (range(fixed.clone()), "1.1.9", true),
        (range(fixed.clone()), "0.0.0-alpha", true),
        (range(fixed.clone()), "1.2.0", false),
        (range(fixed), "1.2", false),
        (range(two.clone()), "0.9.0", false),
        (range(two.clone()), "1.3.0", true),
        (range(two.clone()), "1.3.1", false),
        (range(two), "2.0.5", true),
        (json!({ "versions": ["1.0.0"] }), "1.0.0", true),
        (json!({ "versions": ["1.0.0"] }), "1.0.1", false),
        (json!({}), "9.9.9", true),
        // What cannot be ordered is looked at.
        (range(json!([{ "introduced": "1.0.0" }])), "unknown", true),
        (range(json!([{ "introduced": "nonsense" }])), "1.0.0", true),
        // Unless all versions are listed.
        (
            json!({ "versions": ["1"], "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "1!x" }] }] }),
            "2",
            false,
        ),
        (
            json!({ "ranges": [{ "type": "GIT", "events": [{ "introduced": "0" }] }], "versions": ["1.0.0"] }),
            "2.0.0",
            false,
        ),
    ] {
        let subject = Subject::in_ecosystem("npm", "flatmap");
        let found = advisory(&npm(&more)).affects(&subject, version);
        assert_eq!(found, is_affected, "{version} {more}");
    }
}

#[test]
fn a_package_is_known_by_name_or_purl() {
    let ours = Subject::of(&"io.github.acme/Weather".parse().unwrap());
    let scoped = Subject::in_ecosystem("npm", "@a/b");
    for (package, subject, is_it) in [
        (json!({ "ecosystem": "mcpkg", "name": "io.github.acme/weather" }), &ours, true),
        (json!({ "ecosystem": "npm", "name": "io.github.acme/weather" }), &ours, false),
        (
            json!({ "ecosystem": "x", "name": "y", "purl": "pkg:mcpkg/io.github.acme/weather@1" }),
            &ours,
            true,
        ),
        (json!({ "ecosystem": "x", "name": "y", "purl": "pkg:npm/%40a/b" }), &scoped, true),
        (json!({ "ecosystem": "x", "name": "y", "purl": "pkg:npm/%40a/bc" }), &scoped, false),
        (json!({ "ecosystem": "npm:any", "name": "@a/b" }), &scoped, true),
        (json!({ "ecosystem": "npm", "name": "x", "purl": "@" }), &scoped, false),
    ] {
        let advisory = advisory(&json!({ "package": package }));
        assert_eq!(advisory.is_about(subject), is_it, "{package}");
        // What it is about, it is found by.
        assert!(!is_it || advisory.keys().contains(&subject.key()), "{package}");
    }
}

#[test]
fn what_is_no_advisory_is_refused_and_what_was_withdrawn_is_none() {
    for (text, code) in [
        ("", "E_REQUEST"),
        ("[]", "E_REQUEST"),
        ("{}", "E_REQUEST"),
        (r#"{"id":1}"#, "E_REQUEST"),
        (r#"{"id":"a","id":"b"}"#, "E_REQUEST"),
        (r#"{"id":"a","affected":[{"ranges":1}]}"#, "E_REQUEST"),
        (&" ".repeat(MAX_BYTES + 1), "E_LIMIT"),
    ] {
        let error = Advisory::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.code().as_str(), code, "{}", text.chars().take(40).collect::<String>());
    }
    let withdrawn = br#"{"id":"a","withdrawn":"2026-01-01T00:00:00Z"}"#;
    assert_eq!(Advisory::parse(withdrawn).unwrap(), None);
    let seed = include_bytes!("../../../fuzz/seeds/advisory/range.json");
    let found = Advisory::parse(seed).unwrap().unwrap();
    assert!(found.affects(&Subject::in_ecosystem("npm", "flatmap-stream"), "0.1.1"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*", version in ".*") {
        if let Ok(Some(advisory)) = Advisory::parse(text.as_bytes()) {
            let _ = advisory.affects(&Subject::in_ecosystem("npm", "x"), &version);
        }
        let events = json!([{ "introduced": text }, { "fixed": version }]);
        let ranges = json!({ "ranges": [{ "type": "SEMVER", "events": events }] });
        let _ = advisory(&npm(&ranges)).affects(&Subject::in_ecosystem("npm", "flatmap"), &version);
    }

    #[test]
    fn a_fixed_version_and_those_after_it_are_not_affected(major in 0_u64..9, minor in 0_u64..9, later in 0_u64..9) {
        let fixed = format!("{major}.{minor}.0");
        let events = json!([{ "introduced": "0" }, { "fixed": fixed }]);
        let it = advisory(&npm(&json!({ "ranges": [{ "type": "SEMVER", "events": events }] })));
        let subject = Subject::in_ecosystem("npm", "flatmap");
        let after = format!("{major}.{}.0", minor + later);
        prop_assert!(!it.affects(&subject, &after));
        let before = format!("{major}.{minor}.0-rc.1");
        prop_assert!(it.affects(&subject, &before));
    }
}
