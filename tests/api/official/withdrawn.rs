//! What was listed and is not given out any more, for those who follow changes.

use std::fs;

use mcpkg_core::Code;
use mcpkg_test_support::Draft;
use serde_json::{Value, json};

use super::{listed, meta, title};
use crate::NAME;
use crate::admission::{ALL, Stage, forbid};
use crate::process::Process;

const ONE: &str = "io.github.acme/weather@1.0.0";
const OTHER: &str = "io.github.acme/weather@1.1.0";
const VERSIONS: &str = "/v0.1/servers/io.github.acme%2Fweather/versions";
const EVER: &str = "?updated_since=2001-01-01T00:00:00Z";

#[track_caller]
fn list(process: &Process, query: &str) -> Value {
    let reply = process.http.get(&format!("/v0.1/servers{query}"));
    assert_eq!(reply.status, 200, "{query}: {reply}");
    reply.json()
}

/// What a page says of the release `wanted`.
#[track_caller]
pub(crate) fn find(page: &Value, wanted: &str) -> Value {
    let mut servers = page["servers"].as_array().unwrap().iter();
    servers.find(|it| title(it) == wanted).unwrap_or_else(|| panic!("{wanted}: {page}")).clone()
}

/// That an entry is there as one that is gone, and nothing else of it: gives when it went.
#[track_caller]
pub(crate) fn gone(entry: &Value) -> String {
    assert_eq!(meta(entry)["status"], "deleted", "{entry}");
    assert_eq!(meta(entry)["statusMessage"], "this registry does not give it out any more");
    assert_eq!(meta(entry)["statusChangedAt"], meta(entry)["updatedAt"]);
    let members: Vec<&String> = entry["server"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["$schema", "name", "description", "version"], "{entry}");
    changed_at(entry)
}

fn changed_at(entry: &Value) -> String {
    meta(entry)["updatedAt"].as_str().unwrap().to_owned()
}

fn never() -> String {
    forbid("never", "", "resource.version like \"3.*\"")
}

/// Policies that admit no 3, and not 1.1.0 either.
fn stricter() -> String {
    format!("{ALL}{}{}", never(), forbid("other", "", "resource.version == \"1.1.0\""))
}

/// A registry that has listed two releases, and never a third.
fn stage() -> (Stage, Process) {
    let stage = Stage::new(&format!("{ALL}{}", never()));
    let process = stage.place.serve();
    for version in ["1.0.0", "1.1.0", "3.0.0"] {
        stage.publish(&process, &Draft::new(NAME, version));
    }
    assert_eq!(listed(&list(&process, EVER)), [ONE, OTHER]);
    (stage, process)
}

#[test]
fn whoever_follows_changes_is_told_what_is_denied_now_and_what_is_admitted_again() {
    let (stage, process) = stage();
    let since = changed_at(&find(&list(&process, EVER), OTHER));
    stage.say(&stricter());
    process.wait_for_log("the policies were reloaded");
    let changes = format!("?updated_since={since}");
    let page = list(&process, &changes);
    let went_at = gone(&find(&page, OTHER));
    assert!(went_at >= since, "{went_at}");
    assert_eq!(listed(&list(&process, "")), [ONE]);
    assert_eq!(listed(&list(&process, "?include_deleted=true")), [ONE, OTHER]);
    // Nobody hears of what was never listed.
    assert_eq!(listed(&list(&process, EVER)).len(), 2);
    let one = format!("{VERSIONS}/1.1.0");
    assert_eq!(process.http.get(&one).outcome(), (404, Some(Code::NotFound)));
    gone(&process.http.get(&format!("{one}?include_deleted=true")).json());
    let third = process.http.get(&format!("{VERSIONS}/3.0.0?include_deleted=true"));
    assert_eq!(third.outcome(), (404, Some(Code::NotFound)));
    // Who follows the newest alone learns which one that is now.
    let newest = find(&list(&process, &format!("{changes}&version=latest")), ONE);
    assert!(meta(&newest)["isLatest"] == true && changed_at(&newest) >= went_at, "{newest}");

    stage.say(&format!("{ALL}{}", never()));
    process.wait_for_log("the policies were reloaded");
    let back = find(&list(&process, &format!("?updated_since={went_at}")), OTHER);
    assert_eq!(meta(&back)["status"], "active");
    assert!(back["server"]["packages"][0]["fileSha256"].is_string(), "{back}");
    assert!(changed_at(&back) >= went_at, "{back}");
    assert_eq!(listed(&list(&process, "")), [ONE, OTHER]);
}

