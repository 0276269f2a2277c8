//! The log's own notes: the index of a package, and how a log goes on.

use mcpkg_core::log::{IndexNote, LogError, LogTrust, SignedNote, SigningKey, Succession, follow};
use mcpkg_core::{Code, Coded as _};

use crate::grove::Grove;
use crate::signers::{ORIGIN, TIME_S, checkpoint, log_key, witness};

#[test]
fn an_index_of_another_log_or_another_shape_is_refused() {
    let grove = Grove::of_size(9);
    let index = IndexNote {
        origin: ORIGIN.to_owned(),
        name: "io.github.acme/weather".parse().unwrap(),
        tree: *grove.tree(9),
        entries: [
            "1 publish 1.0.0",
            "4 status 1.0.0 yanked",
            "5 binding",
            "8 rebuild 1.0.0 failed",
        ]
        .map(|line| line.parse().unwrap())
        .to_vec(),
    };
    let trust = LogTrust::new(log_key().verifier());
    let check = |text: &str| {
        let note = SignedNote::new(text.to_owned(), vec![log_key().sign(text)]);
        IndexNote::verify(&note.to_string(), &trust).map_err(|error| error.code())
    };
    let text = index.to_text();
    assert_eq!(check(&text), Ok(index.clone()));
    let root = index.tree.root.to_string();
    for (what, forged, code) in [
        ("another kind", text.replacen("index@v1", "index@v2", 1), Code::Note),
        ("another log", text.replacen(ORIGIN, "other.example", 1), Code::LogKey),
        ("no name", text.replacen("acme/weather", "acme", 1), Code::Note),
        ("beyond the tree", text.replacen("\n8 ", "\n9 ", 1), Code::Note),
        ("twice", text.replacen("\n4 ", "\n1 ", 1), Code::Note),
        ("not in order", text.replacen("\n5 ", "\n3 ", 1), Code::Note),
        ("leading zero", text.replacen("\n4 ", "\n04 ", 1), Code::Note),
        ("blank line", text.replacen("\n5 binding\n", "\n\n", 1), Code::Note),
        ("only a number", text.replacen("5 binding", "5", 1), Code::Note),
        ("another word", text.replacen("5 binding", "5 audit", 1), Code::Note),
        ("a word too much", text.replacen("5 binding", "5 binding 1.0.0", 1), Code::Note),
        ("a space too much", text.replacen("5 binding", "5  binding", 1), Code::Note),
        ("no version", text.replacen("publish 1.0.0", "publish 1.0", 1), Code::Note),
        ("no status", text.replacen("yanked", "gone", 1), Code::Note),
        ("no result", text.replacen("failed", "done", 1), Code::Note),
        ("huge tree", text.replacen("\n9\n", "\n9223372036854775808\n", 1), Code::LogProof),
        ("no root", text.replacen(&root, "AAAA", 1), Code::Note),
        ("no entries and no root", text[..text.find(&root).unwrap()].to_owned(), Code::Note),
    ] {
        assert_ne!(forged, text, "{what}");
        assert_eq!(check(&forged), Err(code), "{what}");
    }
    // Signed by a witness, with a time, or as a checkpoint: not by the log as this.
    let by = |line| SignedNote::new(text.clone(), vec![line]).to_string();
    for line in [witness(1).sign(&text), log_key().cosign(&text, TIME_S)] {
        assert_eq!(IndexNote::verify(&by(line), &trust).unwrap_err().code(), Code::Note);
    }
    let checkpoint = checkpoint(*grove.tree(9));
    assert_eq!(IndexNote::verify(&checkpoint, &trust).unwrap_err().code(), Code::Note);
}

#[test]
fn a_succession_needs_both_keys_and_one_line() {
    let grove = Grove::of_size(9);
    let key = |seed| SigningKey::from_seed(ORIGIN, [seed; 32]).unwrap();
    let (one, two, three, four) = (key(1), key(2), key(3), key(4));
    let hand = |from: &SigningKey, to: &SigningKey, size| {
        Succession::sign(from, to, *grove.tree(size)).to_string()
    };
    let half = |signer: &SigningKey| {
        let text =
            Succession { from: one.verifier(), last: *grove.tree(3), to: two.verifier() }.to_text();
        SignedNote::new(text.clone(), vec![signer.sign(&text)]).to_string()
    };
    let chain = [hand(&one, &two, 3), hand(&two, &three, 5)];
    for pinned in [&one, &two, &three] {
        let (newest, predecessors) = follow(&pinned.verifier(), &chain).unwrap();
        assert_eq!((newest, predecessors.len()), (three.verifier(), 2));
    }
    for (what, pinned, notes, code) in [
        ("a stranger's pin", &four, chain.to_vec(), Code::LogKey),
        ("only the old key", &one, vec![half(&one)], Code::Note),
        ("only the new key", &one, vec![half(&two)], Code::Note),
        ("a gap", &one, vec![hand(&one, &two, 3), hand(&three, &four, 5)], Code::LogKey),
        ("the wrong order", &one, vec![hand(&two, &three, 5), hand(&one, &two, 3)], Code::LogKey),
        ("a tree that shrinks", &one, vec![hand(&one, &two, 5), hand(&two, &three, 3)], Code::Note),
        ("another note", &one, vec![checkpoint(*grove.tree(3))], Code::Note),
        ("too many", &one, vec![hand(&one, &two, 3); 65], Code::Note),
    ] {
        let refused: Result<_, LogError> = follow(&pinned.verifier(), &notes);
        assert_eq!(refused.unwrap_err().code(), code, "{what}");
    }
    assert_eq!(follow(&one.verifier(), &[]).unwrap(), (one.verifier(), vec![]));
}
