//! Receipts of which one byte is another one.

use std::ops::Range;

use mcpkg_core::log::{LogError, Receipt};
use mcpkg_core::{Code, Coded as _};

use crate::grove::{Grove, LARGEST, flipped, sizes};
use crate::signers::{ORIGIN, checkpoint, receipt, trust};

/// Around powers of two and the boundary of a tile, and one in between.
const SOME: [u64; 9] = [1, 2, 3, 8, 100, 255, 256, 257, 600];

/// What a byte of a receipt is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// What says that it is a receipt.
    Header,
    /// The index of the entry, or a hash of the proof.
    Proof,
    /// The name of the log, as the checkpoint gives it.
    Origin,
    /// Size and root, or a signature.
    Checkpoint,
    /// The name and id of the key that the log signs with.
    Key,
    /// The name and id of the log's key in the line that has the time.
    TimeKey,
    /// The name and id of the witness's key.
    WitnessKey,
}

/// Where the parts of a receipt start: those that are not the rest around them.
fn parts(text: &str) -> Vec<(Range<usize>, Part)> {
    let proof = text.find("index ").unwrap();
    let origin = text.find(ORIGIN).unwrap();
    let mut parts = vec![
        // The empty line is the end of the proof too.
        (0..proof + "index ".len(), Part::Header),
        (proof + "index ".len()..origin - 2, Part::Proof),
        (origin..origin + ORIGIN.len(), Part::Origin),
    ];
    let names = [Part::Key, Part::TimeKey, Part::WitnessKey];
    for ((start, mark), part) in text.match_indices("\u{2014} ").zip(names) {
        let name = start + mark.len();
        let base64 = name + text[name..].find(' ').unwrap() + 1;
        parts.push((name..base64 - 1, part));
        // Four bytes of id are five digits of base64, and two bits of the sixth.
        parts.push((base64..base64 + 6, part));
    }
    parts
}

fn part_of(parts: &[(Range<usize>, Part)], place: usize) -> Part {
    let found = parts.iter().find(|(range, _)| range.contains(&place));
    found.map_or(Part::Checkpoint, |(_, part)| *part)
}

/// Why the receipt is refused, or nothing if it is not.
fn refusal(text: &[u8], leaf: &[u8]) -> Result<bool, Code> {
    // Not UTF-8 is not text, and no note.
    let text = std::str::from_utf8(text).map_err(|_| Code::Note)?;
    let receipt: Receipt = text.parse().map_err(|error| LogError::from(error).code())?;
    let checkpoint = receipt.verify(leaf, &trust()).map_err(|error| error.code())?;
    Ok(checkpoint.signed_at().is_some())
}

#[test]
fn no_byte_of_any_receipt_can_be_another() {
    let grove = Grove::of_size(LARGEST);
    let (mut refused, mut timeless) = (0_u64, 0_u64);
    for size in sizes(&SOME) {
        let mut indices = vec![0, size / 3, size - 1];
        indices.dedup();
        for index in indices {
            let receipt = receipt(&grove, index, size);
            let text = receipt.to_string();
            let parts = parts(&text);
            assert_eq!(refusal(text.as_bytes(), grove.leaf(index)), Ok(true));
            for place in 0..text.len() {
                let forged = flipped(text.as_bytes(), place);
                let part = part_of(&parts, place);
                let result = refusal(&forged, grove.leaf(index));
                let is_expected = match (part, result) {
                    (Part::Header | Part::Checkpoint | Part::TimeKey, Err(code)) => {
                        code == Code::Note
                    }
                    (Part::Proof, Err(code)) => matches!(code, Code::LogProof | Code::Note),
                    (Part::Origin | Part::Key, Err(code)) => {
                        matches!(code, Code::LogKey | Code::Note)
                    }
                    (Part::WitnessKey, Err(code)) => matches!(code, Code::Witness | Code::Note),
                    // A line by a key that nobody knows is as good as none.
                    (_, Ok(has_time)) => part == Part::TimeKey && !has_time,
                };
                assert!(is_expected, "byte {place} ({part:?}) of {index}, {size}: {result:?}");
                if result.is_ok() { timeless += 1 } else { refused += 1 }
            }
        }
    }
    eprintln!("{refused} changed bytes of receipts refused, {timeless} left it without a time");
}

/// Each part on its own, with the code that it must have.
#[test]
fn each_part_of_a_receipt_is_refused_with_its_code() {
    let grove = Grove::of_size(5);
    let text = receipt(&grove, 2, 5).to_string();
    let note = checkpoint(*grove.tree(5));
    let root = grove.tree(5).root.to_string();
    let rows = [
        ("header", text.replacen("@v1", "@v2", 1), Code::Note),
        ("index", text.replacen("index 2", "index 3", 1), Code::LogProof),
        ("index past the tree", text.replacen("index 2", "index 5", 1), Code::LogProof),
        ("index with a zero", text.replacen("index 2", "index 02", 1), Code::Note),
        ("index with a sign", text.replacen("index 2", "index +2", 1), Code::Note),
        ("no index", text.replacen("index 2\n", "", 1), Code::Note),
        ("hash", text.replacen(&grove.leaf_hash(3).to_string(), &root, 1), Code::LogProof),
        ("no hash", text.replacen(&format!("{}\n", grove.leaf_hash(3)), "", 1), Code::LogProof),
        ("no blank line", text.replacen("\n\n", "\n", 1), Code::Note),
        (
            "checkpoint of a smaller tree",
            text.replacen(&note, &checkpoint(*grove.tree(4)), 1),
            Code::LogProof,
        ),
        ("root", text.replacen(&root, &grove.leaf_hash(3).to_string(), 1), Code::Note),
        ("size", text.replacen("\n5\n", "\n6\n", 1), Code::Note),
        ("huge size", text.replacen("\n5\n", "\n9223372036854775808\n", 1), Code::LogProof),
        (
            "origin",
            text.replacen("\nregistry.example/log\n", "\nother.example/log\n", 1),
            Code::LogKey,
        ),
        ("no checkpoint", text.replacen(&note, "", 1), Code::Note),
        ("a word after it", format!("{text}word\n"), Code::Note),
    ];
    for (what, forged, code) in rows {
        assert_ne!(forged, text, "{what}");
        assert_eq!(refusal(forged.as_bytes(), grove.leaf(2)), Err(code), "{what}");
    }
    assert_eq!(refusal(text.as_bytes(), grove.leaf(3)), Err(Code::LogProof), "another leaf");
}
