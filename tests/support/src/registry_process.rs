//! The real registry, as a child of this program.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::{fs, io};

use serde_json::Value;

/// A running `mcpkg-registry`, killed when dropped.
#[derive(Debug)]
pub struct RegistryProcess {
    child: OwnChild,
    address: SocketAddr,
    url: String,
    log: KeptLog,
}

/// An `mcpkg-registry` that may not listen yet, killed when dropped.
#[derive(Debug)]
pub struct StartingRegistry {
    child: OwnChild,
    address: mpsc::Receiver<SocketAddr>,
    log: KeptLog,
}

/// What a registry says, in a file, and who writes it there.
#[derive(Debug)]
struct KeptLog {
    path: PathBuf,
    keeper: Option<JoinHandle<()>>,
}

impl RegistryProcess {
    /// Starts `program` with its data below `folder`, which may hold those of an
    /// earlier one. It trusts `trusted_root` for Acme's names, and nobody for others.
    pub fn start(program: &Path, folder: &Path, trusted_root: &str) -> io::Result<Self> {
        Self::launch(program, folder, trusted_root)?.listening()
    }

    /// The same, without waiting until it listens.
    pub fn launch(
        program: &Path,
        folder: &Path,
        trusted_root: &str,
    ) -> io::Result<StartingRegistry> {
        Self::configure(folder, trusted_root, "")?;
        Self::launch_configured(program, folder)
    }

    /// Writes the configuration of one, with `more` at its end.
    pub fn configure(folder: &Path, trusted_root: &str, more: &str) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("trusted_root.json"), trusted_root)?;
        let config = r#"
            listen = "127.0.0.1:0"
            data = "data"
            trust_public_good = false

            [[trust_root]]
            file = "trusted_root.json"
            namespaces = ["io.github.acme/*"]

            [authority]
            dns = false
            well_known = false
        "#;
        fs::write(folder.join("registry.toml"), format!("{config}\n{more}\n"))
    }

    /// Starts the one whose configuration is in `folder`.
    pub fn launch_configured(program: &Path, folder: &Path) -> io::Result<StartingRegistry> {
        let path = folder.join("registry.log");
        let log = fs::File::create(&path)?;
        let mut child = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.join("registry.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let events = child.stderr.take();
        let (tell, address) = mpsc::channel();
        let keeper = events.map(|it| std::thread::spawn(move || keep(it, log, &tell)));
        Ok(StartingRegistry { child: OwnChild(child), address, log: KeptLog { path, keeper } })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Asks it to end, waits until it has, and gives all that it said.
    pub fn stop(mut self) -> io::Result<String> {
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        self.child.0.wait()?;
        self.log.end()
    }
}

impl KeptLog {
    /// All of it, of a registry that has ended.
    fn end(&mut self) -> io::Result<String> {
        if let Some(Err(_)) = self.keeper.take().map(JoinHandle::join) {
            return Err(io::Error::other("the log was not kept"));
        }
        fs::read_to_string(&self.path)
    }
}

impl StartingRegistry {
    /// Waits until it listens, or has ended.
    pub fn listening(mut self) -> io::Result<RegistryProcess> {
        let Ok(address) = self.address.recv() else {
            let log = self.log.end().unwrap_or_default();
            return Err(io::Error::other(format!("the registry does not start:\n{log}")));
        };
        let Self { child, log, .. } = self;
        Ok(RegistryProcess { child, address, url: format!("http://{address}"), log })
    }
}

/// Writes what a registry says into its log, and tells where it listens. Both end with it.
fn keep(events: impl Read, mut log: fs::File, tell: &mpsc::Sender<SocketAddr>) {
    for line in BufReader::new(events).lines().map_while(Result::ok) {
        // Without a log there is nothing to look at, and still something to test.
        let _ = writeln!(log, "{line}");
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        let field = |name: &str| event.get(name).or_else(|| event.get("fields")?.get(name));
        let is_it = field("message").is_some_and(|message| message == "listening");
        let address = field("address").and_then(Value::as_str).filter(|_| is_it);
        if let Some(address) = address.and_then(|address| address.parse().ok()) {
            // Whoever does not wait need not know.
            let _ = tell.send(address);
        }
    }
}

/// A child that does not outlive us.
#[derive(Debug)]
struct OwnChild(Child);

impl Drop for OwnChild {
    /// Kills it, and waits until it is gone.
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
