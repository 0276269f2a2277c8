//! A real package, through everything: `@modelcontextprotocol/server-filesystem`
//! from the npm registry with its production dependencies, about 4,300 files.
//!
//! Packed twice from copies that differ in all that must not matter, published
//! keylessly, installed, started from the settings that were written, and asked
//! for its tools by three MCP clients that are not ours: rmcp's, the MCP
//! inspector, and Claude Code. Wants Node and npm, and says so without them.
//!
//! With the argument `bench` it measures instead, and with `guard` what stands between
//! an agent and a server, which wants no Node: see `docs/benchmarks.md`.

mod bench;
mod clients;
mod guard;
mod package;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Binaries, RegistryProcess, World};

/// Any failure ends the test, and its text is the report.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let wants_npm = argument.as_deref() != Some("guard");
    if wants_npm && Command::new("npm").arg("--version").output().is_err() {
        say("skipped: npm is not installed");
        say("0 passed, 0 failed, 1 skipped");
        return ExitCode::SUCCESS;
    }
    let result = match argument.as_deref() {
        Some("bench") => bench::run(),
        Some("guard") => guard::run(),
        _ => run(),
    };
    match result {
        Ok(()) => {
            say("1 passed, 0 failed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("failed: {error}"));
            say("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// Says a line.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn run() -> Result<()> {
    let binaries = Binaries::build(&["mcpkg", "mcpkg-registry"])?;
    let sigstore = TestSigstore::start();
    let folder = tempfile::tempdir()?;
    let root = sigstore.trusted_root_json();
    let registry = RegistryProcess::start(
        &binaries.program("mcpkg-registry"),
        &folder.path().join("registry"),
        &root,
    )?;

    let mut author = World::new(binaries.program("mcpkg"));
    let files = package::fetch(&author.path().join("one"))?;
    say(&format!("{} {}: {files} files", package::NPM_NAME, package::VERSION));
    trust(&author, registry.url(), &root)?;
    let packed = pack(&author, "one")?;
    package::copy_otherwise(&author.path().join("one"), &author.path().join("two"))?;
    if pack(&author, "two")? != packed {
        return Err("two copies of the package pack to different bytes".into());
    }
    say("packed twice, from copies with other times, owners, modes and order: the same bytes");

    let job = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
    let config = author.file("signing_config.json", sigstore.signing_config_json());
    author.set(sigstore.github_environment(&job));
    author.set([("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string())]);
    ok(&author, &["publish", "dist-one"])?;

    // Not in `/tmp`, of which a confined server has one of its own.
    let mut developer = World::new_in(Path::new("/var/tmp"), binaries.program("mcpkg"));
    // The server is found as the agent finds programs: by its PATH.
    developer.set([("PATH".to_owned(), std::env::var("PATH")?)]);
    trust(&developer, registry.url(), &root)?;
    developer.file(".claude.json", "{}\n");
    let shared = developer.file(&format!("{}/hello.txt", package::SHARED), "hello\n");
    let shared = shared.parent().ok_or("a file is in a folder")?.display().to_string();
    let setting = format!("allowed_directories={shared}");
    ok(&developer, &["install", package::NAME, "--yes", "--set", &setting])?;
    ok(&developer, &["verify"])?;

    let settings = developer.path().join(".claude.json");
    clients::rmcp(&settings, developer.path(), &shared)?;
    clients::inspector(&settings, developer.path())?;
    clients::claude_code(developer.path())
}

pub(crate) fn pack(author: &World, folder: &str) -> Result<Vec<u8>> {
    let out = format!("dist-{folder}");
    ok(author, &["pack", folder, "--out", &out])?;
    let name = format!("{}-{}.mcpb", package::SHORT_NAME, package::VERSION);
    Ok(fs::read(author.path().join(out).join(name))?)
}

pub(crate) fn trust(world: &World, url: &str, root: &str) -> Result<()> {
    world.file("trusted_root.json", root);
    let args = ["registry", "add", "test", url, "--private", "--no-public-good"];
    let root = ["--trusted-root", "trusted_root.json", "--trust-for", "io.github.acme/*"];
    ok(world, &[args.as_slice(), &root].concat())
}

pub(crate) fn ok(world: &World, args: &[&str]) -> Result<()> {
    let outcome = world.run(args);
    if outcome.code == Some(0) {
        Ok(())
    } else {
        Err(format!("mcpkg {}\n{outcome}", args.join(" ")).into())
    }
}

/// Runs a program to its end, quietly unless it fails.
pub(crate) fn program(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let name = Path::new(command.get_program()).display().to_string();
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}
