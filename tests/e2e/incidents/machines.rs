//! What was done to the machine that a package was installed on, or stored.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use mcpkg_test_support::{Draft, World};
use serde_json::{Value, json};

use super::data;
use crate::escape::server::{Level, Tried, Victim, hostile};
use crate::fixture::{Fixture, NAME, acme};
use crate::program::Program;
use crate::tamper::{forge, rename};

/// Puts programs in front of those that installers start. Each leaves a trace.
fn traps(world: &mut World) {
    for name in ["npm", "npx", "node", "sh", "bash", "python3", "uv", "git", "curl"] {
        let script = "#!/bin/sh\n/usr/bin/touch \"$HOME/started\"\n";
        let trap = world.file(&format!("traps/{name}"), script);
        fs::set_permissions(trap, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let folder = world.path().join("traps");
    // They work.
    let status = Command::new(folder.join("npm")).env("HOME", world.path()).status();
    assert!(status.unwrap().success());
    fs::remove_file(world.path().join("started")).unwrap();
    world.set([("PATH".to_owned(), format!("{}:/usr/bin:/bin", folder.display()))]);
}

/// Shai-Hulud and s1ngularity (2025, 2026): install scripts looked for tokens in files
/// and variables, and published themselves with what they found.
///
/// What stops it: nothing of a package is started by installing it. A server gets an
/// environment made from nothing, sees no file with credentials, and no metadata service.
#[test]
fn shai_hulud_an_install_runs_nothing_and_a_server_finds_no_token() {
    let mut victim = Victim::using(Fixture::empty());
    let scripts = json!({ "scripts": { "preinstall": "touch $HOME/stolen", "postinstall": "x" } });
    hostile(&json!({}))
        .file("package.json", &scripts.to_string())
        .file("binding.gyp", "{}")
        .publish(&victim.fixture);
    traps(&mut victim.world);
    victim.world.ok(&["install", NAME, "--yes"]);
    victim.world.ok(&["verify"]);
    for trace in ["started", "stolen"] {
        assert!(!victim.world.path().join(trace).exists(), "{trace}");
    }

    for (path, text) in [
        (".npmrc", "//registry.npmjs.org/:_authToken=npm_x\n"),
        (".aws/credentials", "[default]\n"),
        (".config/gh/hosts.yml", "oauth_token: gho_x\n"),
        (".ssh/id_ed25519", "key\n"),
    ] {
        victim.world.file(path, text);
    }
    let home = victim.world.path().display();
    let files = [".npmrc", ".aws/credentials", ".config/gh/hosts.yml", ".ssh/id_ed25519"];
    let reads = files.map(|file| format!("read {home}/{file}"));
    for (level, unseen, metadata) in
        [(Level::Strong, "ENOENT", "nothing"), (Level::Medium, "EACCES", "EPERM")]
    {
        let mut run = victim.command(level);
        run.env("GITHUB_TOKEN", "ghp_x").env("NPM_TOKEN", "npm_x");
        let attempts = [reads.as_slice(), &["variables".to_owned(), METADATA.to_owned()]].concat();
        let tried = Tried::of(run, &attempts);
        if !tried.was_at(level) {
            continue;
        }
        for read in &reads {
            assert_eq!(tried.came_of(read), unseen, "{read} {}", tried.outcome);
        }
        assert_eq!(tried.came_of("variables"), "HOME,PATH,PYTHONDONTWRITEBYTECODE,TMPDIR");
        assert_eq!(tried.came_of(METADATA), metadata, "{}", tried.outcome);
    }
}

/// Asks the metadata service of a cloud, which hands out credentials.
const METADATA: &str = "fetch 169.254.169.254:80";

/// Smithery (2025-06): a `..` in the path of a build read the host's own files, with the
/// key to three thousand hosted servers among them.
///
/// What stops it: no path of an archive or a manifest leaves its folder, on the registry
/// and on the user's machine alike. And no host of ours holds anybody's key: secrets are
/// in the key store of whoever runs the server (`secrets/marker.rs`).
#[test]
fn smithery_no_path_leaves_its_folder_at_the_host_or_at_home() {
    let fixture = Fixture::with_weather();
    let climbing = |to: &'static str| {
        let mut draft = Draft::new(NAME, "1.2.0");
        draft.artifacts[0].manifest["server"]["entry_point"] = json!(to);
        draft.sign(&fixture.sigstore, &acme())
    };
    let archive = forge(&fixture, |zip| rename(zip, "server/index.js", "../../../../etc/passwd"));
    let build = {
        let mut draft = Draft::new(NAME, "1.2.0");
        let args = json!(["${__dirname}/../../../../etc/passwd"]);
        draft.artifacts[0].manifest["server"]["mcp_config"]["args"] = args;
        draft.sign(&fixture.sigstore, &acme())
    };
    let host = Fixture::empty();
    for (code, what, submission) in [
        ("E_PATH", "a path in the archive", archive),
        ("E_MANIFEST", "an entry point", climbing("../../../root/.docker/config.json")),
        ("E_MANIFEST", "an argument", build),
    ] {
        // A careless host passes it on, and the client does not take it.
        let careless = fixture.careless(submission);
        let developer = fixture.developer_at(careless.url());
        let outcome = developer.run(&["install", NAME, "--yes"]);
        assert_eq!((outcome.code, outcome.codes()), (Some(3), vec![code]), "{what}\n{outcome}");
    }
    // Ours does not take it either, and nothing is left of it.
    let before = blobs(&host);
    let mut draft = Draft::new(NAME, "1.2.0");
    draft.artifacts[0].manifest["server"]["entry_point"] = json!("../../../root/.docker");
    let reply = host.registry.publish(&draft.sign(&host.sigstore, &acme()));
    assert_eq!(reply.json::<Value>()["code"], "E_MANIFEST", "{reply}");
    assert_eq!(blobs(&host), before);
}

/// How many files the registry keeps.
fn blobs(fixture: &Fixture) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|it| if it.path().is_dir() { count(&it.path()) } else { 1 }).sum()
    }
    count(&fixture.registry.data_dir().join("blobs"))
}

