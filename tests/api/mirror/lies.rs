//! A source that lies, or somebody who can answer for it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use mcpkg_core::Code;
use mcpkg_core::api::SourceList;
use mcpkg_core::log::{Hash, SigningKey, Tree, write_bundle};
use mcpkg_test_support::background::Background;
use mcpkg_test_support::{Answer, LyingRegistry, RegistryLog};
use serde_json::json;

use super::{Stage, index};
use crate::{NAME, acme, release};

/// The source, with one change to what it answers at `path`.
fn liar(
    stage: &Stage,
    path: &'static str,
    lie: impl Fn(Answer) -> Answer + Send + Sync + 'static,
) -> LyingRegistry {
    LyingRegistry::start(stage.source.url(), move |asked, answer| {
        if asked.starts_with(path) { lie(answer) } else { answer }
    })
}

#[test]
fn a_log_that_was_changed_on_the_way_is_not_followed() {
    type Lie = fn(Answer) -> Answer;
    let empty: Lie = |mut answer| {
        answer.body.clear();
        answer
    };
    let missing: Lie = |answer| Answer { status: 404, body: Vec::new(), ..answer };
    let rows: [(&str, &str, Code, Lie); 10] = [
        ("a byte of an entry", "/v1/log/tile/entries", Code::LogTile, |mut answer| {
            answer.body[20] ^= 1;
            answer
        }),
        ("no entries", "/v1/log/tile/entries", Code::LogEmpty, empty),
        ("entries that are missing", "/v1/log/tile/entries", Code::HiddenRelease, missing),
        ("no checkpoint", "/v1/log/checkpoint", Code::LogEmpty, empty),
        ("a broken signature", "/v1/log/checkpoint", Code::Note, |mut answer| {
            let text = String::from_utf8(answer.body).unwrap();
            let at = text.rfind("\u{2014} ").unwrap() + 40;
            let mut bytes = text.into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            answer.body = bytes;
            answer
        }),
        ("another log", "/v1/log/checkpoint", Code::LogKey, |mut answer| {
            let key = SigningKey::from_seed("localhost/other", [3; 32]).unwrap();
            let log = RegistryLog::new(key);
            answer.body = log.checkpoint(Timestamp::now()).into_bytes();
            answer
        }),
        ("a leap without proof", "/v1/log/checkpoint", Code::LogProof, |mut answer| {
            let text = String::from_utf8(answer.body).unwrap();
            answer.body = text.replacen("\n1\n", "\n9223372036854775808\n", 1).into_bytes();
            answer
        }),
        ("no receipts", "/v1/log/checkpoints", Code::HiddenRelease, missing),
        ("too many bytes", "/v1/log/checkpoint", Code::Limit, |mut answer| {
            answer.body = vec![b'x'; 300 * 1024];
            answer
        }),
        ("elsewhere", "/v1/log/checkpoint", Code::Transport, |_| {
            Answer::redirect("http://127.0.0.1:1/")
        }),
    ];
    let stage = Stage::new();
    for (what, path, code, lie) in rows {
        let said = stage.sync_refused(&liar(&stage, path, lie), code);
        assert!(said.contains("public"), "{what}: {said}");
        assert_eq!(stage.entries(), 0, "{what}: nothing is served of it");
    }
    stage.sync();
    assert_eq!(stage.entries(), 1, "and nothing was remembered");
}

#[test]
fn an_answer_without_an_end_is_cut() {
    let stage = Stage::new();
    let endless = Background::serve(|_| {
        axum::Router::new().fallback(|| async {
            let chunk = || Ok::<_, std::io::Error>(vec![b'['; 64 * 1024]);
            let stream = futures_util::stream::iter(std::iter::repeat_with(chunk));
            axum::body::Body::from_stream(stream)
        })
    });
    stage.point_to(endless.url());
    let said = stage.place.refused(&["mirror", "sync"], 3);
    assert!(said.starts_with("error[E_LIMIT]"), "{said}");
}

