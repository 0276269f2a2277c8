//! What a start of a server pays for knowing what is wrong with its release.
//!
//! Wanted is at most a millisecond where a thousand things are. `of_a_release` is the look-up
//! for one that so many are known of, beside reading its file and nothing else; `of_many` is
//! that for one among so many releases, each with one.

use divan::{Bencher, black_box};
use mcpkg_cli::ops::faults::{self, Accuser, Fault};
use mcpkg_cli::places::Places;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::{Code, Digest};
use serde_json::json;
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// How much is known.
const KNOWN: [usize; 3] = [10, 1_000, 20_000];

/// A release that is installed, by its number.
fn server(number: usize) -> LockedServer {
    let server = json!({
        "name": "io.github.acme/weather",
        "version": "1.2.0",
        "registry": "https://registry.example/",
        "metadata": Digest::of(&number.to_le_bytes()),
        "signed_at": "2026-01-01T00:00:00Z",
        "evidence": [],
        "publisher": { "kind": "identity", "issuer": "https://sso.example", "subject": "a@example.com" },
    });
    serde_json::from_value(server).expect("it is a server of a lock")
}

/// Somebody of whom nothing is remembered.
fn places() -> (TempDir, Places) {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let places = Places::from_environment().expect("there is a home");
    let state = home.path().join("state");
    (home, Places { state, ..places })
}

/// So many things that are wrong with a release, as advisories put them.
fn faults(count: usize) -> Vec<Fault> {
    let fault = |index| Fault {
        code: Code::Advisory,
        sentence: format!(
            "GHSA-xxxx-yyyy-{index:04}: it may read files outside of the folder that it was given \
             (pkg:npm/%40acme/weather@1.{index}.0, repaired in 1.{index}.1)"
        ),
    };
    (0..count).map(fault).collect()
}

fn remember(count: usize, server: &LockedServer, places: &Places) {
    faults::remember(server, Accuser::Advisories, faults(count), places).expect("it is written");
}

#[divan::bench(args = KNOWN)]
fn of_a_release(bencher: Bencher<'_, '_>, count: usize) {
    let ((_home, places), server) = (places(), server(0));
    remember(count, &server, &places);
    assert_eq!(faults::of(&server, &places).expect("it is read").len(), count);
    bencher.bench_local(|| faults::of(black_box(&server), &places).expect("it is read"));
}

#[divan::bench(args = KNOWN)]
fn of_a_release_the_file_alone(bencher: Bencher<'_, '_>, count: usize) {
    let ((_home, places), server) = (places(), server(0));
    remember(count, &server, &places);
    let path = places.faults(server.metadata);
    bencher.bench_local(|| std::fs::read(black_box(&path)).expect("it is read"));
}

/// Remembers one thing of each of so many releases.
fn remember_of_each(count: usize, places: &Places) {
    let first = server(0);
    remember(1, &first, places);
    for number in 1..count {
        let path = places.faults(server(number).metadata);
        std::fs::copy(places.faults(first.metadata), path).expect("there is room for it");
    }
}

#[divan::bench(args = KNOWN)]
fn of_many(bencher: Bencher<'_, '_>, count: usize) {
    let (_home, places) = places();
    remember_of_each(count, &places);
    let server = server(count / 2);
    bencher.bench_local(|| faults::of(black_box(&server), &places).expect("it is read"));
}

#[divan::bench(args = KNOWN)]
fn of_none_beside_many(bencher: Bencher<'_, '_>, count: usize) {
    let (_home, places) = places();
    remember_of_each(count, &places);
    let server = server(count);
    bencher.bench_local(|| faults::of(black_box(&server), &places).expect("there is none"));
}