/// mcp-remote, CVE-2025-6514: the address of a server, which the server itself says, was
/// handed to a shell.
///
/// What stops it: nothing that comes from a user or a server ever passes a shell; a
/// server reaches the hosts that it was granted; and an audit names a release that
/// carries what somebody has warned of.
#[test]
fn mcp_remote_an_address_is_a_word_and_never_a_command() {
    let fixture = Fixture::empty();
    Program::new(NAME, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        .args(&["${user_config.address}"])
        .user_config(json!({ "address": { "type": "string", "title": "Address" } }))
        .file("server/node_modules/mcp-remote/package.json", r#"{"version":"0.1.15"}"#)
        .publish(&fixture);
    let developer = fixture.developer();
    let address = "https://mcp.example/$(touch pwned)`touch pwned`;touch pwned|&\"'\\ %PATH%";
    developer.ok(&["install", NAME, "--yes", "--set", &format!("address={address}")]);
    let outcome = developer.command(&["run", "weather"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), format!("{address}\n"), "{outcome:?}");
    assert_eq!(developer.files().into_iter().find(|file| file.ends_with("pwned")), None);

    let advisory = json!({
        "id": "CVE-2025-6514",
        "summary": "OS command injection via a crafted authorization endpoint",
        "affected": [{
            "package": { "ecosystem": "npm", "name": "mcp-remote" },
            "ranges": [{ "type": "SEMVER", "events": [
                { "introduced": "0.0.5" }, { "fixed": "0.1.16" }
            ] }],
        }],
    });
    developer.file("osv/CVE-2025-6514.json", advisory.to_string());
    let outcome = developer.run(&["audit", "--offline", "--json", "--advisories", "osv"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    let finding = &data(&outcome)["findings"][0];
    assert_eq!(finding["kind"], "advisory");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("CVE-2025-6514: npm:mcp-remote 0.1.15"), "{message}");

    // And a host that was not granted is not reached, whoever names it.
    let victim = Victim::of(&json!({}), &[]);
    let tried = victim.tries(Level::Strong, &["resolve attacker.example"]);
    if tried.was_at(Level::Strong) {
        assert_eq!(tried.came_of("resolve attacker.example"), "nothing", "{}", tried.outcome);
    }
}
