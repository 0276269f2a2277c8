//! What a checkpoint may say, and who has to have signed it.
//!
//! Source: C2SP tlog-checkpoint, tlog-cosignature.

use jiff::Timestamp;
use mcpkg_core::log::{
    Checkpoint, LogTrust, Predecessor, SignatureLine, SignedNote, SigningKey, Succession, Tree,
    follow,
};
use mcpkg_core::{Code, Coded as _};

use crate::grove::Grove;
use crate::signers::{ORIGIN, TIME_S, cosigner, log_key, trust, witness};

#[test]
fn a_malformed_checkpoint_is_refused() {
    let root = Tree::empty().root;
    let other = Grove::of_size(1).tree(1).root;
    let note = |text: &str| {
        let signed = SignedNote::new(text.to_owned(), vec![log_key().sign(text)]);
        let trust = LogTrust::new(log_key().verifier());
        let checked = trust.verify_checkpoint(&signed.to_string());
        checked.map(|it| it.tree().size).map_err(|error| error.code())
    };
    for (what, text, expected) in [
        ("empty tree", format!("{ORIGIN}\n0\n{root}\n"), Ok(0)),
        ("one entry", format!("{ORIGIN}\n1\n{other}\n"), Ok(1)),
        ("2^53", format!("{ORIGIN}\n9007199254740992\n{other}\n"), Ok(1 << 53)),
        ("extension", format!("{ORIGIN}\n1\n{other}\nextension\n"), Ok(1)),
        ("empty extension", format!("{ORIGIN}\n1\n{other}\n\n"), Err(Code::Note)),
        ("blank line within", format!("{ORIGIN}\n\n1\n{other}\n"), Err(Code::Note)),
        ("another log", format!("other.example\n1\n{other}\n"), Err(Code::LogKey)),
        ("leading zero", format!("{ORIGIN}\n01\n{other}\n"), Err(Code::Note)),
        ("zeros", format!("{ORIGIN}\n00\n{root}\n"), Err(Code::Note)),
        ("plus", format!("{ORIGIN}\n+1\n{other}\n"), Err(Code::Note)),
        ("minus", format!("{ORIGIN}\n-1\n{other}\n"), Err(Code::Note)),
        ("space", format!("{ORIGIN}\n1 \n{other}\n"), Err(Code::Note)),
        ("hexadecimal", format!("{ORIGIN}\n0x1\n{other}\n"), Err(Code::Note)),
        ("other digits", format!("{ORIGIN}\n\u{661}\n{other}\n"), Err(Code::Note)),
        ("no size", format!("{ORIGIN}\n\n{other}\n"), Err(Code::Note)),
        ("no root", format!("{ORIGIN}\n1\n"), Err(Code::Note)),
        ("no origin", format!("\n1\n{other}\n"), Err(Code::Note)),
        ("2^53 + 1", format!("{ORIGIN}\n9007199254740993\n{other}\n"), Err(Code::LogProof)),
        ("2^63", format!("{ORIGIN}\n9223372036854775808\n{other}\n"), Err(Code::LogProof)),
        ("2^64", format!("{ORIGIN}\n18446744073709551616\n{other}\n"), Err(Code::Note)),
        ("a root of nothing", format!("{ORIGIN}\n0\n{other}\n"), Err(Code::LogProof)),
        ("a short root", format!("{ORIGIN}\n1\nAAAA\n"), Err(Code::Note)),
        ("root in hexadecimal", format!("{ORIGIN}\n1\n{}\n", "00".repeat(32)), Err(Code::Note)),
    ] {
        assert_eq!(note(&text), expected, "{what}");
    }
}

