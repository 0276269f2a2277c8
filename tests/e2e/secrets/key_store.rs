//! A real Secret Service: the one of GNOME, on a session bus of its own.

use std::process::{Command, Stdio};

use mcpkg_test_support::{Outcome, World, world};

use super::MARKER;

/// What a shell says, on a new session bus with an unlocked key store; `None` where
/// there are no such programs.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn on_a_bus(world: &World, script: &str) -> Option<Outcome> {
    for program in ["dbus-run-session", "gnome-keyring-daemon"] {
        let found = Command::new("which").arg(program).stdout(Stdio::null()).status().unwrap();
        if !found.success() {
            eprintln!("skipped: there is no {program} here (Debian: dbus, gnome-keyring)");
            return None;
        }
    }
    let unlock =
        "printf passphrase | gnome-keyring-daemon --unlock --components=secrets >/dev/null\n";
    // A folder for sockets, which the daemon wants.
    std::fs::create_dir_all(world.path().join("run")).unwrap();
    let mcpkg = world.command(&[]);
    let mut command = Command::new("dbus-run-session");
    command
        .args(["--", "sh", "-euc", &format!("{unlock}{script}"), "sh"])
        .arg(mcpkg.get_program())
        .env_clear()
        .envs(mcpkg.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(world.path());
    Some(command.output().unwrap().into())
}

#[test]
fn a_secret_service_keeps_secrets_and_gives_them_back() {
    let world = world!();
    let script = format!(
        "printf {MARKER} | $1 secret set token --json\n\
         $1 secret which\n\
         $1 secret list\n\
         $1 secret exec --env T=store:token -- sh -c 'echo length=${{#T}}'\n\
         printf {MARKER}-2 | $1 secret set token --quiet\n\
         $1 secret exec --env T=store:token -- sh -c 'echo length=${{#T}}'\n\
         $1 secret remove token\n\
         $1 secret exec --env T=store:token -- true || echo code=$?\n"
    );
    let Some(outcome) = on_a_bus(&world, &script) else { return };
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for expected in [
        "\"store\": \"system\"",
        "because     the system has one",
        "length=24\n",
        "length=26\n",
        "code=1\n",
    ] {
        assert!(outcome.stdout.contains(expected), "{expected}: {outcome}");
    }
    assert_eq!(outcome.codes(), ["E_CONFIG"], "what was removed is gone: {outcome}");
    assert!(!outcome.to_string().contains(MARKER), "{outcome}");
    assert!(!world.store_path().join("secrets/secrets.age").exists(), "nothing is kept twice");
}

#[test]
fn a_bus_is_found_without_the_variable_and_what_it_kept_is_missed_without_it() {
    let world = world!();
    // The bus is at `$XDG_RUNTIME_DIR/bus`, as on a desktop, and its address is not
    // handed on, as Codex does it.
    let script = format!(
        "path=${{DBUS_SESSION_BUS_ADDRESS#unix:path=}}; ln -s \"${{path%%,*}}\" run/bus\n\
         unset DBUS_SESSION_BUS_ADDRESS\n\
         printf {MARKER} | $1 secret set token\n\
         $1 secret exec --env T=store:token -- sh -c 'echo length=${{#T}}'\n"
    );
    let Some(outcome) = on_a_bus(&world, &script) else { return };
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stdout.contains("length=24\n"), "{outcome}");
    // The bus is gone: it is known where the secret is, and nothing else is taken for it.
    let exec = ["secret", "exec", "--env", "T=store:token", "--", "true"];
    world.refused(&exec, 1, &["E_SECRET"]);
}
