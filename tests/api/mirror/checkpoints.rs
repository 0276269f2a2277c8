//! Lies about checkpoints: those that receipts end with, and those that witnesses sign.

use jiff::{Timestamp, ToSpan as _};
use mcpkg_core::log::{Hash, LogTrust, SignedNote, SigningKey, Tree, read_bundle, write_bundle};
use mcpkg_core::{Code, Coded as _};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Answer, LyingRegistry, RegistryLog, TestRegistry, TestWitness};

use super::{Stage, configure};
use crate::process::Place;
use crate::release;

/// The source, with other first checkpoints than its own.
fn liar(
    stage: &Stage,
    lie: impl Fn(Vec<String>) -> Vec<String> + Send + Sync + 'static,
) -> LyingRegistry {
    LyingRegistry::start(stage.source.url(), move |path, mut answer| {
        if path.starts_with("/v1/log/checkpoints") {
            let notes = read_bundle(&answer.body).unwrap();
            let notes = notes.into_iter().map(|it| String::from_utf8(it.to_vec()).unwrap());
            answer.body = write_bundle(lie(notes.collect())).unwrap();
        }
        answer
    })
}

#[test]
fn receipts_that_end_with_what_the_log_has_not_signed_are_not_followed() {
    type Lie = Box<dyn Fn(Vec<String>) -> Vec<String> + Send + Sync>;
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let log = RegistryLog::new(stage.source.log_key());
    let other = Tree { size: 1, root: Hash::leaf(b"another story") };
    let forked = log.checkpoint_of(other, Timestamp::now());
    let stranger = SigningKey::from_seed("localhost/other", [3; 32]).unwrap();
    let foreign = RegistryLog::new(stranger).checkpoint_of(other, Timestamp::now());
    let rows: [(&str, Code, Lie); 5] = [
        ("of another tree", Code::LogTile, {
            Box::new(move |notes| vec![forked.clone(), notes[1].clone()])
        }),
        ("of another log", Code::LogKey, {
            Box::new(move |notes| vec![foreign.clone(), notes[1].clone()])
        }),
        ("the last is missing", Code::LogProof, Box::new(|notes| notes[..1].to_vec())),
        (
            "in another order",
            Code::LogProof,
            Box::new(|mut notes| {
                notes.reverse();
                notes
            }),
        ),
        (
            "a signature was changed",
            Code::Note,
            Box::new(|mut notes| {
                let at = notes[0].rfind("\u{2014} ").unwrap() + 40;
                let other = if &notes[0][at..=at] == "A" { "B" } else { "A" };
                notes[0].replace_range(at..=at, other);
                notes
            }),
        ),
    ];
    for (what, code, lie) in rows {
        stage.sync_refused(&liar(&stage, lie), code);
        assert_eq!(stage.entries(), 0, "{what}: nothing is served of it");
    }
    stage.sync();
    assert_eq!(stage.entries(), 2, "and nothing was remembered");
}

#[test]
fn a_checkpoint_that_was_signed_before_the_one_that_is_served_is_not_taken() {
    let stage = Stage::new();
    stage.sync();
    let checkpoint = stage.place.data().join("sources/public/log/checkpoint");
    let served = std::fs::read_to_string(&checkpoint).unwrap();
    let trust = LogTrust::new(stage.key());
    let signed = trust.verify_checkpoint(&served).unwrap();
    let log = RegistryLog::new(stage.source.log_key());
    for (hours, is_taken) in [(-5, false), (5, true)] {
        let time = signed.signed_at().unwrap() + hours.hours();
        let told = log.checkpoint_of(signed.tree(), time);
        let body = told.clone().into_bytes();
        let liar = LyingRegistry::start(stage.source.url(), move |path, answer| match path {
            "/v1/log/checkpoint" => Answer { body: body.clone(), ..answer },
            _ => answer,
        });
        stage.point_to(liar.url());
        stage.sync();
        let found = std::fs::read_to_string(&checkpoint).unwrap();
        assert_eq!(found, if is_taken { &told } else { &served }.as_str(), "{hours} hours");
    }
}

/// A mirror passes on what witnesses have signed, and cannot stand in for them: whoever asks
/// for two is not content with a mirror that has lost them on the way.
#[test]
fn witnesses_are_passed_on_byte_for_byte_and_missed_where_they_were_cut_off() {
    let sigstore = TestSigstore::start();
    let (source, witnesses) = TestRegistry::start_witnessed(&sigstore.trusted_root_json());
    source.accept(&release(&sigstore, "1.0.0"));
    let witnesses = witnesses.iter().map(TestWitness::key).collect();
    let key = source.log_key().verifier();
    let demanding = LogTrust { witnesses, quorum: 2, ..LogTrust::new(key.clone()) };
    let alone = |answer: Answer| {
        let mut note = SignedNote::parse(&answer.body).unwrap().to_string();
        let own = note.find("\n\n").unwrap() + 2;
        let end = note[own..].find('\n').unwrap() + 1;
        note.truncate(own + end);
        Answer { body: note.into_bytes(), ..answer }
    };
    for is_cut in [false, true] {
        let between = LyingRegistry::start(source.url(), move |path, answer| {
            if is_cut && path == "/v1/log/checkpoint" { alone(answer) } else { answer }
        });
        let place = Place::new(&sigstore);
        let source_of = ("public", between.url(), key.to_string());
        let source_of = (source_of.0, source_of.1, source_of.2.as_str());
        configure(&place, source_of, "fallback", "namespaces = ['*']");
        let mirror = place.serve();
        mirror.wait_for_log("followed the source");
        let passed_on = mirror.http.get("/source/public/v1/log/checkpoint").body;
        let honest = source.http().get("/v1/log/checkpoint").body;
        let verified = demanding.verify_checkpoint(std::str::from_utf8(&passed_on).unwrap());
        if is_cut {
            assert_eq!(verified.unwrap_err().code(), Code::Witness);
        } else {
            assert_eq!(passed_on, honest);
            assert_eq!(verified.unwrap().tree().size, 1);
        }
    }
}
