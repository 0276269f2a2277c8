//! Any bytes, as a signed note: of a checkpoint, of a package's index, of a
//! succession; and any text, as a key.
//!
//! - Reading does not panic.
//! - What is read is written in the same bytes.
//! - Only what the seeds signed verifies under their keys. Their private keys are
//!   known to everybody, and not to a fuzzer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::log::{
    Checkpoint, IndexNote, LogTrust, SignatureLine, SignedNote, SigningKey, Succession,
    VerifierKey, follow,
};

const CHECKPOINT: &str = include_str!("../seeds/note/checkpoint");
const INDEX: &str = include_str!("../seeds/note/index");
const SUCCESSION: &str = include_str!("../seeds/note/succession");

static TRUST: LazyLock<LogTrust> = LazyLock::new(|| {
    let trust = LogTrust::new(include_str!("../seeds/note/vkey").parse().expect("it is a key"));
    assert!(trust.verify_checkpoint(CHECKPOINT).is_ok(), "the seeds verify");
    assert!(IndexNote::verify(INDEX, &trust).is_ok(), "the seeds verify");
    let notes = [SUCCESSION.to_owned()];
    assert!(follow(&trust.key, &notes).is_ok_and(|(newest, _)| newest != trust.key));
    trust
});

/// The signed part of a note that is one.
fn signed(note: &str) -> String {
    SignedNote::parse(note.as_bytes()).expect("what verifies is a note").text().to_owned()
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = SignedNote::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        if note.verify(&[&TRUST.key, &TRUST.key.as_cosigner()]).is_ok() {
            let seeds = [CHECKPOINT, INDEX, SUCCESSION].map(signed);
            assert!(seeds.iter().any(|text| text == note.text()), "nobody signed this");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    read_texts(text);

    if let Ok(checkpoint) = TRUST.verify_checkpoint(text) {
        assert_eq!(signed(checkpoint.note()), signed(CHECKPOINT));
        let seed = TRUST.verify_checkpoint(CHECKPOINT).expect("the seeds verify");
        assert_eq!(checkpoint.checkpoint(), seed.checkpoint());
        // The line that has the time can be cut off, and not be changed.
        assert!(checkpoint.signed_at().is_none_or(|time| Some(time) == seed.signed_at()));
    }
    if IndexNote::verify(text, &TRUST).is_ok() {
        assert_eq!(signed(text), signed(INDEX));
    }
    let notes = [text.to_owned()];
    if follow(&TRUST.key, &notes).is_ok() {
        assert_eq!(signed(text), signed(SUCCESSION));
    }
});

/// Whatever is read from `text` is `text` again.
fn read_texts(text: &str) {
    if let Ok(line) = text.parse::<SignatureLine>() {
        assert_eq!(line.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
        assert_eq!(key.as_cosigner().to_string().parse(), Ok(key.as_cosigner()));
    }
    if let Ok(key) = text.parse::<SigningKey>() {
        assert_eq!(key.to_text(), text);
    }
    if let Ok(index) = IndexNote::parse(text) {
        assert_eq!(index.to_text(), text);
    }
    if let Ok(succession) = Succession::parse(text) {
        assert_eq!(succession.to_text(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        // Extension lines are dropped.
        assert!(text.starts_with(&checkpoint.to_text()));
    }
}
