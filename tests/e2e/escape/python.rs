//! A server in Python, confined: what an ordinary one does has to work.

use std::process::Command;

use serde_json::json;

use super::server::{Level, Tried, Victim, skipped};
use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// Answers each line with what came of doing something that servers do.
const SERVER: &str = r#"
import asyncio, ctypes, hashlib, json, os, socket, sqlite3, ssl, subprocess, sys, tempfile, threading

def loop():
    async def work():
        await asyncio.sleep(0)
        return await asyncio.get_running_loop().run_in_executor(None, lambda: "done")
    return asyncio.run(work())

def thread():
    done = []
    worker = threading.Thread(target=lambda: done.append("done"))
    worker.start(); worker.join()
    return done[0]

def database():
    with sqlite3.connect(":memory:") as db:
        return db.execute("select 'done'").fetchone()[0]

def temporary():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"done"); file.flush()
        return open(file.name).read()

def home():
    with open(os.path.expanduser("~/kept"), "w") as file:
        file.write("done")
    return "done"

def tls():
    ssl.create_default_context()
    return "done"

def secret():
    return open("/etc/shadow").read()

def shell():
    return subprocess.run(["/bin/sh", "-c", "echo done"], capture_output=True).stdout.decode()

def network():
    socket.create_connection(("192.0.2.1", 443), timeout=5)
    return "done"

for line in sys.stdin:
    name = line.strip()
    try:
        said = globals()[name]()
    except Exception as error:
        said = type(error).__name__
    print(f"{name} = {said}", flush=True)
"#;

#[test]
fn a_python_server_does_what_servers_do_and_no_more() {
    if !Command::new("python3").arg("--version").output().is_ok_and(|it| it.status.success()) {
        return skipped("there is no python3");
    }
    let mut program = Program::new(NAME, "").file("server/main.py", SERVER);
    program.manifest["server"] = json!({
        "type": "python",
        "entry_point": "server/main.py",
        "mcp_config": { "command": "python3", "args": ["${__dirname}/server/main.py"] },
    });
    let victim = Victim::using(Fixture::empty());
    program.publish(&victim.fixture);
    victim.world.ok(&["install", NAME, "--yes"]);
    let works = ["loop", "thread", "database", "temporary", "home", "tls"];
    let denied = ["secret", "shell", "network"];
    for level in [Level::Strong, Level::Medium] {
        let tried = Tried::of(victim.command(level), &[&works[..], &denied].concat());
        if !tried.was_at(level) {
            continue;
        }
        let came = works.map(|name| tried.came_of(name));
        assert_eq!(came, ["done"; 6], "{level:?}\n{}", tried.outcome);
        let errors = match level {
            Level::Strong => ["FileNotFoundError", "PermissionError", "OSError"],
            _ => ["PermissionError", "PermissionError", "PermissionError"],
        };
        assert_eq!(denied.map(|name| tried.came_of(name)), errors, "{level:?}\n{}", tried.outcome);
    }
}
