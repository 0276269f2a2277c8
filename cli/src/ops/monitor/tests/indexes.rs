//! The signed index of a package, and its entries.

use mcpkg_core::api::{AnnouncedPublisher, IndexLine, IndexLog, PackageIndex, Status};
use mcpkg_core::log::{
    Hash, IndexNote, IndexedEntry, SignedNote, SigningKey, Tree, consistency_proof,
    verify_consistency,
};
use mcpkg_core::{Code, Coded as _};

use super::releases::problem;
use super::{Log, TIDES, WEATHER, alarm, followed, monitor, now, publisher};
use crate::error::Result;
use crate::ops::monitor::{Monitor, Setback};

/// What may be wrong with an index, before it is signed.
struct Draft {
    note: IndexNote,
    index: PackageIndex,
    key: SigningKey,
}

/// The index of the weather server, as `log` is.
fn draft(log: &Log, seen: u64) -> Draft {
    let entries = (0..log.leaves.len() as u64).filter(|index| index % 2 == 0);
    let entries: Vec<IndexedEntry> =
        entries.map(|index| format!("{index} publish 1.{index}.0").parse().unwrap()).collect();
    let releases = entries.iter().rev().map(|entry| IndexLine {
        version: entry.kind.version().unwrap().clone(),
        published_at: now(),
        status: Status::Active,
        platforms: Vec::new(),
        entry: entry.index,
        rebuilds: Vec::new(),
    });
    let consistency = consistency_proof(seen, log.tree().size, &mut |node| {
        Ok::<Hash, std::convert::Infallible>(log.hash(node))
    });
    Draft {
        index: PackageIndex {
            name: WEATHER.parse().unwrap(),
            publisher: publisher("a@acme.example"),
            announced: None,
            releases: releases.collect(),
            bindings: Vec::new(),
            withheld: Vec::new(),
            log: IndexLog {
                index: String::new(),
                checkpoint: log.note(),
                consistency: Some(consistency.unwrap()),
            },
        },
        note: IndexNote {
            origin: log.key.name().to_owned(),
            name: WEATHER.parse().unwrap(),
            tree: log.tree(),
            entries,
        },
        key: log.key.clone(),
    }
}

impl Draft {
    fn sign(self) -> PackageIndex {
        let text = self.note.to_text();
        let note = SignedNote::new(text.clone(), vec![self.key.sign(&text)]);
        let log = IndexLog { index: note.to_string(), ..self.index.log };
        PackageIndex { log, ..self.index }
    }
}

fn check(monitor: &mut Monitor, log: &Log, answer: Result<PackageIndex>) -> Result<(), Setback> {
    monitor.index(&WEATHER.parse().unwrap(), answer, &mut log.tiles(), now())
}

/// A monitor that has followed a log of five entries: the weather server's are 0,
/// 2 and 4.
fn ready() -> (Log, Monitor) {
    let log = Log::of(5);
    let mut monitor = monitor(&log);
    followed(&mut monitor, &log);
    (log, monitor)
}

#[test]
fn an_index_that_is_right_is_not_asked_for_again() {
    let (log, mut monitor) = ready();
    assert_eq!(monitor.changed().len(), 2);
    check(&mut monitor, &log, Ok(draft(&log, 5).sign())).unwrap();
    let left: Vec<String> = monitor.changed().iter().map(ToString::to_string).collect();
    assert_eq!(left, [TIDES]);
}

