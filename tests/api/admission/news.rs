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
fn a_source_that_tells_two_stories_is_told_of_once_and_that_it_goes_on_once() {
    let receiver = Receiver::start(&[200]);
    let events = "events = ['source.stopped', 'source.resumed', 'release.published']";
    let (stage, _) = stage(ALL, &receiver, events);
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
    let published = receiver.next();
    assert_eq!(
        (published.kind().as_str(), &published.data()["name"]),
        ("release.published", &json!(NAME))
    );
    let told = |kind: &str| {
        let message = receiver.next();
        let data = json!({ "source": "public", "code": "E_LOG_FORK" });
        assert_eq!((message.kind().as_str(), message.data()), (kind, data));
    };
    lies.store(true, Ordering::SeqCst);
    told("source.stopped");
    assert!(process.terminate().success());

    // A start in between finds it out again, and tells it to nobody: something else is next,
    // that happened after it was found out.
    let process = stage.place.serve();
    process.wait_for_log("the source could not be kept current");
    let news = Draft::new("io.github.acme/news", "1.0.0");
    let reply = process.http.publish(&news.sign(&stage.sigstore, &crate::acme_news()));
    assert_eq!(reply.status, 201, "{reply}");
    assert_eq!(receiver.next().kind(), "release.published");
    // A person has looked.
    lies.store(false, Ordering::SeqCst);
    let evidence = stage.place.data().join("sources/public/evidence");
    std::fs::rename(&evidence, stage.place.folder().join("looked-at")).unwrap();
    told("source.resumed");
    assert!(process.terminate().success());

    let _process = stage.place.serve();
    lies.store(true, Ordering::SeqCst);
    told("source.stopped");
}
