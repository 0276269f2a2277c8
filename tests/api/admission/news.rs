//! What is told that no table shows: other policies, a source that lies, what an operator
//! takes down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use mcpkg_core::log::{Hash, Tree};
use mcpkg_test_support::{Draft, LyingRegistry, RegistryLog, TestRegistry};
use serde_json::json;

use super::webhooks::{Receiver, stage};
use super::{ALL, forbid, mirrored};
use crate::{NAME, acme};

#[test]
fn what_an_operator_takes_down_is_told_once_also_if_nobody_ran_meanwhile() {
    let receiver = Receiver::start(&[200]);
    let (stage, _) = stage(ALL, &receiver, "events = ['release.removed']");
    let take_down = |version: &str| {
        stage.place.json(&["takedown", NAME, version, "--reason", "a stolen account"]);
    };
    let process = stage.place.serve();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        stage.publish(&process, &Draft::new(NAME, version));
    }
    take_down("1.0.0");
    let message = receiver.next();
    assert_eq!(message.kind(), "release.removed");
    let expected = json!({ "name": NAME, "version": "1.0.0", "reason": "a stolen account" });
    assert_eq!(message.data(), expected);
    assert!(process.terminate().success());

    take_down("1.1.0");
    let process = stage.place.serve();
    assert_eq!(receiver.next().data()["version"], "1.1.0", "and the first is not told again");
    assert!(process.terminate().success());
    let _process = stage.place.serve();
    take_down("1.2.0");
    assert_eq!(receiver.next().data()["version"], "1.2.0");
}

#[test]
fn policies_that_came_into_force_are_told_and_those_that_did_not_are_not() {
    let receiver = Receiver::start(&[200]);
    let (stage, _) = stage(ALL, &receiver, "events = ['policy.reloaded']");
    let process = stage.place.serve();
    stage.say("permit (principal, action, resource) when { context.dpup };");
    process.hang_up();
    process.wait_for_log("the policies cannot be used; those before stay in force");
    stage.say(&format!("{ALL}{}", forbid("never", "", "resource.sizeBytes > 1000000")));
    process.hang_up();
    let reloaded = process.wait_for_log("the policies were reloaded");
    let message = receiver.next();
    assert_eq!(message.kind(), "policy.reloaded");
    assert_eq!(message.data()["policies"], reloaded["policies"]);
}

#[test]
fn a_source_that_tells_two_stories_is_told_of() {
    let receiver = Receiver::start(&[200]);
    let (stage, _) = stage(ALL, &receiver, "events = ['source.stopped']");
    let source = TestRegistry::start(&stage.sigstore.trusted_root_json());
    source.accept(&Draft::new(NAME, "1.0.0").sign(&stage.sigstore, &acme()));
    let log = RegistryLog::new(source.log_key());
    let other = Tree { size: 1, root: Hash::leaf(b"another story") };
    let theirs = log.checkpoint_of(other, Timestamp::now());
    let lies = Arc::new(AtomicBool::new(false));
    let decided = Arc::clone(&lies);
    let between = LyingRegistry::start(source.url(), move |path, mut answer| {
        if path == "/v1/log/checkpoint" && decided.load(Ordering::SeqCst) {
            answer.body = theirs.clone().into_bytes();
        }
        answer
    });
    mirrored::configure(&stage, between.url(), &source, "refresh_seconds = 1");
    let process = stage.place.serve();
    process.wait_for_log("followed the source");
    lies.store(true, Ordering::SeqCst);
    let message = receiver.next();
    assert_eq!(message.kind(), "source.stopped");
    assert_eq!(message.data(), json!({ "source": "public", "code": "E_LOG_FORK" }));
}
