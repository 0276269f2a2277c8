//! What a note may look like, and whose signatures make it one.
//!
//! Source: C2SP signed-note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_core::log::{MAX_NOTE_LEN, NoteError, SignedNote, SigningKey, Verified};

use crate::signers::{ORIGIN, log_key, witness};

const TEXT: &str = "a\nb\n";

/// A note that the log and a stranger have signed.
fn note() -> String {
    let lines = vec![log_key().sign(TEXT), witness(9).sign(TEXT)];
    SignedNote::new(TEXT.to_owned(), lines).to_string()
}

/// Reads and checks a note that the log should have signed.
fn check(note: &[u8]) -> Result<Vec<Verified>, NoteError> {
    SignedNote::parse(note)?.verify(&[&log_key().verifier()])
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in tables beside refusals")]
fn by_the_log() -> Result<Vec<Verified>, NoteError> {
    Ok(vec![Verified { key: 0, time_s: None }])
}

fn bad_signature() -> Result<Vec<Verified>, NoteError> {
    Err(NoteError::Signature(ORIGIN.to_owned()))
}

fn unsigned() -> Result<Vec<Verified>, NoteError> {
    Err(NoteError::Unsigned(ORIGIN.to_owned()))
}

#[test]
fn a_note_that_is_not_one_is_refused_for_its_own_reason() {
    let note = note();
    let (line, stranger) = (log_key().sign(TEXT), witness(9).sign(TEXT));
    let base64 = line.to_string().rsplit(' ').next().unwrap().to_owned();
    let replaced = |from: &str, to: &str| {
        assert!(note.contains(from), "{from:?}");
        note.replacen(from, to, 1)
    };
    for (what, forged, expected) in [
        ("as it is", note.clone(), by_the_log()),
        ("nothing", String::new(), Err(NoteError::Shape)),
        ("one line break", "\n".to_owned(), Err(NoteError::Shape)),
        ("no signature", format!("{TEXT}\n"), Err(NoteError::Shape)),
        ("no text and no blank line", format!("{line}\n"), Err(NoteError::Shape)),
        ("no blank line", replaced("\n\n", "\n"), Err(NoteError::Shape)),
        ("no last line break", note.trim_end().to_owned(), Err(NoteError::Shape)),
        ("a blank line at the end", format!("{note}\n"), Err(NoteError::Shape)),
        ("a word at the end", format!("{note}word\n"), Err(NoteError::Line)),
        ("two blank lines", replaced("\n\n", "\n\n\n"), bad_signature()),
        ("a blank line between signatures", format!("{TEXT}\n{line}\n\n{stranger}\n"), unsigned()),
        ("CR", replaced("a\n", "a\r\n"), Err(NoteError::Text)),
        ("CR at the end of a signature", format!("{TEXT}\n{line}\r\n"), Err(NoteError::Text)),
        ("NUL", replaced("a\n", "a\0\n"), Err(NoteError::Text)),
        ("tab", replaced("a\n", "\ta\n"), Err(NoteError::Text)),
        ("DEL", replaced("a\n", "a\u{7f}\n"), Err(NoteError::Text)),
        ("other text", replaced("b\n", "c\n"), bad_signature()),
        ("BOM", format!("\u{feff}{note}"), bad_signature()),
        ("a hyphen for the dash", replaced("\u{2014} ", "- "), Err(NoteError::Line)),
        ("two spaces", replaced(&base64, &format!(" {base64}")), Err(NoteError::Line)),
        ("a space at the end", replaced(&base64, &format!("{base64} ")), Err(NoteError::Line)),
        ("no name", replaced(&format!("{ORIGIN} "), " "), Err(NoteError::Line)),
        ("a name with a plus", replaced(ORIGIN, "a+b"), Err(NoteError::Line)),
        ("a name with a wide space", replaced(ORIGIN, "a\u{3000}b"), Err(NoteError::Line)),
        ("no base64", replaced(&base64, ""), Err(NoteError::Line)),
        ("base64 of an id alone", replaced(&base64, "AAAAAA=="), Err(NoteError::Line)),
        ("base64 of too little", replaced(&base64, "AAA="), Err(NoteError::Line)),
        ("base64 for URLs", replaced(&base64, "-_-_-_-_-_-_"), Err(NoteError::Line)),
        ("a line that is cut", replaced(&base64, &base64[..base64.len() - 4]), bad_signature()),
    ] {
        assert_eq!(check(forged.as_bytes()), expected, "{what}");
    }
    let mut bytes = note.clone().into_bytes();
    bytes[0] = 0xff;
    assert_eq!(check(&bytes), Err(NoteError::Text), "not UTF-8");
    let long = "a".repeat(MAX_NOTE_LEN);
    assert_eq!(check(long.as_bytes()), Err(NoteError::Shape), "as long as can be");
    let longer = "a".repeat(MAX_NOTE_LEN + 1);
    assert_eq!(check(longer.as_bytes()), Err(NoteError::Length(MAX_NOTE_LEN + 1)), "longer");
}

/// The same 68 bytes in the other spellings that lenient decoders take.
#[test]
fn base64_that_is_not_canonical_is_refused() {
    let line = log_key().sign(TEXT).to_string();
    // 68 bytes end with two of padding's bits unused and one `=`.
    let unpadded = line.strip_suffix('=').unwrap();
    let (body, last) = unpadded.split_at(unpadded.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = alphabet.find(last).unwrap();
    assert_eq!(value % 4, 0, "the unused bits are zero");
    for (what, line) in [
        ("a bit set that is not used", format!("{body}{}=", &alphabet[value + 1..value + 2])),
        ("the other bit", format!("{body}{}=", &alphabet[value + 2..value + 3])),
        ("no padding", unpadded.to_owned()),
        ("too much padding", format!("{line}=")),
        ("padding within", format!("{}={}", &line[..40], &line[40..])),
    ] {
        let note = format!("{TEXT}\n{line}\n");
        assert_eq!(check(note.as_bytes()), Err(NoteError::Line), "{what}");
    }
}

#[test]
fn a_known_key_has_to_have_signed_and_an_unknown_one_is_ignored() {
    let sign = |key: &SigningKey, text: &str| key.sign(text);
    let known = log_key();
    let bad = sign(&known, "other text\n");
    let same_name = SigningKey::from_seed(ORIGIN, [2; 32]).unwrap();
    let same_key = known.renamed("other.example").unwrap();
    // The line of another key in the name of the known one: its id is a claim.
    let stolen = |from: &SigningKey| {
        let theirs = sign(from, TEXT).to_string().replace(from.name(), ORIGIN);
        let bytes = decode(theirs.rsplit(' ').next().unwrap());
        line(ORIGIN, known.verifier().id(), &bytes[4..])
    };
    let good = sign(&known, TEXT);
    let stranger = sign(&witness(9), TEXT);
    let other_name_same_id = line("other.example", known.verifier().id(), &[1; 64]);
    for (what, lines, expected) in [
        ("alone", vec![good.to_string()], by_the_log()),
        ("a stranger too", vec![stranger.to_string(), good.to_string()], by_the_log()),
        ("strangers only", vec![stranger.to_string()], unsigned()),
        ("a bad one", vec![bad.to_string()], bad_signature()),
        ("a good and a bad one", vec![good.to_string(), bad.to_string()], bad_signature()),
        ("a bad and a good one", vec![bad.to_string(), good.to_string()], bad_signature()),
        ("twice", vec![good.to_string(), good.to_string()], bad_signature()),
        ("a stolen name and id", vec![stolen(&same_name)], bad_signature()),
        ("same name, other id", vec![sign(&same_name, TEXT).to_string()], unsigned()),
        ("same key, other name", vec![sign(&same_key, TEXT).to_string()], unsigned()),
        ("same id, other name", vec![other_name_same_id.clone()], unsigned()),
        ("same id and name of others", vec![other_name_same_id, good.to_string()], by_the_log()),
        (
            "a signature of two bytes",
            vec![line(ORIGIN, known.verifier().id(), &[1; 2])],
            bad_signature(),
        ),
        ("one byte too many", vec![line(ORIGIN, known.verifier().id(), &[1; 65])], bad_signature()),
        // The same key's cosignature is another key to a note.
        ("with a time", vec![known.cosign(TEXT, 1).to_string()], unsigned()),
    ] {
        let note = format!("{TEXT}\n{}\n", lines.join("\n"));
        assert_eq!(check(note.as_bytes()), expected, "{what}");
    }
}

fn decode(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

/// A signature line of any content.
fn line(name: &str, id: u32, signature: &[u8]) -> String {
    let bytes = [id.to_be_bytes().as_slice(), signature].concat();
    format!("\u{2014} {name} {}", STANDARD.encode(bytes))
}

/// The specification asks for at least 16 to be read.
#[test]
fn a_hundred_signatures_are_read_and_no_more() {
    let with = |strangers: u8| {
        let mut note = SignedNote::new(TEXT.to_owned(), vec![]);
        (0..strangers).for_each(|number| note.add(witness(number).sign(TEXT)));
        note.add(log_key().sign(TEXT));
        check(note.to_string().as_bytes())
    };
    for (strangers, expected) in
        [(15, by_the_log()), (16, by_the_log()), (99, by_the_log()), (100, Err(NoteError::TooMany))]
    {
        assert_eq!(with(strangers), expected, "{strangers} strangers and the log");
    }
}
