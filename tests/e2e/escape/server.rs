//! The hostile server, installed as anybody's, and started in several ways.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use mcpkg_test_support::{Binaries, Outcome, World};
use serde_json::Value;

use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// How a server is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Strong,
    /// Where nobody may make a user namespace, as on several distributions.
    Medium,
    /// Installed with `--unconfined`.
    None,
}

/// A person who installed the hostile server.
pub(crate) struct Victim {
    pub(crate) world: World,
    pub(crate) fixture: Fixture,
}

/// The program, built once.
fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = Binaries::build(&["hostile-server"]).unwrap().program("hostile-server");
        fs::read(path).unwrap()
    })
}

/// A package of the hostile server that asks for this.
pub(crate) fn hostile(permissions: &Value) -> Program {
    Program::new(NAME, program()).permissions(permissions)
}

impl Victim {
    /// A person who granted the server what it asked for.
    pub(crate) fn of(permissions: &Value, flags: &[&str]) -> Self {
        let fixture = Fixture::empty();
        hostile(permissions).publish(&fixture);
        let victim = Self::using(fixture);
        victim.world.ok(&[["install", NAME, "--yes"].as_slice(), flags].concat());
        victim
    }

    /// A person who uses a registry, and has installed nothing.
    pub(crate) fn using(fixture: Fixture) -> Self {
        // Not in `/tmp`, of which a confined server has one of its own.
        let world = World::new_in(Path::new("/var/tmp"), env!("CARGO_BIN_EXE_mcpkg"));
        fixture.add_registry(&world, fixture.registry.url(), &["--private"]);
        world.file(".claude.json", "{}\n");
        Self { world, fixture }
    }

    /// Has the server be started without confinement from now on.
    pub(crate) fn unconfine(&self) {
        self.world.ok(&["install", NAME, "--yes", "--unconfined"]);
    }

    /// `mcpkg run`, where this level is the best there is.
    pub(crate) fn command(&self, level: Level) -> Command {
        self.command_for("weather", level)
    }

    fn command_for(&self, name: &str, level: Level) -> Command {
        let mut command = self.world.command(&["run", name]);
        if level == Level::Medium {
            let mcpkg = command.get_program().to_owned();
            let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" run \"$1\"";
            let mut outer = Command::new("unshare");
            outer.args(["--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid]);
            outer.arg(mcpkg).arg(name).env_clear().current_dir(self.world.path());
            outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = outer;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the server, has it try all of this, and lets it end.
    pub(crate) fn tries<T: AsRef<str>>(&self, level: Level, attempts: &[T]) -> Tried {
        Tried::of(self.command(level), attempts)
    }

    /// The same, of a server that has another name.
    pub(crate) fn tries_as<T: AsRef<str>>(
        &self,
        name: &str,
        level: Level,
        attempts: &[T],
    ) -> Tried {
        Tried::of(self.command_for(name, level), attempts)
    }
}

/// What came of attempts.
pub(crate) struct Tried {
    pub(crate) outcome: Outcome,
}

impl Tried {
    /// Starts `command`, which starts the server, and has it try all of this.
    pub(crate) fn of<T: AsRef<str>>(mut command: Command, attempts: &[T]) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for attempt in attempts {
            // It may have been refused, which the outcome says.
            let _ = writeln!(stdin, "{}", attempt.as_ref());
        }
        drop(stdin);
        let output: Output = child.wait_with_output().unwrap();
        Self { outcome: output.into() }
    }

    /// What came of one of them.
    #[track_caller]
    pub(crate) fn came_of(&self, attempt: &str) -> &str {
        let prefix = format!("{attempt} = ");
        let said = self.outcome.stdout.lines().find_map(|line| line.strip_prefix(&prefix));
        said.unwrap_or_else(|| panic!("{attempt} was not tried\n{}", self.outcome))
    }

    /// Whether it was started at the level that it was meant to be.
    pub(crate) fn was_at(&self, level: Level) -> bool {
        let says = |text: &str| self.outcome.stderr.contains(text);
        let is = match level {
            Level::Strong => !says("at level medium") && !says("E_CONFINEMENT"),
            Level::Medium => says("at level medium"),
            Level::None => says("not confined"),
        };
        if !is {
            skipped(&format!("this machine has no level {level:?}\n{}", self.outcome));
        }
        is
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
