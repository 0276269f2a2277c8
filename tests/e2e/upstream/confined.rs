//! Row 45 of a server that came from npm: what nobody granted is denied, to the package and
//! to what it needs alike.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use mcpkg_test_support::World;
use serde_json::json;

use super::{FRESH, Upstream};
use crate::escape::server::{Level, Tried, Victim};

/// All that the package itself does.
const SERVER: &str = "#!/usr/bin/env node\nrequire('clouds')\n";

/// What it needs answers each line with what came of doing what a poisoned one would.
const CLOUDS: &str = r"
const { spawnSync } = require('child_process');
const fs = require('fs');
const net = require('net');
const tries = {
  read: (path) => fs.readFileSync(path, 'utf8').trim(),
  write: (path) => { fs.appendFileSync(path, 'x'); return 'done'; },
  overwrite: () => { fs.chmodSync(__filename, 0o644); fs.appendFileSync(__filename, 'x'); return 'done'; },
  start: (program) => spawnSync(program).error?.code ?? 'done',
  variables: () => Object.keys(process.env).sort().join(),
  connect: (to) => new Promise((resolve) => {
    const [host, port] = to.split(':');
    const socket = net.connect(port, host);
    socket.on('data', () => resolve('done'));
    // Whoever denies it hangs up, sooner or later.
    socket.on('error', ({ code }) => resolve(code === 'ECONNRESET' ? 'nothing' : code));
    socket.on('close', () => resolve('nothing'));
  }),
};
(async () => {
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const [what, place] = line.split(' ');
    let said;
    try { said = await tries[what](place); } catch (error) { said = error.code; }
    console.log(`${line} = ${said}`);
  }
})();
";

#[test]
fn a_server_of_npm_gets_what_was_granted_and_no_more() {
    let Some(upstream) = Upstream::new() else { return };
    let clouds = json!({ "name": "clouds", "version": "2.0.0", "main": "index.js" });
    upstream.ecosystem.npm(&clouds, &[("index.js", CLOUDS)]);
    let weather = json!({
        "name": "@acme/weather", "version": "1.2.0", "description": "What the weather is",
        "bin": "cli.js", "dependencies": { "clouds": "^2.0.0" },
    });
    upstream.attest(upstream.ecosystem.npm(&weather, &[("cli.js", SERVER)]));

    // Not in `/tmp`, of which a confined server has one of its own.
    let world = World::new_in(Path::new("/var/tmp"), env!("CARGO_BIN_EXE_mcpkg"));
    world.file(".claude.json", "{}\n");
    world.file(super::CONFIG, "");
    upstream.configure(&world);
    world.file("notes/today", "rain\n");
    world.file(".npmrc", "//registry.npmjs.org/:_authToken=npm_x\n");
    let victim = Victim { world, fixture: upstream.fixture };
    let install = ["install", "npm:@acme/weather", "--yes", "--grant-read", "${home}/notes"];
    let grants = ["--grant-env", "WEATHER_STATION", "--grant-program", "env"];
    victim.world.ok(&[install.as_slice(), &grants, &FRESH].concat());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = format!("connect {}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever connected may be gone already.
            let _ = stream.unwrap().write_all(b"hello");
        }
    });
    let home = victim.world.path().display();
    let metadata = "connect 169.254.169.254:80".to_owned();
    let rows = [
        (format!("read {home}/notes/today"), "rain", "rain"),
        (format!("write {home}/notes/today"), "EROFS", "EACCES"),
        (format!("read {home}/.npmrc"), "ENOENT", "EACCES"),
        (format!("read {home}/.config/mcpkg/mcpkg.lock"), "ENOENT", "EACCES"),
        (format!("write {home}/.claude.json"), "EROFS", "EACCES"),
        ("overwrite".to_owned(), "EROFS", "EACCES"),
        ("read /etc/shadow".to_owned(), "ENOENT", "EACCES"),
        ("start env".to_owned(), "done", "done"),
        ("start /bin/sh".to_owned(), "EACCES", "EACCES"),
        (local, "ECONNREFUSED", "EPERM"),
        ("connect 192.0.2.1:443".to_owned(), "ENETUNREACH", "EPERM"),
        (metadata.clone(), "nothing", "EPERM"),
        (
            "variables".to_owned(),
            "HOME,PATH,PYTHONDONTWRITEBYTECODE,TMPDIR,WEATHER_STATION",
            "HOME,PATH,PYTHONDONTWRITEBYTECODE,TMPDIR,WEATHER_STATION",
        ),
    ];
    let attempts: Vec<&str> = rows.iter().map(|(attempt, ..)| attempt.as_str()).collect();
    for level in [Level::Strong, Level::Medium] {
        let mut command = victim.command(level);
        command.env("WEATHER_STATION", "oslo").env("NPM_TOKEN", "npm_x");
        let tried = Tried::of(command, &attempts);
        if !tried.was_at(level) {
            continue;
        }
        for (attempt, strong, medium) in &rows {
            let expected = if level == Level::Strong { strong } else { medium };
            assert_eq!(tried.came_of(attempt), *expected, "{level:?} {attempt}\n{}", tried.outcome);
        }
        if level == Level::Strong {
            let said = "169.254.169.254:80: it is the metadata service";
            assert!(tried.outcome.stderr.contains(said), "{}", tried.outcome);
        }
    }
    assert_eq!(victim.world.read("notes/today"), "rain\n");
    victim.world.ok(&["verify"]);
}
