//! Do the bytes come from the source? A real repository, a real build, a release
//! of it, and somebody who builds it again.

mod confinement;
mod outcomes;
pub(crate) mod repository;
mod sources;
mod tools;

use mcpkg_test_support::World;
use mcpkg_test_support::world::Outcome;
use serde_json::Value;

use self::repository::Repository;
use crate::fixture::{Fixture, NAME, acme};

const RELEASE: &str = "io.github.acme/weather@1.2.0";

/// What a build script does in the author's pipeline, and what it does when it is
/// run again: a rebuild is in a folder of another name.
fn script(author: &str, rebuilder: &str) -> String {
    format!("case \"$PWD\" in */source*) {rebuilder} ;; *) {author} ;; esac\n")
}

/// Builds what is in `repository` in a CI job that works for it, and publishes it.
fn publish(fixture: &Fixture, repository: &Repository) -> World {
    publish_with(fixture, repository, &[], |_| ())
}

/// The same, with these flags for `pack`, and after `change`.
fn publish_with(
    fixture: &Fixture,
    repository: &Repository,
    flags: &[&str],
    change: impl FnOnce(&mut World),
) -> World {
    let mut ci = fixture.ci(&acme().commit(repository.commit()));
    change(&mut ci);
    ci.ok(&[&["pack", repository.package(), "--out", "dist"], flags].concat());
    ci.ok(&["publish", "dist"]);
    ci
}

/// Somebody who rebuilds the release from a clone.
fn rebuild(world: &World, repository: &Repository, flags: &[&str]) -> Outcome {
    run(world, &[&["--source", repository.path()], flags].concat())
}

/// Rebuilds, confined where this machine can do that.
#[expect(clippy::print_stderr, reason = "what is skipped has to be said")]
fn run(world: &World, flags: &[&str]) -> Outcome {
    let args = [&["rebuild", RELEASE], flags].concat();
    let outcome = world.run(&args);
    if outcome.stderr.contains("a build cannot be confined here") {
        eprintln!("skipped: confinement\n{outcome}");
        return world.run(&[args.as_slice(), &["--unconfined"]].concat());
    }
    outcome
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
}
