//! What an entry may not be, and may not do.

use jiff::SignedDuration;
use mcpkg_core::log::{Entry, Publish};
use mcpkg_core::{Code, Digest};

use super::{Log, TIDES, WEATHER, codes, followed, monitor, now, publisher};

/// Two packages with one release each, at 0 and 1.
fn start() -> Log {
    Log::of(2)
}

/// Adds a leaf that need not be an entry.
fn with_leaf(leaf: impl Into<Vec<u8>>) -> Log {
    let mut log = start();
    log.leaves.push(leaf.into());
    log
}

/// Adds the next release of the weather server, changed in one thing.
fn with_release(change: impl FnOnce(&mut Publish)) -> Log {
    let mut log = start();
    let mut publish = log.next(WEATHER, "2.0.0");
    change(&mut publish);
    log.push(publish);
    log
}

fn next_leaf() -> String {
    let log = start();
    String::from_utf8(Entry::Publish(log.next(WEATHER, "2.0.0")).leaf().unwrap()).unwrap()
}

#[test]
fn a_leaf_that_is_no_entry_is_one_alarm_and_the_log_goes_on() {
    let rows = [
        ("not JSON", "hello".to_owned()),
        ("empty", String::new()),
        ("of unknown kind", next_leaf().replace("\"publish\"", "\"revoke\"")),
        ("not canonical", next_leaf().replacen('{', "{ ", 1)),
        ("a member that nobody knows", next_leaf().replacen('{', "{\"a\":1,", 1)),
        ("a key twice", next_leaf().replacen('{', "{\"kind\":\"publish\",", 1)),
        ("a name that is none", next_leaf().replace(WEATHER, "com.acme/..")),
    ];
    for (why, leaf) in rows {
        let mut log = with_leaf(leaf);
        let mut monitor = monitor(&log);
        assert_eq!(codes(&followed(&mut monitor, &log)), [Code::LogSubject], "{why}");
        log.publish(TIDES, "3.0.0");
        assert!(followed(&mut monitor, &log).is_empty(), "{why}: it is told once");
        assert_eq!(monitor.size(), 4, "{why}");
    }
}

#[test]
fn an_entry_that_may_not_follow_is_one_alarm_and_counts_for_nothing() {
    type Change = fn(&mut Publish);
    let rows: [(&str, Code, Change); 8] = [
        ("builds upon nothing", Code::LogSubject, |it| it.previous = None),
        ("builds upon another package", Code::LogSubject, |it| it.previous = Some(1)),
        ("time goes back", Code::LogSubject, |it| it.time -= SignedDuration::from_hours(1)),
        ("from the future", Code::Clock, |it| it.time = now() + SignedDuration::from_hours(1)),
        ("a second digest for a version", Code::Immutable, |it| {
            it.version = "1.0.0".parse().unwrap();
            it.metadata = Digest::of(b"other");
        }),
        ("another publisher", Code::Publisher, |it| it.publisher = publisher("m@evil.example")),
        ("no evidence", Code::Provenance, |it| it.evidence.clear()),
        ("a name too like another", Code::Name, |it| {
            it.name = "com.acme/wea-ther".parse().unwrap();
            it.previous = None;
        }),
    ];
    for (why, code, change) in rows {
        let mut log = if code == Code::Name {
            let mut log = start();
            log.publish("com.acme/wea_ther", "1.0.0");
            let mut publish = log.next(WEATHER, "2.0.0");
            change(&mut publish);
            log.push(publish);
            log
        } else {
            with_release(change)
        };
        let mut monitor = monitor(&log);
        assert_eq!(codes(&followed(&mut monitor, &log)), [code], "{why}");
        let refused = log.leaves.len() as u64 - 1;
        let released =
            monitor.replay().packages().any(|it| it.releases.values().any(|&it| it == refused));
        assert!(!released, "{why}: it is no release");
        assert!(monitor.unchecked(refused).is_empty(), "{why}");
        // The package's next entry builds upon the refused one, and is no alarm.
        log.publish(WEATHER, "3.0.0");
        assert!(followed(&mut monitor, &log).is_empty(), "{why}: it is told once");
    }
}

#[test]
fn an_entry_as_it_should_be_is_no_alarm() {
    let log = with_release(|_| ());
    let mut monitor = monitor(&log);
    assert!(followed(&mut monitor, &log).is_empty());
    let package = monitor.replay().package(&WEATHER.parse().unwrap()).unwrap();
    let entries: Vec<String> = package.entries.iter().map(ToString::to_string).collect();
    assert_eq!(entries, ["0 publish 1.0.0", "2 publish 2.0.0"]);
    assert_eq!(monitor.unchecked(0).len(), 3);
    assert_eq!(monitor.changed().len(), 2);
}
