//! What is left of a server after its end: nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::server::{Level, Victim};

/// How a server comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The agent closes its input, and it ends by itself.
    Input,
    /// It ends with this code.
    Code(&'static str),
    /// It is killed by this signal.
    Signal(&'static str),
    /// `mcpkg` is asked to end.
    Asked,
    /// `mcpkg` is killed.
    Killed,
}

/// Starts the server, has it leave a process behind, and brings it to its end. The answer
/// is the exit code.
fn end(victim: &Victim, level: Level, how: End) -> Option<i32> {
    let mut child = victim.command(level).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    writeln!(stdin, "leave").unwrap();
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    if said.is_empty() {
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    }
    assert_eq!(said, "leave = done\n", "{level:?} {how:?}");
    assert_ne!(processes(victim), Vec::<String>::new(), "they are there to begin with");
    assert_eq!(mounts(victim), Vec::<String>::new(), "none of its mounts is seen outside");
    match how {
        End::Input => drop(stdin),
        End::Code(code) => writeln!(stdin, "end {code}").unwrap(),
        End::Signal(signal) => writeln!(stdin, "kill {signal}").unwrap(),
        End::Asked => signal(&child, "-TERM"),
        End::Killed => child.kill().unwrap(),
    }
    // It is closed when the last of them has let go of it.
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.wait().unwrap().code()
}

fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill").args([signal, &pid]).stdin(Stdio::null()).status().unwrap().success()
    );
}

/// The processes of this server that there are: their command lines name its files.
fn processes(victim: &Victim) -> Vec<String> {
    let tree = victim.world.store_path().join("trees").display().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok())
        .filter(|line| line.contains(&tree))
        .collect()
}

fn mounts(victim: &Victim) -> Vec<String> {
    let home = victim.world.path().display().to_string();
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(&home)).map(str::to_owned).collect()
}

#[test]
fn nothing_is_left_of_a_server_whatever_its_end_was() {
    let victim = Victim::of(&json!({}), &[]);
    for level in [Level::Strong, Level::Medium] {
        if !victim.tries(level, &["variables"]).was_at(level) {
            continue;
        }
        for (how, expected) in [
            (End::Input, Some(0)),
            (End::Code("7"), Some(7)),
            (End::Signal("9"), Some(128 + 9)),
            (End::Signal("6"), Some(128 + 6)),
            (End::Asked, Some(128 + 15)),
            (End::Killed, None),
        ] {
            assert_eq!(end(&victim, level, how), expected, "{level:?} {how:?}");
            assert_eq!(processes(&victim), Vec::<String>::new(), "{level:?} {how:?}");
            assert_eq!(mounts(&victim), Vec::<String>::new(), "{level:?} {how:?}");
        }
    }
}
