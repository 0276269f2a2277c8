//! Checkpoints, entries against the signed root, and time.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{Level, SigningKey, TilePath};
use mcpkg_core::{Code, Coded as _};

use super::{Log, alarm, caring_for, codes, follow_through, followed, monitor, now};
use crate::ops::monitor::{Alarm, Setback};

fn no_tiles(path: &TilePath) -> Result<Vec<u8>, Setback> {
    panic!("{path} should not be asked for")
}

#[test]
fn an_honest_log_gives_no_alarm_from_nothing_and_from_every_size() {
    let log = Log::of(600);
    let mut whole = monitor(&log);
    assert!(followed(&mut whole, &log).is_empty());
    assert_eq!((whole.size(), whole.seen()), (600, log.tree()));
    for size in [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 599, 600] {
        let mut start = Log::of(size);
        let mut stepwise = monitor(&log);
        assert!(followed(&mut stepwise, &start).is_empty());
        start.leaves.clone_from(&log.leaves);
        assert!(followed(&mut stepwise, &start).is_empty(), "{size}");
        assert_eq!(stepwise.replay(), whole.replay(), "{size}");
        assert_eq!(stepwise.seen(), log.tree(), "{size}");
    }
}

#[test]
fn a_checkpoint_that_was_not_signed_as_it_has_to_be_is_an_alarm() {
    let log = Log::of(3);
    let other = SigningKey::from_seed("log.example", [8; 32]).unwrap();
    let other_name = SigningKey::from_seed("other.example", [7; 32]).unwrap();
    let signed_by = |key| Log { key, ..Log::of(3) }.note();
    let rows = [
        (Code::Note, "text changed", log.note().replacen("\n3\n", "\n4\n", 1)),
        (Code::Note, "no note", "<html>".to_owned()),
        (Code::Note, "leading zero", log.note().replacen("\n3\n", "\n03\n", 1)),
        (Code::LogKey, "another key", signed_by(other)),
        (Code::LogKey, "another origin", signed_by(other_name)),
        (Code::LogProof, "huge", {
            let tree = mcpkg_core::log::Tree { size: 1 << 63, root: log.tree().root };
            log.sign(tree, Some(now()))
        }),
    ];
    for (code, why, note) in rows {
        let mut monitor = monitor(&log);
        let before = monitor.state().clone();
        assert_eq!(alarm(monitor.observe(&note, no_tiles)).code(), code, "{why}");
        assert_eq!(*monitor.state(), before, "{why}");
    }
}

#[test]
fn a_checkpoint_without_its_witnesses_is_an_alarm() {
    let log = Log::of(3);
    let witness = SigningKey::from_seed("witness.example", [9; 32]).unwrap();
    let mut trust = log.trust();
    trust.witnesses = vec![witness.verifier().as_cosigner()];
    trust.quorum = 1;
    let mut monitor = monitor(&log);
    monitor.set_trust(trust);
    assert_eq!(alarm(monitor.observe(&log.note(), no_tiles)).code(), Code::Witness);
}

#[test]
fn two_trees_of_which_neither_goes_on_from_the_other_are_a_fork() {
    let log = Log::of(300);
    let mut other = Log::of(299);
    other.publish("com.acme/another", "1.0.0");
    let mut longer = Log::of(299);
    (0..300).for_each(|index| longer.publish("com.acme/another", &format!("1.{index}.0")));
    let shorter = Log::of(299);
    for (why, forked) in [("same size", other), ("larger", longer), ("smaller", shorter)] {
        let mut monitor = monitor(&log);
        followed(&mut monitor, &log);
        let before = monitor.state().clone();
        let alarm = alarm(follow_through(&mut monitor, &forked, |_, bytes| bytes));
        assert_eq!(alarm.code(), Code::LogFork, "{why}");
        let fork = alarm.fork().unwrap();
        assert_eq!(fork.notes, [log.note(), forked.note()], "{why}: both are kept");
        assert_eq!((fork.seen, fork.found), (log.tree(), forked.tree()), "{why}");
        assert_eq!(*monitor.state(), before, "{why}: nothing is believed");
        assert!(followed(&mut monitor, &log).is_empty(), "{why}: the log that was seen goes on");
    }
}

#[test]
fn a_checkpoint_that_was_seen_counts_before_its_entries_were_read() {
    // The entries are withheld, and then the log is another.
    let log = Log::of(300);
    let mut monitor = monitor(&log);
    drop(monitor.observe(&log.note(), no_tiles).unwrap());
    let mut forked = Log::of(299);
    forked.publish("com.acme/another", "1.0.0");
    let found = alarm(follow_through(&mut monitor, &forked, |_, bytes| bytes));
    assert_eq!(found.code(), Code::LogFork);
}

