//! Servers in images: how an engine is asked to start them, and what it is not asked.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use mcpkg_test_support::Binaries;

use super::*;
use crate::guard::agent::{Agent, initialize};
use crate::guard::changing_server;

/// A program that writes down how it was started in the place of an engine.
fn recording_engine() -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let read = || {
        Binaries::build(&["recording-engine"]).unwrap();
        fs::read(Path::new(env!("CARGO_BIN_EXE_mcpkg")).with_file_name("recording-engine")).unwrap()
    };
    BYTES.get_or_init(read).clone()
}

/// Somebody who has an engine of this name, and a key for the server.
pub(super) fn with_engine(fixture: &Fixture, engine: &str) -> World {
    let mut world = fixture.developer();
    for (name, bytes) in [(engine, recording_engine()), ("server", changing_server())] {
        let path = world.file(&format!("bin/{name}"), bytes);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = world.path().join("bin").display().to_string();
    world.set([("PATH".to_owned(), path), ("THE_KEY".to_owned(), KEY.to_owned())]);
    world
}

const KEY: &str = "key-s3cr3t-of-the-image";

pub(super) const INSTALL: [&str; 5] = ["install", NAME, "--yes", "--secret", "API_KEY=env:THE_KEY"];

/// How the engine was started, oldest first.
fn record(world: &World) -> Vec<Value> {
    let lines = world.read("bin/record");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn words(entry: &Value) -> Vec<&str> {
    entry["arguments"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn an_image_is_started_by_its_digest_with_as_little_as_can_be() {
    let fixture = Fixture::empty();
    publish(&fixture, &in_image("1.2.0", &image("one")));
    let developer = with_engine(&fixture, "docker");
    let outcome =
        developer.ok(&[INSTALL.as_slice(), &["--set", "city=Oslo; --privileged"]].concat());
    for said in ["starts", "ghcr.io/acme/weather:1.2.0@sha256:", "container: no network"] {
        assert!(outcome.stderr.contains(said), "{said}\n{outcome}");
    }
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(&format!("[server.elsewhere]\nimage = \"{}\"", image("one"))), "{lock}");

    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    assert_eq!(agent.end(), Some(0));
    let all = record(&developer);
    let [entry] = all.as_slice() else { panic!("started once: {all:#?}") };
    assert_eq!(entry["engine"], "docker");
    let arguments = words(entry);
    let pinned = format!("ghcr.io/acme/weather@{}", Digest::of(b"one"));
    let at = arguments.iter().position(|it| *it == pinned).unwrap();
    let options: Vec<_> =
        arguments[..at].iter().filter(|it| !it.starts_with("--name=mcpkg-")).collect();
    let user = options.iter().position(|it| it.starts_with("--user=")).unwrap();
    let id = options[user].trim_start_matches("--user=").split(':').next().unwrap();
    assert!(id.parse::<u32>().unwrap() > 0, "never root");
    let expected = [
        "run",
        "--rm",
        "--interactive",
        "--pull=missing",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--log-driver=none",
        "--no-healthcheck",
        "--pids-limit=1024",
        "--memory=4g",
        "--stop-timeout=2",
        "--network=none",
        *options[user],
        "--label=dev.mcpkg.server=io.github.acme/weather",
        "--env",
        "API_KEY",
    ];
    assert_eq!(options, expected.iter().collect::<Vec<_>>());
    assert_eq!(arguments[at + 1..], ["serve", "--city", "Oslo; --privileged"]);
    assert_eq!(entry["environment"]["API_KEY"], KEY);
    assert!(!entry["arguments"].to_string().contains(KEY), "by its name alone");
    let others: Vec<_> = entry["environment"].as_object().unwrap().keys().collect();
    assert!(others.iter().all(|it| *it != "THE_KEY" && *it != "MCPKG_REGISTRY"), "{others:?}");
    for said in [developer.ok(&["list"]).stdout, developer.run(&["doctor"]).stdout] {
        assert!(said.contains("ghcr.io/acme/weather:1.2.0@sha256:"), "{said}");
    }
    developer.ok(&["verify"]);
    developer.ok(&["audit"]);
}

#[test]
fn podman_comes_first_and_what_is_inspected_gets_no_secret() {
    let fixture = Fixture::empty();
    publish(&fixture, &in_image("1.2.0", &image("one")));
    let developer = with_engine(&fixture, "podman");
    fs::copy(developer.path().join("bin/podman"), developer.path().join("bin/docker")).unwrap();
    developer.ok(&INSTALL);
    developer.ok(&["inspect", "weather"]);
    let all = record(&developer);
    let runs: Vec<_> = all.iter().filter(|it| words(it)[0] == "run").collect();
    assert_eq!(runs.len(), 2, "once for each generation of the protocol");
    for entry in &all {
        assert_eq!(entry["engine"], "podman");
        assert_ne!(entry["environment"]["API_KEY"], KEY, "{entry}");
    }
    // Its own proxy, with the password that may be in it, is not the server's.
    assert!(runs.iter().all(|it| words(it).contains(&"--http-proxy=false")), "{runs:#?}");
    // What is no longer wanted is removed by its name.
    let name = words(runs[0]).into_iter().find_map(|it| it.strip_prefix("--name=")).unwrap();
    assert!(all.iter().any(|it| words(it) == ["rm", "--force", name]), "{all:#?}");
}

#[test]
fn a_container_is_removed_for_whoever_is_killed_and_asked_about_at_the_next_start() {
    let fixture = Fixture::empty();
    publish(&fixture, &in_image("1.2.0", &image("one")));
    let developer = with_engine(&fixture, "podman");
    developer.ok(&INSTALL);
    // One that does not end with its input.
    let (server, deaf) = (developer.path().join("bin/server"), "bin/deaf");
    let script = format!("#!/bin/sh\n{0}\nexec /bin/sleep 600\n", server.display());
    let deaf = developer.file(deaf, script);
    fs::set_permissions(&deaf, fs::Permissions::from_mode(0o755)).unwrap();
    developer.file("bin/starts", deaf.display().to_string());
    let mut run = developer
        .command(&["run", "weather"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": initialize(&json!({})) });
    writeln!(run.stdin.as_mut().unwrap(), "{line}").unwrap();
    run.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    // Whoever is left to remove it holds this.
    let mut said = String::new();
    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let all = record(&developer);
    assert_eq!(all.len(), 2, "{said}");
    let name = words(&all[0]).into_iter().find_map(|it| it.strip_prefix("--name=")).unwrap();
    assert_eq!(words(&all[1]), ["rm", "--force", name]);
    let notes = developer.path().join(".local/state/mcpkg/containers");
    assert!(notes.join(name).exists(), "there may be one that was not removed");

    developer.file("bin/starts", server.display().to_string());
    assert_eq!(Agent::initialized(&developer, &["weather"], &json!({})).end(), Some(0));
    let filter = format!("name=^{name}$");
    let all = record(&developer);
    assert_eq!(words(&all[2]), ["ps", "--all", "--quiet", "--filter", &filter]);
    assert_eq!((words(&all[3])[0], all.len()), ("run", 4), "it has ended by itself");
    assert_eq!(fs::read_dir(notes).unwrap().count(), 0);
}

#[test]
fn files_are_mounted_as_they_were_granted() {
    let fixture = Fixture::empty();
    let permissions = json!({
        "filesystem": { "read": ["${workspace}"], "write": ["${data}"] },
        "env": { "allow": ["WEATHER_STATION"] },
    });
    publish(&fixture, &asking(in_image("1.2.0", &image("one")), &permissions));
    let mut developer = with_engine(&fixture, "docker");
    developer.set([("WEATHER_STATION".to_owned(), "oslo".to_owned())]);
    developer.file("project/package.json", "{}");
    developer.ok(&INSTALL);
    let mut run = developer.command(&["run", "weather"]);
    let project = developer.path().join("project").canonicalize().unwrap();
    // Nobody says anything to it, and it ends.
    run.current_dir(&project).output().unwrap();
    let all = record(&developer);
    let mounts: Vec<_> =
        words(&all[0]).into_iter().filter(|it| it.starts_with("--mount=")).collect();
    let [read, write] = mounts.as_slice() else { panic!("{mounts:?}") };
    let project = project.display();
    assert_eq!(*read, format!("--mount=type=bind,source={project},target={project},readonly"));
    assert!(write.ends_with("/io.github.acme/weather") && !write.contains("readonly"), "{write}");
    assert_eq!(all[0]["environment"]["WEATHER_STATION"], "oslo");
    assert!(words(&all[0]).windows(2).any(|it| it == ["--env", "WEATHER_STATION"]));
}

#[test]
fn what_no_engine_holds_to_is_refused_and_not_left_out() {
    let rows = [
        (json!({ "network": { "allow": ["api.acme.example:443"] } }), "api.acme.example:443"),
        (json!({ "run": ["git"] }), "git"),
        (json!({ "env": { "allow": ["DOCKER_HOST"] } }), "DOCKER_HOST"),
    ];
    for (permissions, named) in &rows {
        let fixture = Fixture::empty();
        publish(&fixture, &asking(in_image("1.2.0", &image("one")), permissions));
        let developer = with_engine(&fixture, "docker");
        let outcome = developer.refused(&INSTALL, 3, &["E_CONFINEMENT"]);
        assert!(outcome.stderr.contains(named), "{named}\n{outcome}");
        assert!(!developer.lock_path().exists() && !developer.path().join("bin/record").exists());
    }
    // By name, a user takes any network; all else stays.
    let fixture = Fixture::empty();
    publish(&fixture, &asking(in_image("1.2.0", &image("one")), &rows[0].0));
    let developer = with_engine(&fixture, "docker");
    let outcome = developer.ok(&[INSTALL.as_slice(), &["--unconfined"]].concat());
    assert!(outcome.stderr.contains("ANY network"), "{outcome}");
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools().len(), 3);
    agent.end();
    let all = record(&developer);
    let arguments = words(&all[0]);
    assert!(arguments.iter().all(|it| !it.starts_with("--network")), "{arguments:?}");
    assert!(arguments.contains(&"--cap-drop=ALL") && arguments.contains(&"--read-only"));
}

#[test]
fn without_an_engine_it_is_neither_installed_nor_started() {
    let fixture = Fixture::empty();
    publish(&fixture, &in_image("1.2.0", &image("one")));
    let mut stranger = fixture.developer();
    let empty = stranger.path().join("nothing").display().to_string();
    stranger.set([("PATH".to_owned(), empty)]);
    let outcome = stranger.refused(&INSTALL, 3, &["E_ENGINE"]);
    assert!(outcome.stderr.contains("install podman or docker"), "{outcome}");
    assert!(!stranger.lock_path().exists());

    let developer = with_engine(&fixture, "docker");
    developer.ok(&INSTALL);
    fs::remove_file(developer.path().join("bin/docker")).unwrap();
    developer.refused(&["run", "weather"], 3, &["E_ENGINE"]);
    let outcome = developer.run(&["doctor"]);
    assert!(outcome.stdout.contains("E_ENGINE"), "{outcome}");
}

#[test]
fn another_image_is_shown_before_it_takes_the_others_place() {
    let fixture = Fixture::empty();
    publish(&fixture, &in_image("1.2.0", &image("one")));
    let developer = with_engine(&fixture, "docker");
    developer.ok(&INSTALL);
    publish(&fixture, &in_image("1.3.0", &image("two")));
    let outcome = developer.ok(&["update", "--yes"]);
    let (one, two) = (Digest::of(b"one").to_string(), Digest::of(b"two").to_string());
    assert!(outcome.stderr.contains("runs something else"), "{outcome}");
    assert!(outcome.stderr.contains(&one) && outcome.stderr.contains(&two), "{outcome}");
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    agent.tools();
    agent.end();
    assert!(record(&developer)[0]["arguments"].to_string().contains(&two));

    // What the lock says is not what is started, but only if it was signed.
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.file(".config/mcpkg/mcpkg.lock", lock.replace(&two, &one));
    developer.refused(&["run", "weather"], 3, &["E_METADATA"]);
    assert_eq!(record(&developer).len(), 1);
}
