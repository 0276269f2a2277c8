//! `mcpkg-registry fsck`

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mcpkg_core::Digest;
use mcpkg_core::api::{ReleaseDocument, Status};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{PackageStatement, RebuiltArtifact};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Basis, Draft, Submission};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};

use crate::process::{Place, Process};
use crate::{NAME, acme, acme_news, release};

/// A place where one release was published, and the server stopped.
fn published(sigstore: &TestSigstore) -> (Place, Submission) {
    let place = Place::new(sigstore);
    let submission = release(sigstore, "1.0.0");
    let process = place.serve();
    assert_eq!(process.http.publish(&submission).status, 201);
    assert!(process.terminate().success());
    (place, submission)
}

fn blob(place: &Place, digest: Digest) -> PathBuf {
    let hex = digest.to_hex();
    place.data().join("blobs/sha256").join(&hex[..2]).join(hex)
}

/// Changes the database behind the server's back, past its triggers.
pub(crate) fn tamper(place: &Place, sql: &'static str) {
    let url = format!("sqlite://{}", place.data().join("registry.sqlite3").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// Changes a byte of a file.
fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Longer than anything is left over.
const WEEK: Duration = Duration::from_hours(7 * 24);

#[test]
fn a_sound_registry_is_sound_also_while_it_runs() {
    let sigstore = TestSigstore::start();
    let (place, _) = published(&sigstore);
    let _running = place.serve();
    let fsck = place.fsck();
    assert_eq!(fsck.code, Some(0));
    let sound = json!({
        "isSound": true, "releases": 1, "blobs": 3, "entries": 1, "unsigned": 0, "pending": 0,
        "leftovers": 0, "findings": []
    });
    assert_eq!(fsck.report, sound);

    let text = place.command("fsck").output().unwrap();
    assert_eq!(
        String::from_utf8(text.stdout).unwrap(),
        "1 releases, 3 blobs, 1 entries, 0 leftovers: all is well\n"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each thing that can break")]
fn what_is_broken_is_named_with_its_invariant() {
    type Break = fn(&Place, &Submission);
    let rows: [(&str, Break, &str, &str); 15] = [
        (
            "a byte of an artifact",
            |place, submission| {
                let path = blob(place, submission.artifact(0));
                let mut bytes = fs::read(&path).unwrap();
                bytes[40] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            "I1",
            "its bytes have changed",
        ),
        (
            "a longer bundle",
            |place, submission| {
                let path = blob(place, Digest::of(&submission.bundles[0]));
                let mut bytes = fs::read(&path).unwrap();
                bytes.push(b'\n');
                fs::write(path, bytes).unwrap();
            },
            "I1",
            "it has another length",
        ),
        (
            "no server.json",
            |place, submission| {
                fs::remove_file(blob(place, Digest::of(&submission.server_json))).unwrap();
            },
            "I1",
            "it is missing",
        ),
        (
            "a release of which the log says otherwise",
            |place, _| {
                tamper(
                    place,
                    "drop trigger release_is_immutable;
                     update release set published_at = '2020-01-01T00:00:00Z'",
                );
            },
            "I6",
            "the database says otherwise than the log",
        ),
        (
            "a status that nobody stated",
            |place, _| tamper(place, "update release set status = 'yanked'"),
            "I6",
            "the database says otherwise than the log: it is active",
        ),
        (
            "a name that is bound to somebody else",
            |place, _| {
                tamper(
                    place,
                    "drop trigger binding_is_immutable;
                     update binding set publisher = json_set(publisher, '$.repositoryId', '666')",
                );
            },
            "I6",
            "the database binds it to somebody else than the log",
        ),
        (
            "a release that the log does not have",
            |place, _| {
                tamper(
                    place,
                    "insert into release
                     select 99, package_id, '9.9.9', metadata, publisher, published_at, title,
                            description, status
                       from release;
                     insert into evidence select 99, position, bundle from evidence;
                     insert into entry (log_index, kind, package_id, release_id)
                     select 7, kind, package_id, 99 from entry",
                );
            },
            "I6",
            "it has 2 entries of the 1 that it applied",
        ),
        (
            "a byte of the entries",
            |place, _| flip(&place.data().join("log/tile/entries/000.p/1"), 40),
            "I3",
            "its entries are not those of the hashes",
        ),
        (
            "a byte of the hashes",
            |place, _| flip(&place.data().join("log/tile/0/000.p/1"), 0),
            "I3",
            "its entries are not those of the hashes",
        ),
        (
            "a byte of a root in the journal",
            |place, _| {
                let path = place.data().join("log/checkpoints/000");
                let mut bytes = fs::read(&path).unwrap();
                // Another digit of base64, so that it stays a checkpoint.
                bytes[30] = if bytes[30] == b'B' { b'C' } else { b'B' };
                fs::write(path, bytes).unwrap();
            },
            "I3",
            "signature by",
        ),
        (
            "no journal",
            |place, _| fs::remove_file(place.data().join("log/checkpoints/000")).unwrap(),
            "I1",
            "its receipts end at entry 0, of 1",
        ),
        (
            "a database of another log",
            |place, _| {
                tamper(
                    place,
                    "drop trigger log_only_grows;
                     update log set root = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
                );
            },
            "I6",
            "it has applied entries that are not the log's",
        ),
        (
            "no guard",
            |place, _| fs::remove_file(place.folder().join("data.log-guard")).unwrap(),
            "I5",
            "is missing",
        ),
        (
            "an old blob of no release",
            |place, _| {
                let path = blob(place, Digest::of(b"left over"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, "left over").unwrap();
                let old = SystemTime::now() - WEEK;
                File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
            },
            "I4",
            "no release needs it, and its time is over",
        ),
        (
            "a file that is no blob",
            |place, _| fs::write(place.data().join("blobs/sha256/notes.txt"), "hi").unwrap(),
            "I4",
            "it is not a blob",
        ),
    ];
    let sigstore = TestSigstore::start();
    for (what, break_it, invariant, problem) in rows {
        let (place, submission) = published(&sigstore);
        break_it(&place, &submission);
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(3), "{what}: {fsck:?}");
        let findings = fsck.report["findings"].as_array().unwrap();
        // A release whose server.json is of another is found by two rules.
        let found = findings.iter().find(|finding| finding["invariant"] == json!(invariant));
        let found = found.unwrap_or_else(|| panic!("{what}: {findings:?}"));
        assert!(found["problem"].as_str().unwrap().contains(problem), "{what}: {found}");
        assert!(!found["advice"].as_str().unwrap().is_empty(), "{what}");
    }
}

/// Says what is stated.
type State<'a> = &'a dyn Fn(&Basis) -> PackageStatement;

/// One statement of each kind about [`NAME`].
fn state_everything(process: &Process, sigstore: &TestSigstore) {
    let published: ReleaseDocument = process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).json();
    let artifact = &published.artifacts[0];
    let rebuilt = RebuiltArtifact {
        platform: artifact.platform,
        published: artifact.tree,
        built: artifact.tree,
    };
    let mut next = published.publisher.clone();
    if let Publisher::Workflow(workflow) = &mut next {
        "1002".clone_into(&mut workflow.repository_id);
    }
    let all: [State<'_>; 3] = [
        &|basis| basis.status("1.0.0", Status::Deprecated, Some("use 2")),
        &|basis| basis.binding(&next),
        &|basis| basis.rebuild("1.0.0", vec![rebuilt.clone()]),
    ];
    for state in all {
        let basis = Basis::of(&process.http, NAME);
        let bundle = basis.sign(&state(&basis), sigstore, &acme());
        assert_eq!(process.http.post("/v1/statements", bundle).unwrap().status, 201);
    }
}

#[test]
fn what_is_broken_of_a_statement_is_named() {
    type Break = fn(&Place, &Path);
    let rows: [(&str, Break, &str, &str); 5] = [
        ("no bundle", |_, bundle| fs::remove_file(bundle).unwrap(), "I1", "it is missing"),
        ("a byte of a bundle", |_, bundle| flip(bundle, 40), "I1", "its bytes have changed"),
        (
            "another status",
            |place, _| {
                tamper(
                    place,
                    "drop trigger entry_is_immutable;
                     update entry set word = 'yanked' where kind = 'status'",
                );
            },
            "I6",
            "the database says otherwise than the log",
        ),
        (
            "another rebuilder",
            |place, _| {
                tamper(
                    place,
                    "drop trigger entry_is_immutable;
                     update entry set signer = json_set(signer, '$.repositoryId', '666')
                      where kind = 'rebuild'",
                );
            },
            "I6",
            "the database says otherwise than the log",
        ),
        (
            "a statement that is not there",
            |place, _| {
                tamper(
                    place,
                    "drop trigger entry_is_permanent; delete from entry where kind = 'rebuild'",
                );
            },
            "I6",
            "the database does not have it",
        ),
    ];
    let sigstore = TestSigstore::start();
    for (what, break_it, invariant, problem) in rows {
        let (place, _) = published(&sigstore);
        let process = place.serve();
        state_everything(&process, &sigstore);
        let stated: ReleaseDocument =
            process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).json();
        assert!(process.terminate().success());
        break_it(&place, &blob(&place, stated.statements[0].bundle.digest));
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(3), "{what}: {fsck:?}");
        let findings = fsck.report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["invariant"] == json!(invariant));
        let found = found.unwrap_or_else(|| panic!("{what}: {findings:?}"));
        assert!(found["problem"].as_str().unwrap().contains(problem), "{what}: {found}");
    }
}

#[test]
fn the_database_can_be_made_again_and_serves_the_same_bytes() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    let news = Draft::new("io.github.acme/news", "0.1.0").sign(&sigstore, &acme_news());
    let submissions = [release(&sigstore, "1.0.0"), news, release(&sigstore, "2.0.0-beta.1")];
    for submission in &submissions {
        assert_eq!(process.http.publish(submission).status, 201);
    }
    state_everything(&process, &sigstore);
    let addresses = [
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}?seen=2"),
        format!("/v1/packages/{NAME}/1.0.0?at=6"),
        format!("/v1/packages/{NAME}/1.0.0"),
        format!("/v1/packages/{NAME}/2.0.0-beta.1?at=3"),
        format!("/v1/packages/{NAME}/1.0.0/evidence"),
        "/v1/packages/io.github.acme/news".to_owned(),
        "/v1/search?q=weather".to_owned(),
        "/v1/search".to_owned(),
        "/v1/log".to_owned(),
        "/v1/log/checkpoint".to_owned(),
        "/v1/log/tile/0/000.p/6".to_owned(),
        "/v1/log/entries/000.p/2".to_owned(),
        format!("/v1/blobs/{}", submissions[0].artifact(0)),
    ];
    let read = |process: &Process| -> Vec<Vec<u8>> {
        let answers = addresses.iter().map(|address| process.http.get(address));
        answers
            .map(|reply| {
                assert_eq!(reply.status, 200, "{reply}");
                reply.body
            })
            .collect()
    };
    let before = read(&process);

    let running = place.refused(&["fsck", "--rebuild"], 1);
    assert!(running.contains("another registry uses the data folder"), "{running}");
    assert!(process.terminate().success());
    // The worst that can be there: another database.
    tamper(
        &place,
        "drop trigger release_is_immutable; update release set published_at = '2020-01-01T00:00:00Z'",
    );
    // What is not ours is in no log, and is taken over.
    tamper(
        &place,
        r#"insert into server_name values (77, 'ai.example/other', 'ai.example/other');
           insert into server
               (name_id, name_key, version, source, document, evidence, status,
                status_changed_at, published_at, updated_at, is_latest, is_shown)
           values (77, 'ai.example/other', '1', 'https://mcp.example', '{"name":"ai.example/other"}', '{}',
                   'active', '', '', '', 1, 1)"#,
    );
    let rebuilt = place.json(&["fsck", "--rebuild"]);
    assert_eq!((&rebuilt["entries"], &rebuilt["othersAreLost"]), (&json!(6), &json!(false)));
    assert!(place.data().join("registry.sqlite3.before-rebuild").exists());
    assert_eq!(place.fsck().code, Some(0));
    let process = place.serve();
    assert_eq!(read(&process), before);
    let other = process.http.get("/v0.1/servers?search=other&version=latest");
    assert!(other.to_string().contains(r#"{"server":{"name":"ai.example/other"}"#), "{other}");
    assert!(process.terminate().success());

    // Without any database, a start is a rebuild.
    fs::remove_file(place.data().join("registry.sqlite3")).unwrap();
    let process = place.serve();
    assert_eq!(read(&process), before);
    assert_eq!(place.fsck().code, Some(0));
}

#[test]
fn a_rebuild_that_cannot_be_whole_changes_nothing() {
    let sigstore = TestSigstore::start();
    let (place, submission) = published(&sigstore);
    flip(&blob(&place, submission.artifact(0)), 40);
    let before = fs::read(place.data().join("registry.sqlite3")).unwrap();
    let stderr = place.refused(&["fsck", "--rebuild"], 1);
    assert!(stderr.contains("error[E_BLOB]"), "{stderr}");
    assert!(stderr.contains(&submission.artifact(0).to_string()), "it is named: {stderr}");
    assert_eq!(fs::read(place.data().join("registry.sqlite3")).unwrap(), before);
}

#[test]
fn old_leftovers_are_swept_away_at_start_and_young_ones_stay() {
    let sigstore = TestSigstore::start();
    let (place, _) = published(&sigstore);
    let path = |name: &str| {
        let path = blob(&place, Digest::of(name.as_bytes()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        path
    };
    let (old, young) = (path("old"), path("young"));
    let last_week = SystemTime::now() - WEEK;
    File::options().write(true).open(&old).unwrap().set_modified(last_week).unwrap();

    let process = place.serve();
    // The sweep runs beside the requests, and is over before the server is.
    let swept = process.wait_for_log("removed what unfinished publishes left behind");
    assert_eq!(swept["count"], json!(1));
    assert!(!old.exists());
    assert!(young.exists());
    let fsck = place.fsck();
    assert_eq!((fsck.code, &fsck.report["leftovers"]), (Some(0), &json!(1)));
}

#[test]
fn without_a_registry_there_is_nothing_to_check() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let output = place.command("fsck").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error[E_STORAGE]: could not check the data folder"), "{stderr}");
    assert!(!place.data().exists(), "looking makes nothing");
}
