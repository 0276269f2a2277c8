//! The registry as a program: for what can only be seen from outside of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use mcpkg_core::log::SigningKey;
use mcpkg_test_support::Http;
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcpkg-registry");

/// How long to wait for a line of the log before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration and, once a registry ran there, its data.
pub(crate) struct Place {
    folder: TempDir,
}

/// A registry that runs as a program, until it is dropped.
pub(crate) struct Process {
    child: Child,
    log: mpsc::Receiver<Value>,
    /// A client of it.
    pub(crate) http: Http,
}

/// What `mcpkg-registry fsck` says.
#[derive(Debug)]
pub(crate) struct Fsck {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// The report.
    pub(crate) report: Value,
}

impl Place {
    /// A place for a registry that trusts `sigstore`.
    pub(crate) fn new(sigstore: &TestSigstore) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let write = |name, text: &str| {
            fs::write(folder.path().join(name), text).expect("a file can be made");
        };
        write("trusted_root.json", &sigstore.trusted_root_json());
        write(
            "registry.toml",
            "listen = '127.0.0.1:0'\ndata = 'data'\ntrust_public_good = false\n\
             [[trust_root]]\nfile = 'trusted_root.json'\nnamespaces = ['io.github.acme/*']\n\
             [authority]\ndns = false\nwell_known = false\n",
        );
        Self { folder }
    }

    /// The folder that the data folder is in, and what is kept beside it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The key that signs the log, which the first start made.
    pub(crate) fn log_key(&self) -> SigningKey {
        let text = fs::read_to_string(self.folder.path().join("data.log-key")).unwrap();
        text.trim_end().parse().unwrap()
    }

    /// Adds to the configuration.
    pub(crate) fn configure(&self, toml: &str) {
        let path = self.folder.path().join("registry.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}\n{toml}\n")).unwrap();
    }

    /// Runs the program, which has to end by itself.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command_of(PROGRAM, &args[..1]);
        command.args(&args[1..]).output().expect("the program runs")
    }

    /// Runs the program, which has to refuse: gives what it says.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        stderr
    }

    /// Runs the program, which has to succeed, and reads the JSON it prints.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The program, with an empty environment.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        self.command_of(PROGRAM, &[subcommand])
    }

    /// Another program that runs it: `args` come before its own.
    pub(crate) fn command_of(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .args(["--config", "registry.toml"])
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Starts the registry.
    pub(crate) fn serve(&self) -> Process {
        Process::start(&mut self.command("serve"))
    }

    /// Starts a registry that aborts at this place.
    pub(crate) fn serve_until(&self, failpoint: &str) -> Process {
        Process::start(self.command("serve").env("MCPKG_REGISTRY_FAILPOINT", failpoint))
    }

    /// Checks what is stored.
    pub(crate) fn fsck(&self) -> Fsck {
        let output = self.command("fsck").arg("--json").output().expect("the program runs");
        let report = serde_json::from_slice(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        Fsck { code: output.status.code(), report: report.unwrap_or_else(|_| panic!("{error}")) }
    }
}

impl Process {
    /// Starts `command`. It answers when this returns.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
        let stderr = child.stderr.take().expect("it was asked for");
        let (tell, log) = mpsc::channel();
        // On a thread, so that the program is never held up by a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                // Reading goes on when nobody listens any more.
                drop(tell.send(event));
            }
        });
        let address = wait_for(&log, "listening")["address"].as_str().expect("text").to_owned();
        Self { child, log, http: Http::new(format!("http://{address}")) }
    }

    /// Waits for an event of the log, and returns its fields.
    pub(crate) fn wait_for_log(&self, message: &str) -> Value {
        wait_for(&self.log, message)
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// Asks it to look at its files again.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.expect("there is a kill").success());
    }

    /// Waits for it to end, which it does by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it was started")
    }

    /// Asks it to stop, and waits until it did.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// How much of its memory is in use, in bytes, at most so far.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let path = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let status = fs::read_to_string(path).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }
}

/// The fields of the next event that says `message`.
fn wait_for(log: &mpsc::Receiver<Value>, message: &str) -> Value {
    let mut seen = Vec::new();
    loop {
        let event = log.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            panic!("the log never said `{message}` ({error}), but:\n{}", seen.join("\n"))
        });
        if event["fields"]["message"] == message {
            return event["fields"].clone();
        }
        seen.push(event.to_string());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
