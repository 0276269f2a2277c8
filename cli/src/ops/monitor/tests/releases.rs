//! A release in the log, and what the registry shows for it.

use jiff::SignedDuration;
use mcpkg_core::api::{Artifact, BundleDocument, Problem, ReleaseDocument, ReleaseLog, Status};
use mcpkg_core::log::{Entry, Publish, Receipt, inclusion_proof};
use mcpkg_core::policy::Policy;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Code, Coded as _, Digest, Platform, TreeHasher};
use mcpkg_verify::TrustStore;
use serde_json::json;

use super::{Log, WEATHER, alarm, followed, monitor, now, publisher};
use crate::error::{Error, Result};
use crate::ops::monitor::{Judge, Monitor, Setback};

const BUNDLE: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#;

fn server_json() -> ServerJson {
    let json = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": WEATHER,
        "version": "2.0.0",
        "description": "Forecasts",
        "remotes": [{ "type": "streamable-http", "url": "https://mcp.acme.example/" }],
    });
    ServerJson::read_strict(json.to_string().as_bytes()).unwrap()
}

/// A log whose last entry, 2, is a release of which everything holds but the
/// signature, and the document of it.
fn shown() -> (Log, ReleaseDocument) {
    let mut log = Log::of(2);
    let server_json = server_json();
    log.push(Publish {
        metadata: server_json.digest(),
        evidence: vec![Digest::of(BUNDLE.as_bytes())],
        ..log.next(WEATHER, "2.0.0")
    });
    let document = document(&log, 2, &server_json);
    (log, document)
}

fn document(log: &Log, index: u64, server_json: &ServerJson) -> ReleaseDocument {
    let leaf = &log.leaves[usize::try_from(index).unwrap()];
    let Entry::Publish(publish) = Entry::parse(leaf).unwrap() else { panic!("a release") };
    let proof = inclusion_proof(index, log.tree().size, &mut |node| {
        Ok::<_, std::convert::Infallible>(log.hash(node))
    });
    let receipt = Receipt { index, proof: proof.unwrap(), checkpoint: log.note() };
    let raw = |text: &[u8]| serde_json::from_slice(text).unwrap();
    ReleaseDocument {
        name: publish.name,
        version: publish.version,
        metadata: publish.metadata,
        server_json: raw(server_json.canonical()),
        artifacts: publish.artifacts,
        evidence: vec![BundleDocument {
            digest: Digest::of(BUNDLE.as_bytes()),
            bundle: raw(BUNDLE.as_bytes()),
        }],
        publisher: publish.publisher,
        published_at: publish.time,
        status: Status::Active,
        statements: Vec::new(),
        log: ReleaseLog { entry: raw(leaf), receipt: receipt.to_string(), consistency: None },
    }
}

fn check(monitor: &mut Monitor, log: &Log, answer: Result<ReleaseDocument>) -> Result<(), Setback> {
    check_at(monitor, log, answer, now())
}

fn check_at(
    monitor: &mut Monitor,
    log: &Log,
    answer: Result<ReleaseDocument>,
    now: jiff::Timestamp,
) -> Result<(), Setback> {
    let trust = TrustStore::new(Vec::new());
    let judge = Judge { trust: &trust, policy: Policy::private(), now };
    monitor.release(2, answer, &judge, &mut log.tiles())
}

pub(super) fn problem(code: Code, status: u16) -> Error {
    Error::Problem(Box::new(Problem {
        kind: String::new(),
        title: String::new(),
        status,
        detail: "no".to_owned(),
        error: "no".to_owned(),
        code,
        hint: None,
        causes: Vec::new(),
    }))
}

