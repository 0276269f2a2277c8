//! Signing on at a registry that does not let everybody in.

mod connection;
mod issuers;
mod people;
mod tokens;

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStderr, Stdio};

use mcpkg_test_support::{Gate, Http, Outcome, Rules, TestIdentityProvider, World, world};

use crate::fixture::Fixture;

/// A registry with one package, behind a door, and its company's sign-on.
struct Company {
    fixture: Fixture,
    issuer: TestIdentityProvider,
    gate: Gate,
}

impl Company {
    fn new(rules: Rules) -> Self {
        let fixture = Fixture::with_weather();
        let issuer = TestIdentityProvider::start_with(rules);
        let gate = Gate::start(fixture.registry.url(), &issuer);
        Self { fixture, issuer, gate }
    }

    /// Somebody who uses the registry, and has not logged in.
    fn stranger(&self) -> World {
        let world = self.fixture.developer_at(self.gate.url());
        keep_in_file(&world);
        world
    }

    /// Somebody who has, with a code.
    fn developer(&self) -> World {
        let world = self.stranger();
        let outcome = self.log_in(&world, &["--issuer", self.issuer.url()]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        world
    }

    /// Logs in with a code, which somebody types.
    fn log_in(&self, world: &World, flags: &[&str]) -> Outcome {
        let mut login = Login::begin(world, &[&["login", "test", "--device"], flags].concat());
        let code = login.shown("and type");
        self.issuer.approve(&code);
        login.finish()
    }
}

/// Has a world keep secrets in the encrypted file.
pub(crate) fn keep_in_file(world: &World) {
    let path = world.file("passphrase", "correct horse");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = world.read(".config/mcpkg/config.toml");
    let secrets = format!("\n[secrets]\npassphrase = \"file:{}\"\n", path.display());
    world.file(".config/mcpkg/config.toml", config + &secrets);
}

/// A log-in that waits for somebody.
pub(crate) struct Login {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Login {
    pub(crate) fn begin(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, said: String::new() }
    }

    /// What it shows beside `label`.
    pub(crate) fn shown(&mut self, label: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it never said `{label}`:\n{}", self.said);
            self.said.push_str(&line);
            if let Some(shown) = line.trim().strip_prefix(label) {
                return shown.trim().to_owned();
            }
        }
    }

    pub(crate) fn finish(mut self) -> Outcome {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let mut outcome = Outcome::from(output);
        outcome.stderr = self.said;
        outcome
    }
}

/// A browser, in which somebody is logged in at the issuer: follows where it is sent.
pub(crate) fn browse(address: &str) -> u16 {
    let browser = Http::new("");
    let mut reply = browser.get(address);
    while reply.status == 302 {
        reply = browser.get(reply.header("location"));
    }
    reply.status
}

/// Somebody who uses the registry at `url`, which has this package's log.
fn user_of(fixture: &Fixture, url: &str, flags: &[&str]) -> World {
    let world = world!();
    fixture.add_registry(&world, url, flags);
    keep_in_file(&world);
    world
}
