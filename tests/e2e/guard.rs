//! What stands between an agent and a running server: tools that change, hide or shadow,
//! and everything else, which passes.

pub(crate) mod agent;
mod inspected;
mod streams;
mod surfaces;
mod unstarted;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mcpkg_test_support::{Binaries, World};
use serde_json::json;

use self::agent::Agent;
use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// Another package of Acme's.
const COPY: &str = "io.github.acme/copy";

/// A real server that changes its tools, see `tests/changing`.
pub(crate) fn changing_server() -> Vec<u8> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        Binaries::build(&["changing-server"]).unwrap();
        Path::new(env!("CARGO_BIN_EXE_mcpkg")).with_file_name("changing-server")
    });
    fs::read(path).unwrap()
}

/// Publishes a package that starts `program`.
fn publish(fixture: &Fixture, name: &str, program: &[u8], args: &[&str]) {
    Program::new(name, program).args(args).publish(fixture);
}

/// Somebody who has installed a package that starts `program`.
fn installed(program: &[u8], args: &[&str]) -> (Fixture, World) {
    let fixture = Fixture::empty();
    publish(&fixture, NAME, program, args);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    (fixture, developer)
}

/// The last failure of a server, as it was left for `doctor`.
pub(crate) fn last_failure(world: &World, name: &str) -> String {
    world.read(&format!(".local/state/mcpkg/failures/{name}.json"))
}