#[test]
fn entries_that_do_not_give_the_signed_root_are_an_alarm_and_believed_nowhere() {
    type Serve = fn(&TilePath, Vec<u8>) -> Vec<u8>;
    let log = Log::of(300);
    let rows: [(&str, Serve); 6] = [
        ("a byte of the last entry", |path, mut bytes| {
            if path.level == Level::Entries && path.index == 1 {
                *bytes.last_mut().unwrap() ^= 1;
            }
            bytes
        }),
        ("a byte of the first bundle", |path, mut bytes| {
            if path.level == Level::Entries && path.index == 0 {
                bytes[40] ^= 1;
            }
            bytes
        }),
        ("one entry less", |path, bytes| match path.level {
            Level::Entries => {
                let len = 2 + usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
                bytes[len..].to_vec()
            }
            Level::Hashes(_) => bytes,
        }),
        ("cut short", |path, mut bytes| {
            if path.level == Level::Entries {
                bytes.pop();
            }
            bytes
        }),
        ("a tile of hashes", |path, mut bytes| {
            if path.level == Level::Hashes(1) {
                bytes[0] ^= 1;
            }
            bytes
        }),
        ("a tile cut short", |path, mut bytes| {
            if path.level == Level::Hashes(0) {
                bytes.pop();
            }
            bytes
        }),
    ];
    for (why, serve) in rows {
        let mut monitor = monitor(&log);
        let alarm = alarm(follow_through(&mut monitor, &log, serve));
        assert_eq!(alarm.code(), Code::LogTile, "{why}");
        assert_eq!(monitor.size() % 256, 0, "{why}: whole bundles at most");
        // From where it stopped, it goes on as if nothing had been.
        assert!(followed(&mut monitor, &log).is_empty(), "{why}");
        assert_eq!(monitor.seen(), log.tree(), "{why}");
    }
}

#[test]
fn no_flipped_byte_of_a_bundle_passes() {
    let log = Log::of(5);
    let len = log.file(&TilePath { level: Level::Entries, index: 0, width: 5 }).len();
    for position in 0..len {
        let flipped = |_: &TilePath, mut bytes: Vec<u8>| {
            bytes[position] ^= 0x20;
            bytes
        };
        let mut monitor = monitor(&log);
        let found = alarm(follow_through(&mut monitor, &log, flipped));
        assert!(matches!(found, Alarm::Entries { first: 0, last: 4 }), "{position}");
        assert_eq!(monitor.size(), 0, "{position}");
    }
}

#[test]
fn a_log_that_nobody_signs_any_more_is_an_alarm() {
    let log = Log::of(3);
    let ago = |hours| Some(now() - SignedDuration::from_hours(hours));
    let rows: [(Option<Timestamp>, Option<Code>); 5] = [
        (ago(1), None),
        (ago(24), None),
        (ago(25), Some(Code::Stale)),
        (None, Some(Code::Stale)),
        (ago(-1), Some(Code::Clock)),
    ];
    for (at, code) in rows {
        let mut monitor = monitor(&log);
        drop(monitor.observe(&log.sign(log.tree(), at), no_tiles).unwrap());
        assert_eq!(monitor.freshness(now()).err().map(|alarm| alarm.code()), code, "{at:?}");
    }
    assert!(monitor(&log).freshness(now()).is_ok(), "nothing was seen yet");
}

#[test]
fn how_fresh_a_log_is_rests_on_what_it_shows_now() {
    let log = Log::of(3);
    let hours = |hours| log.sign(log.tree(), Some(now() + SignedDuration::from_hours(hours)));
    for (before, shown, code) in
        [(0, -30, Some(Code::Stale)), (30, -30, Some(Code::Stale)), (-30, 0, None), (30, 0, None)]
    {
        let mut monitor = monitor(&log);
        drop(monitor.observe(&hours(before), no_tiles).unwrap());
        drop(monitor.observe(&hours(shown), no_tiles).unwrap());
        let found = monitor.freshness(now()).err().map(|alarm| alarm.code());
        assert_eq!(found, code, "{before} {shown}");
    }
}

#[test]
fn what_is_new_under_a_name_that_one_cares_for_is_told_once() {
    let log = Log::of(4);
    for (names, count) in
        [(&["com.acme/weather"][..], 2), (&["com.acme/*"], 4), (&["*"], 4), (&["com.other/*"], 0)]
    {
        let mut monitor = caring_for(&log, names);
        let findings = followed(&mut monitor, &log);
        assert_eq!(findings.len(), count, "{names:?}");
        assert!(codes(&findings).is_empty(), "a notice is no alarm");
        assert!(followed(&mut monitor, &log).is_empty(), "{names:?}");
    }
}
