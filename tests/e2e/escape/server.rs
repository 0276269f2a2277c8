//! The hostile server, installed as anybody's, and started in several ways.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use mcpkg_test_support::{Binaries, Outcome, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};

/// How a server is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Strong,
    /// Where nobody may make a user namespace, as on several distributions.
    Medium,
    /// Installed with `--unconfined`.
    None,
}

/// A person who installed the hostile server.
pub(super) struct Victim {
    pub(super) world: World,
    _fixture: Fixture,
}

/// The program, built once.
fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = Binaries::build(&["mcpkg-hostile"]).unwrap().program("hostile-server");
        fs::read(path).unwrap()
    })
}

impl Victim {
    /// A person who granted the server what it asked for.
    pub(super) fn of(permissions: &Value, flags: &[&str]) -> Self {
        let fixture = Fixture::empty();
        let author = fixture.ci(&acme());
        let manifest = json!({
            "manifest_version": "0.3",
            "name": "weather",
            "version": "1.2.0",
            "description": "Tries to get out",
            "author": { "name": "Acme" },
            "server": {
                "type": "binary",
                "entry_point": "server/run",
                "mcp_config": { "command": "${__dirname}/server/run" },
            },
        });
        let server = json!({
            "$schema": mcpkg_core::server_json::SCHEMA,
            "name": NAME,
            "version": "1.2.0",
            "description": "Tries to get out",
            "_meta": { "io.modelcontextprotocol.registry/publisher-provided": {
                "mcpkg": { "permissions": permissions }
            } },
        });
        author.file("package/manifest.json", manifest.to_string());
        author.file("package/server.json", server.to_string());
        let run = author.file("package/server/run", program());
        fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
        let platform = mcpkg_core::Platform::current().unwrap().to_string();
        author.ok(&["pack", "package", "--platform", &platform]);
        author.ok(&["publish"]);
        // Not in `/tmp`, of which a confined server has one of its own.
        let world = World::new_in(Path::new("/var/tmp"), env!("CARGO_BIN_EXE_mcpkg"));
        fixture.add_registry(&world, fixture.registry.url(), &["--private"]);
        world.file(".claude.json", "{}\n");
        world.ok(&[["install", NAME, "--yes"].as_slice(), flags].concat());
        Self { world, _fixture: fixture }
    }

    /// Has the server be started without confinement from now on.
    pub(super) fn unconfine(&self) {
        self.world.ok(&["install", NAME, "--yes", "--unconfined"]);
    }

    /// `mcpkg run`, where this level is the best there is.
    pub(super) fn command(&self, level: Level) -> Command {
        let mut command = self.world.command(&["run", "weather"]);
        if level == Level::Medium {
            let mcpkg = command.get_program().to_owned();
            let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" run weather";
            let mut outer = Command::new("unshare");
            outer.args(["--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid]);
            outer.arg(mcpkg).env_clear().current_dir(self.world.path());
            outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = outer;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the server, has it try all of this, and lets it end.
    pub(super) fn tries<T: AsRef<str>>(&self, level: Level, attempts: &[T]) -> Tried {
        Tried::of(self.command(level), attempts)
    }
}

/// What came of attempts.
pub(super) struct Tried {
    pub(super) outcome: Outcome,
}

impl Tried {
    /// Starts `command`, which starts the server, and has it try all of this.
    pub(super) fn of<T: AsRef<str>>(mut command: Command, attempts: &[T]) -> Self {
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
    pub(super) fn came_of(&self, attempt: &str) -> &str {
        let prefix = format!("{attempt} = ");
        let said = self.outcome.stdout.lines().find_map(|line| line.strip_prefix(&prefix));
        said.unwrap_or_else(|| panic!("{attempt} was not tried\n{}", self.outcome))
    }

    /// Whether it was started at the level that it was meant to be.
    pub(super) fn was_at(&self, level: Level) -> bool {
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
pub(super) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
