//! What stands between an agent and a running server: tools that change, hide or shadow,
//! and everything else, which passes.

mod agent;
mod streams;
mod surfaces;
mod unstarted;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mcpkg_test_support::{Binaries, World};
use serde_json::json;

use self::agent::Agent;
use crate::fixture::{Fixture, NAME, acme};

/// Another package of Acme's.
const COPY: &str = "io.github.acme/copy";

/// A real server that changes its tools, see `tests/changing`.
fn changing_server() -> Vec<u8> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        Binaries::build(&["mcpkg-changing"]).unwrap();
        Path::new(env!("CARGO_BIN_EXE_mcpkg")).with_file_name("changing-server")
    });
    fs::read(path).unwrap()
}

/// Publishes a package that starts `program`.
fn publish(fixture: &Fixture, name: &str, program: &[u8], args: &[&str]) {
    publish_with(fixture, name, program, args, None);
}

/// The same, with what its author says that it shows.
fn publish_with(
    fixture: &Fixture,
    name: &str,
    program: &[u8],
    args: &[&str],
    surface: Option<&str>,
) {
    let author = fixture.ci(&acme());
    let platform = mcpkg_core::Platform::current().unwrap().to_string();
    let short = name.rsplit('/').next().unwrap();
    let manifest = json!({
        "manifest_version": "0.3",
        "name": short,
        "version": "1.2.0",
        "description": "Tells the weather",
        "author": { "name": "Acme" },
        "server": {
            "type": "binary",
            "entry_point": "server/run",
            "mcp_config": { "command": "${__dirname}/server/run", "args": args },
        },
    });
    let server = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": name,
        "version": "1.2.0",
        "description": "Tells the weather",
    });
    author.file("package/manifest.json", manifest.to_string());
    author.file("package/server.json", server.to_string());
    let program = author.file("package/server/run", program);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut pack = vec!["pack", "package", "--platform", &platform];
    if let Some(surface) = surface {
        author.file("surface.json", surface);
        pack.extend(["--surface", "surface.json"]);
    }
    author.ok(&pack);
    author.ok(&["publish"]);
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
fn last_failure(world: &World, name: &str) -> String {
    world.read(&format!(".local/state/mcpkg/failures/{name}.json"))
}
