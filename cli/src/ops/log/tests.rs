//! What is known of a log, against a log in memory: every size, every proof.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::log::{Hash, SigningKey, Tree};
use mcpkg_core::{Coded as _, System};
use mcpkg_test_support::RegistryLog;

use super::KnownLog;
use crate::config::{Config, RegistryConfig};
use crate::error::Error;
use crate::places::Places;
use crate::registry::Registry;

const SIZES: u64 = 19;

fn log(size: u64) -> RegistryLog {
    let mut log = RegistryLog::new(SigningKey::from_seed("log.example", [5; 32]).unwrap());
    for number in 0..size {
        log.push_leaf(number.to_string().into_bytes());
    }
    log
}

fn source() -> RegistryConfig {
    RegistryConfig { log_key: Some(log(0).key.verifier()), ..RegistryConfig::none().unwrap() }
}

fn places(home: &Path) -> Places {
    Places {
        home: home.to_owned(),
        config_home: home.join("config"),
        config: home.join("config/mcpkg"),
        data: home.join("data"),
        state: home.join("state"),
        project: home.join("project"),
        search: Vec::new(),
        app_data: None,
        sockets: Vec::new(),
        moved: std::collections::BTreeMap::new(),
        proxies: crate::places::Proxies::default(),
        is_ci: false,
        system: System::Linux,
    }
}

/// A machine that has seen the log with `seen` entries, if any.
struct Machine {
    _home: tempfile::TempDir,
    places: Places,
    source: RegistryConfig,
    /// Which is asked nothing in these tests.
    registry: Registry,
}

impl Machine {
    fn new(seen: Option<u64>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let source = source();
        let places = places(home.path());
        let registry = Registry::open(&source, &Config::default(), &places).unwrap();
        let machine = Self { places, _home: home, source, registry };
        if let Some(size) = seen {
            let mut known = machine.known();
            let checkpoint = known.check(&checkpoint(size), None, &machine.registry).unwrap();
            known.remember(Some(&checkpoint)).unwrap();
        }
        machine
    }

    fn known(&self) -> KnownLog<'_> {
        KnownLog::read(&Config::default(), &self.source, &self.places, Timestamp::now()).unwrap()
    }

    fn check(&self, note: &str, proof: Option<&[Hash]>) -> Result<Tree, &'static str> {
        let found = self.known().check(note, proof, &self.registry);
        found.map(|checkpoint| checkpoint.tree()).map_err(|error: Error| error.code().as_str())
    }
}

fn checkpoint(size: u64) -> String {
    log(size).checkpoint(Timestamp::now())
}

#[test]
fn from_every_size_to_every_size_it_goes_on_with_the_proof_and_with_no_other() {
    for old in 1..SIZES {
        let machine = Machine::new(Some(old));
        for new in 0..SIZES {
            let log = log(new);
            let note = log.checkpoint(Timestamp::now());
            if new < old {
                assert_eq!(machine.check(&note, None), Err("E_LOG_FORK"), "{old} {new}");
                continue;
            }
            let proof = log.consistency(old, new);
            assert_eq!(machine.check(&note, Some(&proof)), Ok(log.tree(new)), "{old} {new}");
            let without = if old == new { Ok(log.tree(new)) } else { Err("E_LOG_PROOF") };
            assert_eq!(machine.check(&note, None), without, "{old} {new}");
            for index in 0..proof.len() {
                let mut other = proof.clone();
                let mut bytes = *other[index].as_bytes();
                bytes[index % 32] ^= 1;
                other[index] = Hash::from_bytes(bytes);
                assert_eq!(machine.check(&note, Some(&other)), Err("E_LOG_PROOF"), "{old} {new}");
                other.remove(index);
                assert_eq!(machine.check(&note, Some(&other)), Err("E_LOG_PROOF"), "{old} {new}");
            }
            let more = [proof.as_slice(), &[Hash::empty_root()]].concat();
            assert_eq!(machine.check(&note, Some(&more)), Err("E_LOG_PROOF"), "{old} {new}");
        }
    }
}

#[test]
fn who_has_seen_nothing_or_an_empty_log_needs_no_proof() {
    for seen in [None, Some(0)] {
        let machine = Machine::new(seen);
        for new in 0..SIZES {
            assert_eq!(machine.known().seen(), None);
            assert_eq!(machine.check(&checkpoint(new), None), Ok(log(new).tree(new)));
        }
    }
}

#[test]
fn what_is_remembered_advances_and_nothing_else() {
    let machine = Machine::new(Some(7));
    let hour = jiff::SignedDuration::from_hours(1);
    let remembered = || {
        let known = machine.known();
        let checkpoint = known.remembered().unwrap();
        (checkpoint.tree().size, checkpoint.note().to_owned())
    };
    let (_, first) = remembered();
    let older = log(7).checkpoint(Timestamp::now() - hour);
    let later = log(7).checkpoint(Timestamp::now() + hour);
    for (what, note, expected) in [
        ("the same tree, signed before", &older, &first),
        ("the same tree, signed later", &later, &later),
        ("the first again", &first, &later),
    ] {
        let mut known = machine.known();
        let checkpoint = known.check(note, None, &machine.registry).unwrap();
        known.remember(Some(&checkpoint)).unwrap();
        assert_eq!(remembered(), (7, expected.clone()), "{what}");
    }

    // Two that ask at once take turns, and the second goes on from the first.
    let mut slow = machine.known();
    let mut quick = machine.known();
    let exclusive = quick.exclusive().unwrap();
    let proof = log(9).consistency(7, 9);
    let nine = quick.check(&checkpoint(9), Some(&proof), &machine.registry).unwrap();
    quick.remember(Some(&nine)).unwrap();
    drop(exclusive);
    let _exclusive = slow.exclusive().unwrap();
    assert_eq!(slow.seen(), Some(9));
    let error = slow.check(&checkpoint(8), None, &machine.registry).unwrap_err();
    assert_eq!(error.code().as_str(), "E_LOG_FORK");
    assert_eq!(remembered().0, 9);
}

#[test]
fn what_is_remembered_and_damaged_is_not_taken_for_nothing() {
    let good = Machine::new(Some(3));
    let folder = good.places.state.join("logs");
    let path = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let json = fs::read_to_string(&path).unwrap();
    let other = SigningKey::from_seed("log.example", [6; 32]).unwrap().verifier().to_string();
    for (code, damage) in [
        ("E_STORAGE", String::new()),
        ("E_STORAGE", json.replace("\"format\": 1", "\"format\": 2")),
        ("E_STORAGE", json.replace(&good.known().trust().key.to_string(), &other)),
        ("E_STORAGE", json[..json.len() - 3].to_owned()),
        ("E_NOTE", json.replace("\\n3\\n", "\\n2\\n")),
    ] {
        fs::write(&path, &damage).unwrap();
        let known =
            KnownLog::read(&Config::default(), &good.source, &good.places, Timestamp::now());
        assert_eq!(known.err().map(|error| error.code().as_str()), Some(code), "{damage}");
    }
}
