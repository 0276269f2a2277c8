//! The figures of `docs/benchmarks.md`, each beside a baseline of the same run.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcpkg_core::Digest;
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Binaries, Draft, RegistryProcess, World};

use crate::{Result, ok, pack, package, program, say, trust};

/// Measures all of it, and prints a table.
pub(crate) fn run() -> Result<()> {
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
    trust(&author, registry.url(), &root)?;
    let artifact = pack(&author, "one")?;
    say(&format!("| the package | {files} files, {} bytes packed |", artifact.len()));
    let job = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
    let config = author.file("signing_config.json", sigstore.signing_config_json());
    author.set([("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string())]);
    author.set(sigstore.github_environment(&job));
    ok(&author, &["publish", "dist-one"])?;

    let person = || -> Result<World> {
        // Not in `/tmp`, of which a confined server has one of its own.
        let mut person = World::new_in(Path::new("/var/tmp"), binaries.program("mcpkg"));
        person.set([("PATH".to_owned(), std::env::var("PATH")?)]);
        trust(&person, registry.url(), &root)?;
        person.file(".claude.json", "{}\n");
        Ok(person)
    };
    install(&person, registry.url(), Digest::of(&artifact))?;
    launch(&person()?)?;
    verify(&person()?, &sigstore, &registry, &job)?;
    throughput(&registry)?;
    memory(&author, &sigstore, &registry, &job)
}

/// `mcpkg install` against `curl`, `sha256sum` and `unzip`, one after the other.
fn install(person: &dyn Fn() -> Result<World>, url: &str, digest: Digest) -> Result<()> {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut peak_kib = 0;
    // Nothing is deleted between the runs: ext4 is slow to hand out inodes that
    // were freed moments ago, and whoever came after would pay for it.
    let mut kept = Vec::new();
    for _ in 0..7 {
        let developer = person()?;
        let setting = format!("allowed_directories={}", developer.path().display());
        let args = ["install", package::NAME, "--yes", "--quiet", "--set", &setting];
        let started = Instant::now();
        let mut child = developer.command(&args).spawn()?;
        while child.try_wait()?.is_none() {
            peak_kib = peak_kib.max(status_kib(child.id(), "VmHWM").unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        }
        ours.push(started.elapsed());
        if !child.wait()?.success() {
            return Err("the install failed".into());
        }

        let folder = tempfile::tempdir()?;
        let script = format!(
            "curl -sfo a.mcpb {url}/v1/blobs/{digest} && sha256sum a.mcpb && unzip -q a.mcpb -d tree"
        );
        let started = Instant::now();
        program(Command::new("sh").args(["-c", &script]).current_dir(folder.path()))?;
        theirs.push(started.elapsed());
        kept.push((developer, folder));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    row("install", ours, "curl + sha256sum + unzip", theirs);
    say(&format!("| install, peak memory | {} MiB |", peak_kib / 1024));
    Ok(())
}

/// The time to a server's first answer, through `mcpkg run` and without.
fn launch(developer: &World) -> Result<()> {
    let shared = developer.file(&format!("{}/hello.txt", package::SHARED), "hello\n");
    let shared = shared.parent().ok_or("a file is in a folder")?.to_owned();
    let setting = format!("allowed_directories={}", shared.display());
    let install = ["install", package::NAME, "--yes", "--set", &setting];
    ok(developer, &install)?;
    let trees = developer.store_path().join("trees");
    let tree = fs::read_dir(trees)?.next().ok_or("nothing is installed")??.path();
    let (mut ours, mut unconfined, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for (times, more) in [(&mut ours, None), (&mut unconfined, Some("--unconfined"))] {
        ok(developer, &install.into_iter().chain(more).collect::<Vec<_>>())?;
        for _ in 0..15 {
            times.push(first_answer(developer.command(&["run", package::NAME]))?);
        }
    }
    for _ in 0..15 {
        let mut node = Command::new("node");
        node.arg(tree.join(package::ENTRY_POINT)).arg(&shared);
        theirs.push(first_answer(node)?);
    }
    let confined = median(ours.clone()).as_secs_f64() - median(unconfined.clone()).as_secs_f64();
    say(&format!(
        "| run, strong beyond unconfined | {:.1} ms more of {:.0} |",
        confined * 1000.0,
        median(unconfined).as_secs_f64() * 1000.0
    ));
    let (ours, theirs) = (median(ours), median(theirs));
    row("run, to the first answer", ours, "node alone", theirs);
    let added = ours.saturating_sub(theirs);
    say(&format!("| run adds | {} ms |", added.as_millis()));
    Ok(())
}

fn first_answer(mut command: Command) -> Result<Duration> {
    const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let started = Instant::now();
    let mut child: Child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().ok_or("the server has no input")?;
    writeln!(input, "{INITIALIZE}")?;
    let mut answer = String::new();
    BufReader::new(child.stdout.take().ok_or("the server has no output")?)
        .read_line(&mut answer)?;
    let elapsed = started.elapsed();
    child.kill()?;
    child.wait()?;
    if answer.contains("serverInfo") {
        Ok(elapsed)
    } else {
        Err("the server did not answer".into())
    }
}

/// `mcpkg verify`, the whole process: of a small installed server, and of a file.
fn verify(
    developer: &World,
    sigstore: &TestSigstore,
    registry: &RegistryProcess,
    job: &Identity,
) -> Result<()> {
    let name = "io.github.acme/weather";
    let small = Draft::new(name, "1.2.0").sign(sigstore, job);
    mcpkg_test_support::Http::new(registry.url().to_owned()).publish(&small);
    ok(developer, &["install", name, "--yes"])?;
    developer.file("file/server.json", &small.server_json);
    developer.file("file/bundle.json", &small.bundles[0]);
    developer.file("file/weather.mcpb", &small.artifacts[0]);
    for (what, args) in [
        ("verify, an installed server", ["verify", name, "--offline"].as_slice()),
        ("verify, a file", &["verify", "file/weather.mcpb", "--bundle", "file/bundle.json"]),
        ("verify, the package of npm", &["verify", package::NAME, "--offline"]),
    ] {
        if args[1] == package::NAME {
            let setting = format!("allowed_directories={}", developer.path().display());
            ok(developer, &["install", package::NAME, "--yes", "--set", &setting])?;
        }
        let mut times = Vec::new();
        for _ in 0..25 {
            let started = Instant::now();
            ok(developer, args)?;
            times.push(started.elapsed());
        }
        say(&format!("| {what} | {:.1} ms |", median(times).as_secs_f64() * 1000.0));
    }
    Ok(())
}

/// A package's index, as fast as one core serves it.
fn throughput(registry: &RegistryProcess) -> Result<()> {
    if Command::new("wrk").arg("--version").output().is_err() {
        say("| index | skipped: wrk is not installed |");
        return Ok(());
    }
    let pid = registry.id().to_string();
    program(Command::new("taskset").args(["-acp", "0", &pid]))?;
    let url = format!("{}/v1/packages/{}", registry.url(), package::NAME);
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "-c16", "-d8s", &url]);
    let report = String::from_utf8(program(&mut wrk)?)?;
    let rate = report.lines().find(|line| line.starts_with("Requests/sec"));
    let errors = report.lines().find(|line| line.contains("Non-2xx")).unwrap_or("no errors");
    say(&format!("| index, one core | {} ({errors}) |", rate.unwrap_or("?").trim()));
    Ok(())
}

/// The registry's memory while 200 MB go up and come down.
fn memory(
    author: &World,
    sigstore: &TestSigstore,
    registry: &RegistryProcess,
    job: &Identity,
) -> Result<()> {
    let draft = Draft::new("io.github.acme/large", "1.0.0").with_bytes(200_000_000);
    let large = draft.sign(sigstore, job);
    author.file("large/server.json", &large.server_json);
    author.file("large/large-1.0.0.mcpb", &large.artifacts[0]);
    author.file("bundle.json", &large.bundles[0]);
    let started = Instant::now();
    ok(author, &["publish", "large", "--bundle", "bundle.json"])?;
    let up = started.elapsed();
    let url = format!("{}/v1/blobs/{}", registry.url(), large.artifact(0));
    let started = Instant::now();
    program(Command::new("curl").args(["-sfo", "/dev/null", &url]))?;
    let down = started.elapsed();
    let peak_kib = status_kib(registry.id(), "VmHWM").ok_or("the registry is gone")?;
    say(&format!(
        "| 200 MB up and down | {:.1} s, {:.1} s, registry's peak memory {} MiB |",
        up.as_secs_f64(),
        down.as_secs_f64(),
        peak_kib / 1024
    ));
    Ok(())
}

fn row(what: &str, ours: Duration, baseline: &str, theirs: Duration) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let (ours, theirs) = (ours.as_millis(), theirs.as_millis());
    say(&format!("| {what} | {ours} ms; {baseline}: {theirs} ms; ratio {ratio:.2} |"));
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A line of `/proc/<pid>/status`, in KiB.
pub(crate) fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status =
        fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