#[test]
fn witnesses_count_once_each_and_the_log_is_none() {
    let tree = *Grove::of_size(3).tree(3);
    let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
    let key = log_key();
    let [one, two, stranger] = [1, 2, 9].map(|number| witness(number).cosign(&text, TIME_S));
    let plain = witness(2).sign(&text);
    let check = |trust: &LogTrust, lines: &[&SignatureLine]| {
        let lines = [key.sign(&text)].into_iter().chain(lines.iter().map(|&line| line.clone()));
        let note = SignedNote::new(text.clone(), lines.collect()).to_string();
        trust.verify_checkpoint(&note).map(|_| ()).map_err(|error| error.code())
    };
    let of_two = LogTrust { quorum: 2, ..trust() };
    let time = key.cosign(&text, TIME_S);
    for (what, lines, expected) in [
        ("both", vec![&one, &two], Ok(())),
        ("both and a stranger", vec![&stranger, &two, &one], Ok(())),
        ("one", vec![&one], Err(Code::Witness)),
        ("one and a stranger", vec![&one, &stranger], Err(Code::Witness)),
        ("one and the log itself", vec![&one, &time], Err(Code::Witness)),
        ("one and a plain signature of the other", vec![&one, &plain], Err(Code::Witness)),
        ("one twice", vec![&one, &one], Err(Code::Note)),
    ] {
        assert_eq!(check(&of_two, &lines), expected, "{what}");
    }
    // Trust that names a witness twice, or the log as its own witness.
    let twice = LogTrust { witnesses: vec![cosigner(&witness(1)); 2], ..of_two.clone() };
    assert_eq!(check(&twice, &[&one]), Err(Code::Witness));
    let own = LogTrust { witnesses: vec![cosigner(&key)], quorum: 1, ..trust() };
    assert_eq!(check(&own, &[&time]), Err(Code::Witness));
}

#[test]
fn a_checkpoint_has_the_time_of_its_log_and_of_nobody_else() {
    let tree = *Grove::of_size(3).tree(3);
    let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
    let at = |lines: Vec<SignatureLine>| {
        let note = SignedNote::new(text.clone(), lines).to_string();
        let trust = LogTrust { quorum: 0, ..trust() };
        let checked = trust.verify_checkpoint(&note).map_err(|error| error.code());
        checked.map(|it| it.signed_at().map(Timestamp::as_second))
    };
    let key = log_key();
    let plain = || key.sign(&text);
    let second = i64::try_from(TIME_S).unwrap();
    let max = i64::MAX.unsigned_abs();
    for (what, lines, expected) in [
        ("log", vec![plain(), key.cosign(&text, TIME_S)], Ok(Some(second))),
        ("witness", vec![plain(), witness(1).cosign(&text, TIME_S)], Ok(None)),
        ("none", vec![plain()], Ok(None)),
        ("1970", vec![plain(), key.cosign(&text, 0)], Ok(Some(0))),
        ("time alone", vec![key.cosign(&text, TIME_S)], Err(Code::LogKey)),
        ("past all calendars", vec![plain(), key.cosign(&text, max)], Err(Code::Note)),
        ("2^63", vec![plain(), key.cosign(&text, max + 1)], Err(Code::Note)),
    ] {
        assert_eq!(at(lines), expected, "{what}");
    }
}

#[test]
fn a_retired_key_is_good_for_its_own_trees_only() {
    let grove = Grove::of_size(12);
    let (old, new) = (log_key(), SigningKey::from_seed(ORIGIN, [3; 32]).unwrap());
    let notes = [Succession::sign(&old, &new, *grove.tree(7)).to_string()];
    let (key, predecessors) = follow(&old.verifier(), &notes).unwrap();
    assert_eq!(key, new.verifier());
    assert_eq!(predecessors, [Predecessor { key: old.verifier(), last: *grove.tree(7) }]);
    let trust = LogTrust { predecessors, ..LogTrust::new(key) };
    let check = |key: &SigningKey, tree: Tree| {
        let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
        let note = SignedNote::new(text.clone(), vec![key.sign(&text)]).to_string();
        trust.verify_checkpoint(&note).map(|it| it.tree()).map_err(|error| error.code())
    };
    let forged = Tree { size: 7, root: grove.tree(6).root };
    for (what, key, tree, expected) in [
        ("before", &old, *grove.tree(6), Ok(*grove.tree(6))),
        ("its last", &old, *grove.tree(7), Ok(*grove.tree(7))),
        ("another last", &old, forged, Err(Code::LogFork)),
        ("after", &old, *grove.tree(8), Err(Code::LogFork)),
        ("its successor's", &new, *grove.tree(8), Ok(*grove.tree(8))),
        ("a stranger's", &witness(1).renamed(ORIGIN).unwrap(), *grove.tree(6), Err(Code::LogKey)),
    ] {
        assert_eq!(check(key, tree), expected, "{what}");
    }
}