#[test]
fn an_index_that_is_not_what_the_entries_amount_to_is_an_alarm() {
    type Change = fn(&mut Draft);
    let rows: [(&str, Code, Change); 16] = [
        ("an entry left out", Code::HiddenRelease, |it| {
            it.note.entries.remove(1);
        }),
        ("an entry and its line left out", Code::HiddenRelease, |it| {
            it.note.entries.remove(1);
            it.index.releases.remove(1);
        }),
        ("the newest left out", Code::HiddenRelease, |it| {
            it.note.entries.pop();
        }),
        ("another package's entry", Code::LogSubject, |it| {
            it.note.entries.insert(1, "1 publish 1.1.0".parse().unwrap());
        }),
        ("an entry that is left out as something else", Code::HiddenRelease, |it| {
            it.note.entries[1] = "2 publish 1.9.0".parse().unwrap();
        }),
        ("a yank that the log does not have", Code::LogSubject, |it| {
            it.index.releases[0].status = Status::Yanked;
        }),
        ("an announcement that the log does not have", Code::Publisher, |it| {
            let publisher = publisher("m@evil.example");
            it.index.announced = Some(AnnouncedPublisher { publisher, effective: now(), entry: 4 });
        }),
        ("a line left out", Code::HiddenRelease, |it| {
            it.index.releases.remove(0);
        }),
        ("a line of another entry", Code::LogSubject, |it| it.index.releases[0].entry = 2),
        ("a line too many", Code::LogSubject, |it| {
            let stray =
                IndexLine { version: "9.0.0".parse().unwrap(), ..it.index.releases[0].clone() };
            it.index.releases.push(stray);
        }),
        ("another publisher", Code::Publisher, |it| {
            it.index.publisher = publisher("m@evil.example");
        }),
        ("another package", Code::LogSubject, |it| it.note.name = TIDES.parse().unwrap()),
        ("another root", Code::LogFork, |it| it.note.tree.root = Hash::from_bytes([1; 32])),
        ("another root of a smaller tree", Code::LogFork, |it| {
            it.note.tree = Tree { size: 3, root: Hash::from_bytes([1; 32]) };
            it.note.entries.pop();
        }),
        ("another key", Code::Note, |it| {
            it.key = SigningKey::from_seed("log.example", [8; 32]).unwrap();
        }),
        ("another origin", Code::LogKey, |it| it.note.origin = "other.example".to_owned()),
    ];
    for (why, code, change) in rows {
        let (log, mut monitor) = ready();
        let mut draft = draft(&log, 5);
        change(&mut draft);
        let found = alarm(check(&mut monitor, &log, Ok(draft.sign())));
        assert_eq!(found.code(), code, "{why}: {found}");
        assert_eq!(found.fork().is_some(), code == Code::LogFork, "{why}");
        // A line that is left out is unsigned, and nothing that could be proved.
        let is_signed_lie = why.contains("left out") && !why.contains("a line left out");
        assert_eq!(found.hidden().is_some(), is_signed_lie, "{why}");
        assert_eq!(monitor.changed().len(), 2, "{why}: it is asked for again");
    }
}

#[test]
fn an_index_from_before_the_newest_entry_is_a_rollback_and_an_older_one_else_is_none() {
    let old = draft(&Log::of(4), 4).sign();
    let (log, mut monitor) = ready();
    assert_eq!(alarm(check(&mut monitor, &log, Ok(old))).code(), Code::Rollback);

    let log = Log::of(6);
    let mut monitor = self::monitor(&log);
    followed(&mut monitor, &log);
    let older = draft(&Log::of(5), 5).sign();
    check(&mut monitor, &log, Ok(older)).unwrap();
}

#[test]
fn an_index_of_a_newer_tree_has_to_go_on_from_ours() {
    type Change = fn(&mut PackageIndex);
    let newer = Log::of(8);
    let (log, mut monitor) = ready();
    let honest = draft(&newer, 5).sign();
    let proof = honest.log.consistency.clone().unwrap();
    verify_consistency(&log.tree(), &newer.tree(), &proof).unwrap();
    let rows: [(&str, Code, Change); 4] = [
        ("no proof", Code::LogProof, |it| it.log.consistency = None),
        ("another proof", Code::LogProof, |it| {
            it.log.consistency.as_mut().unwrap()[0] = Hash::from_bytes([1; 32]);
        }),
        ("an unsigned checkpoint", Code::Note, |it| {
            it.log.checkpoint = it.log.checkpoint.replacen("\n8\n", "\n9\n", 1);
        }),
        ("the checkpoint of another tree", Code::LogSubject, |it| {
            it.log.checkpoint = Log::of(7).note();
        }),
    ];
    for (why, code, change) in rows {
        let mut index = honest.clone();
        change(&mut index);
        assert_eq!(alarm(check(&mut monitor, &log, Ok(index))).code(), code, "{why}");
    }
    check(&mut monitor, &log, Ok(honest)).unwrap();
}

#[test]
fn an_index_that_is_not_shown_is_an_alarm_and_a_busy_registry_is_not() {
    let (log, mut monitor) = ready();
    let gone = alarm(check(&mut monitor, &log, Err(problem(Code::NotFound, 404))));
    assert_eq!(gone.code(), Code::HiddenRelease);
    let busy = check(&mut monitor, &log, Err(problem(Code::Unavailable, 503))).unwrap_err();
    assert!(matches!(busy, Setback::Trouble(_)));
    assert_eq!(monitor.changed().len(), 2, "it is asked for again");
}
