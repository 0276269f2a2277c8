//! Policies that change while the registry runs.

use mcpkg_core::Code;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{TestIssuer, TestKey};

use super::PACKAGE;
use super::audited::{get, place, token, write_policy};
use crate::release;

const FORBID: &str = "forbid (principal, action == Action::\"read\", resource);";

#[test]
fn a_new_policy_is_taken_and_a_bad_one_leaves_the_old_one() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let place = place(&sigstore, &issuer, "");
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    let read = || get(&process, PACKAGE, &token(&issuer, "rita", "staff")).status;
    assert_eq!(read(), 200);

    write_policy(&place, FORBID);
    process.hang_up();
    process.wait_for_log("the policies were reloaded");
    assert_eq!(read(), 404);

    write_policy(&place, "permit (principal, action, resource) when { context.dpup };");
    process.hang_up();
    let event = process.wait_for_log("the policies cannot be used; those before stay in force");
    let reason = event["error"].as_str().unwrap();
    assert!(reason.contains("line 1") && reason.contains("dpup"), "{reason}");
    assert_eq!(read(), 404, "what was in force stays");
    let ready = process.http.get("/readyz").to_string();
    assert!(ready.contains("policies:") && !ready.contains("cedar"), "{ready}");

    // Without a signal, too, once the file has stopped changing.
    write_policy(&place, "");
    process.wait_for_log("the policies were reloaded");
    assert_eq!(read(), 200);
    assert_eq!(process.http.get("/readyz").body, b"ok\n");
}

#[test]
fn a_registry_does_not_start_with_a_policy_that_it_does_not_understand() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let place = place(&sigstore, &issuer, "permit (principal, action, resource);\n\nforbid (");
    let said = place.refused(&["serve"], 1);
    assert!(said.contains(Code::Policy.as_str()), "{said}");
    assert!(said.contains("acme.cedar`, line 3"), "{said}");
}
