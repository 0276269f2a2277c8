//! `mcpkg-registry policy`: checking policies, and asking them, without a server.

use mcpkg_core::Code;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{TestIssuer, TestKey};
use serde_json::json;

use super::audited::{place, write_policy};
use crate::process::Place;

const POLICY: &str = "@id(\"frozen\") @advice(\"ask the platform team\")
forbid (principal, action == Action::\"publish\", resource in Namespace::\"com.acme\");
@id(\"platform\")
permit (principal in Group::\"sso/platform\", action == Action::\"publish\", resource);";

fn company() -> Place {
    place(&TestSigstore::start(), &TestIssuer::start(TestKey::ecdsa()), POLICY)
}

#[test]
fn policies_are_checked_as_a_start_would() {
    let place = company();
    let checked = place.json(&["policy", "check"]);
    let ids: Vec<_> = checked["policies"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert!(ids.contains(&&json!("frozen")) && ids.contains(&&json!("readers-read")), "{checked}");
    let alone = place.json(&["policy", "validate", "acme.cedar"]);
    assert_eq!(alone["policies"].as_array().unwrap().len(), 2);

    write_policy(&place, "\nforbid (principal, action == Action::\"publsh\", resource);");
    for args in [&["policy", "check"][..], &["policy", "validate", "acme.cedar"]] {
        let said = place.refused(args, 1);
        assert!(said.contains(Code::Policy.as_str()) && said.contains("line 2"), "{said}");
    }
}

#[test]
fn a_question_is_answered_with_the_policies_that_decide() {
    let place = company();
    let ask = |command: &str, package: &str, more: &[&str]| {
        let question = [
            "policy",
            command,
            "--action",
            "publish",
            "--resource",
            package,
            "--principal",
            "user:sso/alice",
            "--group",
            "platform",
        ];
        let output = place.run(&[&question, more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(ask("can-i", "com.other/tool", &[]), (Some(0), "yes\n".to_owned()));
    assert_eq!(ask("can-i", "com.acme/tool", &[]), (Some(3), "no\n".to_owned()));
    let (code, said) = ask("explain", "com.acme/tool", &[]);
    assert_eq!(code, Some(3));
    assert_eq!(
        said.replace(place.folder().to_str().unwrap(), ""),
        "User::\"sso/alice\" may not publish Package::\"com.acme/tool\"\n  \
         forbidden by `frozen`, in acme.cedar\n    advice: ask the platform team\n"
    );
    let (_, said) = ask("explain", "com.other/tool", &["--role", "operator"]);
    assert!(said.contains("forbidden by `operators-publish-nothing`, in roles.cedar"), "{said}");
}

#[test]
fn a_question_that_is_none_is_refused() {
    let place = company();
    for (principal, action, resource) in [
        ("alice", "read", "com.acme/tool"),
        ("user:alice", "read", "com.acme/tool"),
        ("signer:x", "read", "com.acme/tool"),
        ("anonymous", "reed", "com.acme/tool"),
        ("anonymous", "read", "com.acme"),
    ] {
        let args = ["policy", "can-i", "--principal", principal, "--action", action, "--resource"];
        let said = place.refused(&[&args[..], &[resource]].concat(), 1);
        assert!(said.contains(Code::Request.as_str()), "{principal} {action} {resource}: {said}");
    }
}