#[test]
fn a_release_whose_evidence_fails_is_withheld_and_stays_in_the_log() {
    type Lie = fn(Answer) -> Answer;
    let rows: [(&str, Code, Lie); 6] = [
        ("another description", Code::Metadata, |answer| {
            answer.edit(|it| it["serverJson"]["description"] = "Nothing".into())
        }),
        ("other evidence", Code::Attestation, |answer| {
            answer.edit(|it| it["evidence"][0]["bundle"]["mediaType"] = "x".into())
        }),
        ("no evidence", Code::Attestation, |answer| answer.edit(|it| it["evidence"] = json!([]))),
        ("a broken receipt", Code::LogProof, |answer| {
            answer.edit(|it| {
                let receipt = it["log"]["receipt"].as_str().unwrap();
                let (head, checkpoint) = receipt.split_once("\n\n").unwrap();
                let hash = Hash::leaf(b"x");
                it["log"]["receipt"] = format!("{head}\n{hash}\n\n{checkpoint}").into();
            })
        }),
        ("it is not shown", Code::HiddenRelease, |answer| Answer {
            status: 404,
            body: Vec::new(),
            ..answer
        }),
        ("nonsense", Code::Registry, |answer| Answer { body: b"[]".to_vec(), ..answer }),
    ];
    for (what, code, lie) in rows {
        let stage = Stage::new();
        let liar = liar(&stage, "/v1/packages/io.github.acme/weather/1.0.0", lie);
        stage.point_to(liar.url());
        let mirror = stage.serve();
        let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
        assert_eq!(document.outcome(), (403, Some(code)), "{what}: {document}");
        let found = index(&mirror.http, "/source/public");
        let [withheld] = &found.withheld[..] else { panic!("{what}: {found:?}") };
        assert_eq!((withheld.version.to_string().as_str(), withheld.code), ("1.0.0", code));
        // What is signed stays whole.
        let honest = index(stage.source.http(), "");
        assert_eq!((found.log, found.releases), (honest.log, honest.releases), "{what}");
        let sources: SourceList = mirror.http.get("/v1/sources").json();
        assert_eq!(sources.sources[0].withheld, 1, "{what}");
    }
}

#[test]
fn what_a_source_did_not_show_is_given_out_when_it_does() {
    let stage = Stage::new();
    let liar = liar(&stage, "/v1/packages/io.github.acme/weather/1.0.0", |answer| Answer {
        status: 404,
        body: Vec::new(),
        ..answer
    });
    stage.point_to(liar.url());
    stage.sync();
    assert_eq!(stage.place.json(&["mirror", "status"])["sources"][0]["withheld"], json!(1));
    stage.point_to(stage.source.url());
    stage.sync();
    assert_eq!(stage.place.json(&["mirror", "status"])["sources"][0]["withheld"], json!(0));
    let mirror = stage.place.serve();
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.body, stage.source.http().get(&format!("/v1/packages/{NAME}/1.0.0")).body);
}

#[test]
fn a_log_with_two_stories_is_kept_as_evidence_and_followed_no_more() {
    let stage = Stage::new();
    stage.sync();
    let log = RegistryLog::new(stage.source.log_key());
    let other = Tree { size: 1, root: Hash::leaf(b"another story") };
    let theirs = log.checkpoint_of(other, Timestamp::now());
    let ours = stage.source.http().get("/v1/log/checkpoint").body;
    let told = theirs.clone();
    let fork = liar(&stage, "/v1/log/checkpoint", move |answer| Answer {
        body: told.clone().into_bytes(),
        ..answer
    });
    stage.sync_refused(&fork, Code::LogFork);
    let status = stage.place.json(&["mirror", "status"]);
    let path = status["sources"][0]["evidence"][0].as_str().unwrap();
    let evidence = fs::read_to_string(stage.place.folder().join(path)).unwrap();
    assert!(evidence.contains(&theirs) && evidence.contains(std::str::from_utf8(&ours).unwrap()));

    // It is honest again, and a person has to look all the same; what was served is.
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let said = stage.place.refused(&["mirror", "sync"], 3);
    assert!(said.starts_with("error[E_LOG_FORK]"), "{said}");
    let mirror = stage.place.serve();
    mirror.wait_for_log("the source could not be followed");
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.status, 200, "{document}");
    let sources: SourceList = mirror.http.get("/v1/sources").json();
    assert_eq!(sources.sources[0].problem, Some(Code::LogFork));
}

#[test]
fn an_older_tree_is_not_gone_back_to() {
    let stage = Stage::new();
    let old = stage.source.http().get("/v1/log/checkpoint").body;
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    stage.sync();
    let back =
        liar(&stage, "/v1/log/checkpoint", move |answer| Answer { body: old.clone(), ..answer });
    stage.sync_refused(&back, Code::Rollback);
    assert_eq!(stage.entries(), 2);
    let status = stage.place.json(&["mirror", "status"]);
    assert_eq!(status["sources"][0]["evidence"].as_array().unwrap().len(), 1);
    stage.sync();
}

