//! Interrupts, and what is on disk.

use mcpkg_core::Code;

use super::{Log, TIDES, caring_for, codes, followed, now};
use crate::error::Error;
use crate::ops::monitor::{Finding, Monitor, State, StateFile};

/// The state as it is after a write and a read.
fn reread(state: &State) -> State {
    let folder = tempfile::tempdir().unwrap();
    let file = StateFile::open(folder.path().join("monitor/test.json"), folder.path()).unwrap();
    file.write(state).unwrap();
    let read = file.read().unwrap();
    assert_eq!(read, *state);
    read
}

#[test]
fn an_interrupt_after_any_bundle_loses_nothing_and_repeats_nothing() {
    let mut log = Log::of(300);
    log.leaves.push(b"no entry".to_vec());
    for index in 0..400 {
        log.publish(TIDES, &format!("2.{index}.0"));
    }
    let mut refused = log.next(TIDES, "2.0.0");
    refused.evidence.clear();
    log.push(refused);
    assert!(log.leaves.len() > 600);

    let mut whole = caring_for(&log, &[TIDES]);
    let expected: Vec<String> = followed(&mut whole, &log).iter().map(told).collect();
    assert_eq!(
        codes(&followed(&mut caring_for(&log, &[]), &log)),
        [Code::LogSubject, Code::Provenance]
    );

    // A new process for every bundle.
    let (mut state, mut found, mut rounds) = (State::default(), Vec::new(), 0);
    loop {
        let interests = vec![TIDES.parse().unwrap()];
        let mut monitor = Monitor::new(log.trust(), interests, reread(&state));
        let mut tiles = monitor.observe(&log.note(), |path| Ok(log.file(path))).unwrap();
        let Some(path) = monitor.next_bundle() else { break };
        let findings = monitor.take(&path, &log.file(&path), &mut tiles, now()).unwrap();
        found.extend(findings.iter().map(told));
        state = monitor.state().clone();
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    assert_eq!(found, expected);
    assert_eq!(state, *whole.state());
}

fn told(finding: &Finding) -> String {
    match finding {
        Finding::Alarm(alarm) => alarm.to_string(),
        Finding::Notice(notice) => format!("{notice:?}"),
    }
}

#[test]
fn a_state_that_cannot_be_trusted_to_be_one_is_refused_and_kept() {
    let log = Log::of(5);
    let mut monitor = caring_for(&log, &[]);
    followed(&mut monitor, &log);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let file = StateFile::open(path.clone(), folder.path()).unwrap();
    file.write(monitor.state()).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    let root = log.tree().root.to_string();
    let rows = [
        ("cut short", good[..good.len() / 2].to_owned()),
        ("a newer format", good.replacen("\"format\":1", "\"format\":2", 1)),
        ("another edge", good.replacen("\"frontier\":{\"size\":5", "\"frontier\":{\"size\":6", 1)),
        ("another root", good.replacen(&root, &Log::of(4).tree().root.to_string(), 1)),
        ("a smaller checkpoint", good.replacen("\"size\":5", "\"size\":4", 1)),
        ("an unknown member", good.replacen("\"state\":{", "\"state\":{\"a\":1,", 1)),
    ];
    for (why, text) in rows {
        assert_ne!(text, good, "{why}");
        std::fs::write(&path, &text).unwrap();
        let error = file.read().unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{why}: {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{why}");
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(file.read().unwrap(), *monitor.state());
}
