//! A container engine that is none of ours, and a registry of images: what is signed is
//! what is started, and nothing is left of it whatever its end was.
//!
//! `tests/interop/engine/run` installs both, and says which engine to use in
//! `MCPKG_TEST_ENGINE`.

mod yard;

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::yard::Yard;
use super::*;
use crate::guard::agent::{Agent, initialize};
use crate::guard::last_failure;

/// The `server.json` of a version that is started by a script of the image.
fn scripted(version: &str, image: &str, script: &str) -> Value {
    let mut server = in_image(version, image);
    server["packages"][0]["packageArguments"] = json!([{ "type": "positional", "value": script }]);
    server["packages"][0]["environmentVariables"] = json!([]);
    server
}

/// Says a line of what was seen.
#[expect(clippy::print_stderr, reason = "what was measured, or skipped, has to be said")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[test]
fn a_real_engine_starts_what_is_signed_and_nothing_is_left_of_it() {
    let Ok(engine) = std::env::var("MCPKG_TEST_ENGINE") else {
        say("skipped: no container engine: `tests/interop/engine/run` installs one");
        return;
    };
    let yard = Yard::open(&engine);
    let image = yard.image();
    let fixture = Fixture::empty();
    let publish_script = |version: &str, script: &str| {
        publish(&fixture, &scripted(version, &image, script));
        yard.developer(&fixture)
    };

    let developer = publish_script("1.2.0", "/serve");
    is_used_like_any_other(&developer, &yard);
    let developer = publish_script("1.3.0", "/look");
    it_has_what_was_granted_and_nothing_else(&developer, &yard);
    let developer = publish_script("1.4.0", "/deaf");
    it_ends_with_its_agent_however_that_ends(&developer, &yard);
    what_nobody_could_end_is_ended_by_the_next_start(&developer, &yard);
    let other = Digest::of(b"another image").to_string();
    let absent = image.split_once('@').map(|(name, _)| format!("{name}@{other}")).unwrap();
    publish(&fixture, &scripted("1.5.0", &absent, "/serve"));
    another_digest_is_no_image_at_all(&yard.developer(&fixture), &yard, &other);
    publish(&fixture, &scripted("1.6.0", &yard.forged(), "/serve"));
    another_digest_is_no_image_at_all(&yard.developer(&fixture), &yard, "sha256:");
}

const INSTALL: [&str; 3] = ["install", NAME, "--yes"];

fn is_used_like_any_other(developer: &World, yard: &Yard) {
    let said = developer.ok(&INSTALL).stderr;
    assert!(said.contains("container: no network") && said.contains(yard.program()), "{said}");
    let start = Instant::now();
    let outcome = developer.ok(&["inspect", "weather"]);
    say(&format!("{}: pulled and inspected twice in {:?}", yard.program(), start.elapsed()));
    assert!(outcome.stderr.contains("forecast"), "{outcome}");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(r#"protocols = ["2025-11-25", "2026-07-28"]"#), "{lock}");
    assert_eq!(yard.containers(), "", "nothing is left of an inspection");

    let start = Instant::now();
    let mut agent = Agent::initialized(developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    say(&format!("{}: tools listed {:?} after the start", yard.program(), start.elapsed()));
    assert_eq!(yard.containers().lines().count(), 1);
    // The guard is in between, here as anywhere.
    agent.call("change");
    let answer = agent.ask("tools/list", &json!({}));
    assert!(!answer.to_string().contains(".ssh"), "{answer}");
    let answer = agent.call("forecast");
    assert_eq!(answer["error"]["data"]["code"], "E_SURFACE_CHANGED", "{answer}");
    assert_eq!(agent.end(), Some(0));
    assert_eq!(yard.containers(), "");
    assert_eq!(notes(developer), Vec::<String>::new());
}

fn it_has_what_was_granted_and_nothing_else(developer: &World, yard: &Yard) {
    developer.ok(&INSTALL);
    let output = developer.command(&["run", "weather"]).stdin(Stdio::null()).output().unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "root is read-only",
        "networks: lo",
        "nobody is root",
        "processes: 1024",
    ] {
        assert!(seen.lines().any(|line| line == expected), "{expected}\n{seen}");
    }
    assert!(!seen.contains("pr0xy"), "the proxy of whoever runs the engine: {seen}");
    assert_eq!(output.status.code(), Some(7), "its own: {seen}");
    assert_eq!(yard.containers(), "");
}

/// A server that neither the end of its input nor a signal ends.
fn deaf(developer: &World) -> (Child, impl std::io::Write + use<>) {
    let mut command = developer.command(&["run", "weather"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": initialize(&json!({})) });
    std::io::Write::write_all(&mut input, format!("{line}\n").as_bytes()).unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    (child, input)
}

fn it_ends_with_its_agent_however_that_ends(developer: &World, yard: &Yard) {
    developer.ok(&INSTALL);
    for signal in [Some(Signal::SIGKILL), Some(Signal::SIGTERM), None] {
        let (mut run, input) = deaf(developer);
        assert_eq!(yard.containers().lines().count(), 1, "{signal:?}");
        let start = Instant::now();
        match signal {
            Some(signal) => kill(Pid::from_raw(run.id().cast_signed()), signal).unwrap(),
            // The agent itself is killed: what it held is closed.
            None => drop((input, run.stdout.take())),
        }
        // Whoever is left to end the container holds it.
        let mut said = String::new();
        run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        run.wait().unwrap();
        assert_eq!(yard.containers(), "", "{signal:?}: {said}");
        let how = signal.map_or("the end of the agent", Signal::as_str);
        say(&format!("{}: gone {:?} after {how}", yard.program(), start.elapsed()));
    }
}

fn what_nobody_could_end_is_ended_by_the_next_start(developer: &World, yard: &Yard) {
    let (mut run, _input) = deaf(developer);
    let id = run.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let own = Pid::from_raw(id.cast_signed());
    // It is not there to notice what becomes of the other.
    kill(own, Signal::SIGSTOP).unwrap();
    for child in children.split_whitespace() {
        kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL).unwrap();
    }
    kill(own, Signal::SIGKILL).unwrap();
    run.wait().unwrap();
    let left = yard.containers();
    assert_eq!((left.lines().count(), notes(developer).len()), (1, 1), "{left}");

    let (mut run, _input) = deaf(developer);
    let now = yard.containers();
    assert!(now.lines().count() == 1 && now != left, "{now}");
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGKILL).unwrap();
    run.stderr.take().unwrap().read_to_string(&mut String::new()).unwrap();
    run.wait().unwrap();
    assert_eq!(yard.containers(), "");
}

fn another_digest_is_no_image_at_all(developer: &World, yard: &Yard, digest: &str) {
    let outcome = developer.ok(&INSTALL);
    assert!(outcome.stderr.contains(digest), "{outcome}");
    let mut agent = Agent::start(developer, &["weather"]);
    let answer = agent.ask("initialize", &initialize(&json!({})));
    assert_eq!(answer["error"]["data"]["code"], "E_SERVER_ENDED", "{answer}");
    assert_eq!(agent.end(), Some(125));
    let failure = last_failure(developer, NAME);
    assert!(failure.contains("E_ENGINE") && failure.contains("could not start"), "{failure}");
    assert_eq!(yard.containers(), "");
}

/// The containers that there may be.
fn notes(developer: &World) -> Vec<String> {
    let folder = developer.path().join(".local/state/mcpkg/containers");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