#[test]
fn a_release_that_is_shown_otherwise_than_it_was_logged_is_an_alarm() {
    type Change = fn(&mut ReleaseDocument);
    let rows: [(&str, Code, Change); 14] = [
        // Everything else holds, so that it comes down to who signed.
        ("its evidence does not hold", Code::TrustRoot, |_| ()),
        ("its evidence does not hold", Code::TrustRoot, |it| it.status = Status::Yanked),
        ("another release in its place", Code::LogSubject, |it| {
            it.version = "2.0.1".parse().unwrap();
        }),
        ("another release in its place", Code::LogSubject, |it| {
            it.name = "com.acme/tides".parse().unwrap();
        }),
        ("another server.json", Code::LogSubject, |it| it.metadata = Digest::of(b"other")),
        ("other artifacts", Code::LogSubject, |it| {
            it.artifacts.push(Artifact {
                platform: Platform::Any,
                digest: Digest::of(b"other"),
                tree: TreeHasher::default().finish(),
                size_bytes: 5,
            });
        }),
        ("other evidence", Code::LogSubject, |it| it.evidence.clear()),
        ("other evidence", Code::LogSubject, |it| it.evidence[0].digest = Digest::of(b"other")),
        ("evidence that is not what its digest says", Code::LogSubject, |it| {
            it.evidence[0].bundle = serde_json::from_str("{}").unwrap();
        }),
        ("another publisher", Code::LogSubject, |it| it.publisher = publisher("m@evil.example")),
        ("dates it otherwise", Code::LogSubject, |it| {
            it.published_at -= SignedDuration::from_secs(1);
        }),
        ("another entry", Code::LogSubject, |it| {
            let entry = it.log.entry.get().replace("2.0.0", "2.0.1");
            it.log.entry = serde_json::from_str(&entry).unwrap();
        }),
        ("its receipt is of another entry", Code::LogSubject, |it| {
            it.log.receipt = it.log.receipt.replace("index 2", "index 1");
        }),
        ("its receipt does not prove its entry", Code::Note, |it| it.log.receipt.clear()),
    ];
    for (why, code, change) in rows {
        let (log, mut document) = shown();
        change(&mut document);
        let mut monitor = monitor(&log);
        followed(&mut monitor, &log);
        let found = alarm(check(&mut monitor, &log, Ok(document)));
        assert_eq!(found.code(), code, "{why}: {found}");
        assert!(found.to_string().contains(why), "{why}: {found}");
        assert!(!monitor.unchecked(2).is_empty(), "{why}: it is asked for again");
    }
}

#[test]
fn a_receipt_of_another_log_or_another_history_is_an_alarm() {
    let (log, good) = shown();
    let mut forked = Log::of(1);
    forked.publish(WEATHER, "1.9.0");
    forked.leaves.push(log.leaves[2].clone());
    let other_history = document(&forked, 2, &server_json()).log.receipt;
    let other_key = mcpkg_core::log::SigningKey::from_seed("log.example", [8; 32]).unwrap();
    let elsewhere = Log { key: other_key, leaves: log.leaves.clone(), ..Log::new() };
    let other_log = document(&elsewhere, 2, &server_json()).log.receipt;
    let mut lines: Vec<&str> = good.log.receipt.lines().collect();
    let swapped = lines.iter().position(|line| line.starts_with("index")).unwrap() + 1;
    let zeros = mcpkg_core::log::Hash::from_bytes([0; 32]).to_string();
    lines[swapped] = &zeros;
    let other_proof = lines.join("\n") + "\n";
    for (code, receipt) in
        [(Code::LogFork, other_history), (Code::LogKey, other_log), (Code::LogProof, other_proof)]
    {
        let mut monitor = monitor(&log);
        followed(&mut monitor, &log);
        let mut document = good.clone();
        document.log.receipt = receipt;
        assert_eq!(alarm(check(&mut monitor, &log, Ok(document))).code(), code);
    }
}

#[test]
fn a_release_that_is_not_shown_is_an_alarm_and_silence_is_one_after_a_day() {
    let (log, _) = shown();
    let mut monitor = monitor(&log);
    followed(&mut monitor, &log);
    let gone = alarm(check(&mut monitor, &log, Err(problem(Code::NotFound, 404))));
    assert_eq!(gone.code(), Code::HiddenRelease);
    let rotten = alarm(check(&mut monitor, &log, Err(problem(Code::Blob, 502))));
    assert_eq!(rotten.code(), Code::Blob);

    let busy = || Err(problem(Code::Unavailable, 503));
    let at = |hours| now() + SignedDuration::from_hours(hours);
    let silent = check_at(&mut monitor, &log, busy(), at(24)).unwrap_err();
    assert!(matches!(silent, Setback::Trouble(_)), "not yet, and never taken for success");
    assert!(!monitor.unchecked(2).is_empty());
    let hidden = alarm(check_at(&mut monitor, &log, busy(), at(25)));
    assert_eq!(hidden.code(), Code::HiddenRelease);
}
