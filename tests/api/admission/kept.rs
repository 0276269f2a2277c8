//! What is kept of a source, and what is let go.

use mcpkg_test_support::{Draft, TestRegistry};
use serde_json::json;

use super::Stage;
use crate::process::Process;
use crate::{NAME, acme};

const BASE: &str = "/source/public";

/// A mirror that keeps the newest release of a package alone, and has fetched three.
fn mirror(mode: &str) -> (Stage, TestRegistry, Vec<String>) {
    let stage = Stage::new(super::ALL);
    let source = TestRegistry::start(&stage.sigstore.trusted_root_json());
    let mut blobs = Vec::new();
    // The last two have the same artifact for another platform's sake: none here.
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let release = Draft::new(NAME, version).with_bytes(5000).sign(&stage.sigstore, &acme());
        source.accept(&release);
        blobs.push(format!("/v1/blobs/{}", release.artifact(0)));
    }
    let key = source.log_key().verifier();
    stage.place.configure(&format!(
        "[[source]]\nname = 'public'\nurl = '{}'\nlog_key = '{key}'\nmode = '{mode}'\n\
         namespaces = ['*']\ntrust_public_good = false\n[[source.trust_root]]\n\
         file = 'trusted_root.json'\nnamespaces = ['*', 'io.github.acme/*']\n\
         [retention]\nkeep_newest = 1\nkeep_days = 0\ngrace_hours = 0\n",
        source.url()
    ));
    (stage, source, blobs)
}

fn serve(stage: &Stage) -> Process {
    let process = stage.place.serve();
    process.wait_for_log("followed the source");
    process
}

#[test]
fn what_is_let_go_is_fetched_again_and_a_dry_run_does_nothing() {
    let (stage, _source, blobs) = mirror("online");
    let process = serve(&stage);
    let read = |process: &Process| {
        blobs.iter().all(|blob| process.http.get(&format!("{BASE}{blob}")).status == 200)
    };
    assert!(read(&process));
    assert!(process.terminate().success());

    let planned = stage.place.json(&["gc", "--dry-run"]);
    let versions = |report: &serde_json::Value| -> Vec<String> {
        let artifacts = report["artifacts"].as_array().unwrap();
        artifacts.iter().map(|it| it["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(versions(&planned), ["1.0.0", "1.1.0"], "{planned:#}");
    assert_eq!(planned["artifacts"][0]["fate"], json!("freed"));
    assert_eq!(stage.place.json(&["gc", "--dry-run"]), planned, "nothing was done");

    let done = stage.place.json(&["gc"]);
    assert_eq!(versions(&done), versions(&planned));
    let freed: u64 = done["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["sizeBytes"].as_u64().unwrap())
        .sum();
    assert_eq!(done["freedBytes"], freed);
    assert_eq!(stage.place.json(&["gc"])["artifacts"], json!([]));
    let fsck = stage.place.fsck();
    assert_eq!(fsck.code, Some(0), "{:#}", fsck.report);

    let process = stage.place.serve();
    assert!(read(&process), "it is fetched when somebody asks");
}

#[test]
fn beside_a_server_files_are_left_to_it() {
    let (stage, _source, blobs) = mirror("online");
    let process = serve(&stage);
    for blob in &blobs {
        assert_eq!(process.http.get(&format!("{BASE}{blob}")).status, 200);
    }
    let done = stage.place.json(&["gc"]);
    assert_eq!(done["artifacts"][0]["fate"], json!("later"), "{done:#}");
    assert_eq!(done["freedBytes"], 0);
    for blob in &blobs {
        assert_eq!(process.http.get(&format!("{BASE}{blob}")).status, 200);
    }
    let fsck = stage.place.fsck();
    assert_eq!(fsck.code, Some(0), "{:#}", fsck.report);
}

#[test]
fn what_a_source_may_not_be_there_to_give_again_is_kept() {
    let (stage, _source, blobs) = mirror("fallback");
    let process = serve(&stage);
    assert_eq!(process.http.get(&format!("{BASE}{}", blobs[0])).status, 200);
    assert!(process.terminate().success());
    assert_eq!(stage.place.json(&["gc"])["artifacts"], json!([]));
}