#[test]
fn an_index_that_leaves_out_an_entry_is_served_to_nobody() {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let key = stage.source.log_key();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let liar = liar(&stage, "/v1/log/indexes", move |answer| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer.edit(|it| {
            let checkpoint = it["checkpoint"].as_str().unwrap().to_owned();
            let root = checkpoint.lines().nth(2).unwrap().parse().unwrap();
            let log = RegistryLog::new(key.clone());
            let line = "0 publish 1.0.0".parse().unwrap();
            let tree = Tree { size: 2, root };
            it["indexes"][0] = log.index_saying(tree, &NAME.parse().unwrap(), vec![line]).into();
        })
    });
    stage.point_to(liar.url());
    let mirror = stage.serve();
    let reply = mirror.http.get(&format!("/source/public/v1/packages/{NAME}"));
    assert_eq!(reply.outcome(), (502, Some(Code::HiddenRelease)));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_statement_that_nobody_signed_takes_the_release_with_it() {
    use mcpkg_core::api::Status;
    use mcpkg_test_support::Basis;

    let stage = Stage::new();
    let basis = Basis::of(stage.source.http(), NAME);
    let statement = basis.status("1.0.0", Status::Deprecated, None);
    let bundle = basis.sign(&statement, &stage.sigstore, &acme());
    assert_eq!(stage.source.http().post("/v1/statements", bundle.clone()).unwrap().status, 201);
    let digest = mcpkg_core::Digest::of(bundle.trim_ascii());
    let liar = LyingRegistry::start(stage.source.url(), move |path, mut answer| {
        if path == format!("/v1/blobs/{digest}") {
            answer.body[5] ^= 1;
        }
        answer
    });
    stage.point_to(liar.url());
    let mirror = stage.serve();
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.outcome(), (403, Some(Code::Digest)));
}

#[test]
fn an_entry_that_breaks_a_rule_of_the_log_counts_for_nothing() {
    type Change = fn(&mut serde_json::Value);
    let rows: [(&str, Code, Change); 6] = [
        ("a kind that nobody knows", Code::LogSubject, |it| it["kind"] = "audit".into()),
        ("the same version again", Code::Immutable, |it| it["version"] = "1.0.0".into()),
        ("it builds upon nothing", Code::LogSubject, |it| {
            it.as_object_mut().unwrap().remove("previous");
        }),
        ("it builds upon another", Code::LogSubject, |it| it["previous"] = 7.into()),
        ("another publisher", Code::Publisher, |it| {
            it["publisher"]["repositoryId"] = "666".into();
        }),
        ("without evidence", Code::Provenance, |it| it["evidence"] = json!([])),
    ];
    for (what, code, change) in rows {
        let stage = Stage::new();
        let honest = stage.source.http().get(&format!("/v1/packages/{NAME}/1.0.0"));
        let mut entry = honest.json::<serde_json::Value>()["log"]["entry"].clone();
        let mut log = RegistryLog::new(stage.source.log_key());
        log.push_leaf(entry.to_string().into_bytes());
        let first = log.checkpoint(Timestamp::now());
        entry["version"] = "2.0.0".into();
        entry["previous"] = 0.into();
        change(&mut entry);
        log.push_leaf(mcpkg_core::json::canonical(&entry));
        let last = log.checkpoint(Timestamp::now());
        let checkpoints = write_bundle([&first, &last]).unwrap();
        let entries = write_bundle(&log.leaves).unwrap();
        let liar = LyingRegistry::start(stage.source.url(), move |path, mut answer| {
            let body = match path {
                "/v1/log/checkpoint" => last.clone().into_bytes(),
                "/v1/log/checkpoints/000" => checkpoints.clone(),
                "/v1/log/tile/entries/000.p/2" => entries.clone(),
                _ => return answer,
            };
            (answer.status, answer.body) = (200, body);
            answer
        });
        stage.point_to(liar.url());
        let mirror = stage.place.serve();
        let said = mirror.wait_for_log("withheld");
        assert_eq!((&said["code"], &said["entry"]), (&json!(code), &json!(1)), "{what}: {said}");
    }
}
