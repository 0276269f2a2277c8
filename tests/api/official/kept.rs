//! What nobody has signed is in no log, and is kept all the same.

use std::fs;

use mcpkg_core::api::ReleaseDocument;
use mcpkg_test_support::TestListing;
use serde_json::{Value, json};

use super::allowed::{Company, publish};
use super::{entry, listed};
use crate::process::Place;
use crate::{NAME, release};

const WEATHER: &str = "/v0.1/servers/com.acme%2Fweather/versions/1.0.0";

/// A company that has a package, an entry of its own that nobody has signed, and one of
/// another registry; and where that is.
fn company() -> (Company, TestListing) {
    let company = Company::new("com.acme/*", "");
    let listing = TestListing::start();
    let at = json!({ "status": "active", "publishedAt": "2026-01-01T00:00:00Z",
                     "updatedAt": "2026-01-02T00:00:00Z" });
    listing.says(vec![vec![entry("ai.example/one", "1.0.0", &at), "7".to_owned()]]);
    company.place.json(&["official", "follow", "--from", listing.url()]);
    let process = company.place.serve();
    assert_eq!(process.http.publish(&release(&company.sigstore, "1.0.0")).status, 201);
    let token = company.token(&process, &["publishers"]);
    assert_eq!(publish(&process, &token, "com.acme/weather").status, 200);
    assert!(process.terminate().success());
    (company, listing)
}

const ALL: [&str; 3] =
    ["ai.example/one@1.0.0", "com.acme/weather@1.0.0", "io.github.acme/weather@1.0.0"];

fn list(place: &Place) -> (Vec<String>, Vec<u8>) {
    let process = place.serve();
    let page: Value = process.http.get("/v0.1/servers").json();
    let one = process.http.get(WEATHER);
    assert_eq!(one.status, 200, "{one}");
    assert!(process.terminate().success());
    (listed(&page), one.body)
}

#[test]
fn a_backup_has_what_nobody_has_signed_and_a_restored_registry_lists_it() {
    let (company, listing) = company();
    let place = &company.place;
    let before = list(place);
    assert_eq!(before.0, ALL);
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    let copied = place.json(&["backup", "--to", to]);
    assert_eq!((&copied["entries"], &copied["unsigned"]), (&json!(1), &json!(2)), "{copied}");
    // And again, into the same folder.
    assert_eq!(place.json(&["backup", "--to", to])["unsigned"], 2);
    assert!(!backup.join("staging/beside.sqlite3").exists());

    fs::remove_dir_all(place.data()).unwrap();
    let restored = place.json(&["restore", "--from", to]);
    assert_eq!(restored["unsigned"], 2, "{restored}");
    assert_eq!(list(place), before);
    let fsck = place.fsck();
    assert_eq!((fsck.code, &fsck.report["unsigned"]), (Some(0), &json!(2)), "{fsck:?}");
    // The other registry is followed from where it was left.
    place.json(&["official", "follow", "--from", listing.url()]);
    assert_eq!(listing.asked().pop().unwrap().0, "2026-01-02T00:00:00Z");
    let process = place.serve();
    let document: ReleaseDocument = process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).json();
    assert_eq!(document.version.to_string(), "1.0.0");
}

#[test]
fn a_backup_whose_entries_have_changed_is_not_restored() {
    let (company, _listing) = company();
    let place = &company.place;
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    place.json(&["backup", "--to", to]);
    fs::rename(place.data(), place.folder().join("kept")).unwrap();
    let (file, digest) = (backup.join("beside.sqlite3"), backup.join("beside.digest"));
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    for (changed, what) in [(bytes, "a byte"), (whole[..last].to_vec(), "its end")] {
        fs::write(&file, changed).unwrap();
        let stderr = place.refused(&["restore", "--from", to], 1);
        assert!(stderr.starts_with("error[E_STORAGE]"), "{what}: {stderr}");
        assert!(stderr.contains("it is not what was copied"), "{what}: {stderr}");
        assert!(!place.data().join("registry.sqlite3").exists(), "{what}");
        assert!(!place.data().join("log/checkpoint").exists(), "{what}");
    }
    fs::remove_file(&file).unwrap();
    let stderr = place.refused(&["restore", "--from", to], 1);
    assert!(stderr.contains("beside.sqlite3"), "a digest of nothing: {stderr}");
    // A backup from before there was such a file has neither.
    fs::remove_file(&digest).unwrap();
    assert_eq!(place.json(&["restore", "--from", to])["unsigned"], 0);
}

#[test]
fn what_nobody_has_signed_survives_a_database_that_is_made_again_and_is_checked() {
    let (company, _listing) = company();
    let place = &company.place;
    let before = list(place);
    place.json(&["fsck", "--rebuild"]);
    assert_eq!(list(place), before);
    for (sql, invariant, subject, problem) in [
        (
            "update server set document = '{' where name_key = 'com.acme/weather'",
            "I1",
            "com.acme/weather@1.0.0 (unsigned)",
            "cannot be read",
        ),
        (
            "update server set document = replace(document, 'ai.example/one', 'ai.example/two')",
            "I1",
            "ai.example/one@1.0.0 (unsigned)",
            "is about ai.example/two",
        ),
        (
            "update server set document = replace(document, '1.0.0', '2.0.0')
              where source is not null",
            "I1",
            "ai.example/one@1.0.0 (unsigned)",
            "of another version",
        ),
        (
            "update server set document = replace(document, 'Forecasts', 'Malware')
              where release_id is not null",
            "I6",
            "io.github.acme/weather@1.0.0",
            "listed otherwise than it was signed",
        ),
        (
            "delete from server where release_id is not null",
            "I6",
            "io.github.acme/weather@1.0.0",
            "it is in no list",
        ),
        (
            "update server set name_key = 'ai.example/two' where source is not null",
            "I1",
            "ai.example/two@1.0.0 (unsigned)",
            "is about ai.example/one",
        ),
        (
            "update server
                set name_key = 'io.github.acme/weather', version = '9.0.0',
                    document = replace(replace(document, 'ai.example/one',
                                               'io.github.acme/weather'), '1.0.0', '9.0.0')
              where source is not null",
            "I1",
            "io.github.acme/weather@9.0.0 (unsigned)",
            "a signed package has its name",
        ),
    ] {
        let path = place.data().join("registry.sqlite3");
        let kept = fs::read(&path).unwrap();
        crate::fsck::tamper(place, sql);
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(3), "{sql}: {fsck:?}");
        let [finding] = &fsck.report["findings"].as_array().unwrap()[..] else {
            panic!("{sql}: {fsck:?}")
        };
        assert_eq!(
            (&finding["invariant"], &finding["subject"]),
            (&json!(invariant), &json!(subject))
        );
        assert!(finding["problem"].as_str().unwrap().contains(problem), "{finding}");
        fs::write(&path, kept).unwrap();
    }
    // What is missing in the lists comes back.
    crate::fsck::tamper(place, "delete from server where release_id is not null");
    assert_eq!(list(place), before);
    assert_eq!(place.fsck().code, Some(0));
}