#[test]
fn a_name_of_which_nothing_is_left_is_deleted_and_its_pages_go_on() {
    let (stage, process) = stage();
    stage.say("");
    process.wait_for_log("the policies were reloaded");
    let mut page = list(&process, &format!("{EVER}&limit=1"));
    let mut paged = listed(&page);
    while let Some(cursor) = page["metadata"]["nextCursor"].as_str() {
        page = list(&process, &format!("?limit=1&cursor={cursor}"));
        paged.extend(listed(&page));
    }
    paged.sort();
    assert_eq!(paged, [ONE, OTHER]);
    gone(&find(&list(&process, &format!("{EVER}&version=latest")), OTHER));
    assert_eq!(listed(&list(&process, "")), Vec::<String>::new());
    let latest = process.http.get(&format!("{VERSIONS}/latest"));
    assert_eq!(latest.outcome(), (404, Some(Code::NotFound)));
}

/// One registry that follows another through this API, as anybody's would.
#[test]
fn a_registry_that_follows_takes_it_out_of_its_list_too() {
    let (stage, process) = stage();
    let far = Stage::new(ALL);
    let follow = ["official", "follow", "--from", process.http.url()];
    assert_eq!(far.place.json(&follow)["new"], 2);
    stage.say(&stricter());
    process.wait_for_log("the policies were reloaded");
    let report = far.place.json(&follow);
    assert!(report["changed"].as_u64() >= Some(1), "{report}");
    let there = far.place.serve();
    assert_eq!(listed(&list(&there, "")), [ONE]);
    let other = find(&list(&there, "?include_deleted=true"), OTHER);
    assert_eq!(meta(&other)["status"], "deleted");
}

#[test]
fn a_database_that_is_made_again_tells_the_same_and_a_restored_one_too() {
    let (stage, process) = stage();
    let place = &stage.place;
    stage.say(&stricter());
    process.wait_for_log("the policies were reloaded");
    gone(&find(&list(&process, EVER), OTHER));
    // All but the documents, which name the port.
    let told = |process: &Process| -> Vec<(String, Value)> {
        let page = list(process, EVER);
        let servers = page["servers"].as_array().unwrap();
        servers.iter().map(|it| (title(it), it["_meta"].clone())).collect()
    };
    let before = told(&process);
    assert!(process.terminate().success());
    let after = |what: &str| {
        let process = place.serve();
        assert_eq!(told(&process), before, "{what}");
        assert!(process.terminate().success());
    };
    after("a start");
    place.json(&["fsck", "--rebuild"]);
    after("a database that was made again");
    let backup = place.folder().join("backup");
    place.json(&["backup", "--to", backup.to_str().unwrap()]);
    fs::remove_dir_all(place.data()).unwrap();
    place.json(&["restore", "--from", backup.to_str().unwrap()]);
    after("a registry that was restored");
    // Of a database that cannot be read nothing is known, and so nothing told.
    fs::write(place.data().join("registry.sqlite3"), b"no database").unwrap();
    place.json(&["fsck", "--rebuild"]);
    let process = place.serve();
    assert_eq!(listed(&list(&process, EVER)), [ONE]);
    let third = process.http.get(&format!("{VERSIONS}/3.0.0?include_deleted=true"));
    assert_eq!(third.outcome(), (404, Some(Code::NotFound)));
    assert_eq!(place.fsck().report["findings"], json!([]));
}
