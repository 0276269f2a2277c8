//! What `mcpkg run` costs a session: the same server with it and without it, between
//! real pipes.
//!
//! The baselines are of the same run, and of the same moments: the server alone, and
//! the server between two `cat`, which is what two more processes cost that look at
//! nothing. A round trip is two messages.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Binaries, RegistryProcess, World};
use serde_json::json;

use crate::bench::{median, status_kib};
use crate::{Result, ok, say, trust};

const NAME: &str = "io.github.acme/talker";
const ROUND_TRIPS: usize = 5_000;
const LARGE_BYTES: u64 = 256 << 20;
const LARGE_ANSWERS: usize = 5;

/// Measures it, and prints a table.
pub(crate) fn run() -> Result<()> {
    let binaries = Binaries::build(&["mcpkg", "mcpkg-registry", "talker"])?;
    let sigstore = TestSigstore::start();
    let folder = tempfile::tempdir()?;
    let root = sigstore.trusted_root_json();
    let registry = RegistryProcess::start(
        &binaries.program("mcpkg-registry"),
        &folder.path().join("registry"),
        &root,
    )?;
    let talker = binaries.program("talker");
    publish(&binaries, &sigstore, registry.url(), &talker)?;
    // Not in `/tmp`, of which a confined server has one of its own.
    let developer = World::new_in(Path::new("/var/tmp"), binaries.program("mcpkg"));
    trust(&developer, registry.url(), &root)?;
    developer.file(".claude.json", "{}\n");
    ok(&developer, &["install", NAME, "--yes"])?;

    let mut cats = Command::new("sh");
    cats.arg("-c").arg(format!("cat | '{}' | cat", talker.display()));
    let mut sessions = [
        Session::start("the server alone", Command::new(&talker))?,
        Session::start("between two `cat`", cats)?,
        Session::start("`mcpkg run`", developer.command(&["run", NAME]))?,
    ];
    let before = sessions[2].memory_kib()?;
    round_trips(&mut sessions)?;
    for kind in ["text", "escapes", "script", "tokens"] {
        large(&mut sessions, kind)?;
    }
    let after = sessions[2].memory_kib()?;
    say(&format!(
        "| memory of `mcpkg run`, its processes added up, with the program itself in each | {before} KiB \
         at the start, {after} KiB at most |"
    ));
    Ok(())
}

fn publish(binaries: &Binaries, sigstore: &TestSigstore, url: &str, talker: &Path) -> Result<()> {
    let mut author = World::new(binaries.program("mcpkg"));
    trust(&author, url, &sigstore.trusted_root_json())?;
    let manifest = json!({
        "manifest_version": "0.3",
        "name": "talker",
        "version": "1.0.0",
        "description": "Says as much as it is asked for",
        "author": { "name": "Acme" },
        "server": {
            "type": "binary",
            "entry_point": "server/run",
            "mcp_config": { "command": "${__dirname}/server/run" },
        },
    });
    let server = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": NAME,
        "version": "1.0.0",
        "description": "Says as much as it is asked for",
    });
    author.file("package/manifest.json", manifest.to_string());
    author.file("package/server.json", server.to_string());
    let program = author.file("package/server/run", fs::read(talker)?);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    let platform = mcpkg_core::Platform::current().ok_or("no platform of ours")?.to_string();
    ok(&author, &["pack", "package", "--platform", &platform])?;
    let job = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
    let config = author.file("signing_config.json", sigstore.signing_config_json());
    author.set([("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string())]);
    author.set(sigstore.github_environment(&job));
    ok(&author, &["publish"])
}

/// Small calls, each of all sessions in turn, so that what the machine does beside
/// them is the same to all.
fn round_trips(sessions: &mut [Session]) -> Result<()> {
    let mut times = vec![Vec::with_capacity(ROUND_TRIPS); sessions.len()];
    for _ in 0..ROUND_TRIPS {
        for (session, times) in sessions.iter_mut().zip(&mut times) {
            times.push(session.call("text", 0)?.0);
        }
    }
    let times: Vec<_> = times.into_iter().map(median).collect();
    for (session, time) in sessions.iter().zip(&times) {
        say(&format!("| a call and its answer, {} | {:.1} µs |", session.what, micros(*time)));
    }
    let added = |baseline: Duration| micros(times[2].saturating_sub(baseline)) / 2.0;
    let (alone, cats) = (added(times[0]), added(times[1]));
    say(&format!("| added to a message | {alone:.1} µs; to two `cat`: {cats:.1} µs |"));
    Ok(())
}

/// One long answer at a time.
fn large(sessions: &mut [Session], kind: &str) -> Result<()> {
    let mut times = vec![Vec::new(); sessions.len()];
    let mut bytes = 0;
    for _ in 0..LARGE_ANSWERS {
        for (session, times) in sessions.iter_mut().zip(&mut times) {
            let (time, length) = session.call(kind, LARGE_BYTES)?;
            times.push(time);
            bytes = length;
        }
    }
    let rates: Vec<_> = sessions
        .iter()
        .zip(times)
        .map(|(session, times)| {
            let rate = u128::from(bytes) / median(times).as_micros().max(1);
            format!("{} {rate} MB/s", session.what)
        })
        .collect();
    say(&format!("| {kind}, {} MB in one message | {} |", bytes / 1_000_000, rates.join("; ")));
    Ok(())
}

/// An agent's end of a session.
struct Session {
    what: &'static str,
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    next_id: u64,
    chunk: Vec<u8>,
}

impl Session {
    fn start(what: &'static str, mut command: Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take().ok_or("the server has no input")?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut session =
            Self { what, child, input, output, next_id: 0, chunk: vec![0; 64 * 1024] };
        session.ask(
            "initialize",
            &json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "bench", "version": "1" },
            }),
        )?;
        Ok(session)
    }

    /// Calls a tool that says so much.
    fn call(&mut self, kind: &str, bytes: u64) -> Result<(Duration, u64)> {
        let arguments = json!({ "kind": kind, "bytes": bytes });
        let (time, length) =
            self.ask("tools/call", &json!({ "name": "say", "arguments": arguments }))?;
        if length < bytes {
            return Err(format!("{} said {length} bytes of {bytes}", self.what).into());
        }
        Ok((time, length))
    }

    /// How long an answer takes, and how long it is.
    fn ask(&mut self, method: &str, params: &serde_json::Value) -> Result<(Duration, u64)> {
        self.next_id += 1;
        let id = self.next_id;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let line = format!("{request}\n");
        let started = Instant::now();
        self.input.write_all(line.as_bytes())?;
        let mut length = 0;
        let mut last = 0;
        // Nothing else is asked, so nothing comes after the line.
        while last != b'\n' {
            let read = self.output.read(&mut self.chunk)?;
            last = *self.chunk[..read].last().ok_or("a server has ended")?;
            length += read as u64;
        }
        Ok((started.elapsed(), length))
    }

    /// The most memory that its processes had, but for the server's own.
    fn memory_kib(&self) -> Result<u64> {
        let mut processes = vec![self.child.id()];
        let mut sum = 0;
        while let Some(process) = processes.pop() {
            let folder = Path::new("/proc").join(process.to_string());
            let children = folder.join("task").join(process.to_string()).join("children");
            let children = fs::read_to_string(children)?;
            processes.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            if fs::read_to_string(folder.join("comm"))?.starts_with("mcpkg") {
                sum += status_kib(process, "VmHWM").ok_or("a process is gone")?;
            }
        }
        Ok(sum)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
