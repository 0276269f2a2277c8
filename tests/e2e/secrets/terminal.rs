//! Secrets that are typed: asked for, not shown, and not lost.

use std::fs::File;
use std::io::{Read as _, Write as _};

use mcpkg_test_support::{World, world};
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use super::{API_KEY, MARKER, keep_in_file, published};
use crate::fixture::NAME;

/// Runs `mcpkg` at a terminal, where each prompt gets its answer. Gives back the exit
/// code, and all that was to be seen.
fn typed(world: &World, args: &[&str], answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let pty = openpty(None, None).unwrap();
    let (terminal, screen) = (File::from(pty.slave), File::from(pty.master));
    let mut command = world.command(args);
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
    let mut child = command.stderr(terminal).spawn().unwrap();
    drop(command);
    let mut seen = String::new();
    let mut bytes = [0; 1024];
    let mut read = |seen: &mut String| match (&screen).read(&mut bytes) {
        Ok(count) if count > 0 => {
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            true
        }
        // Nobody has the terminal open any more.
        _ => false,
    };
    let mut answered = 0;
    for (prompt, answer) in answers {
        while !seen[answered..].contains(prompt) {
            assert!(read(&mut seen), "it ended without asking for {prompt}: {seen}");
        }
        // What is typed before the echo is off would be seen, and thrown away.
        while tcgetattr(&screen).unwrap().local_flags.contains(LocalFlags::ECHO) {
            std::thread::yield_now();
        }
        answered = seen.len();
        (&screen).write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    while read(&mut seen) {}
    (child.wait().unwrap().code(), seen)
}

#[test]
fn a_secret_and_the_passphrase_are_typed_and_not_shown() {
    let world = world!();
    let passphrase = "correct horse";
    let asked = "Passphrase of mcpkg's secrets";
    let new = [("token", MARKER), (asked, passphrase), ("Once more", passphrase)];
    let (code, seen) = typed(&world, &["secret", "set", "token"], &new);
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains(MARKER) && !seen.contains(passphrase), "{seen}");

    let exec = ["secret", "exec", "--env", "T=store:token", "--", "sh", "-c", "echo length=${#T}"];
    let (code, seen) = typed(&world, &exec, &[(asked, passphrase)]);
    assert!(code == Some(0) && seen.contains("length=24"), "{seen}");
    let (code, seen) = typed(&world, &exec, &[(asked, "another")]);
    assert!(code == Some(1) && seen.contains("E_SECRET"), "{seen}");
}

#[test]
fn an_install_at_a_terminal_asks_for_the_secrets() {
    let fixture = published("environment");
    let developer = fixture.developer();
    keep_in_file(&developer, "correct horse");
    developer.ok(&["install", NAME, "--yes"]);
    // Nothing is left to approve, so the secrets are all that it asks for.
    let answers = [("API key", MARKER), ("Another", "")];
    let (code, seen) = typed(&developer, &["install", NAME], &answers);
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains(&format!("`{API_KEY}` in the encrypted file")), "{seen}");
    assert!(seen.contains("mcpkg secret set io.github.acme/weather/other"), "{seen}");
    assert!(!seen.contains(MARKER), "{seen}");
}
