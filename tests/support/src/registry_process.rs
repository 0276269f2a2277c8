//! The real registry, as a child of this program.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::{fs, io};

use serde_json::Value;

/// A running `mcpkg-registry`, killed when dropped.
#[derive(Debug)]
pub struct RegistryProcess {
    child: OwnChild,
    url: String,
}

/// An `mcpkg-registry` that may not listen yet, killed when dropped.
#[derive(Debug)]
pub struct StartingRegistry {
    child: OwnChild,
    folder: PathBuf,
    address: mpsc::Receiver<String>,
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
        let log = fs::File::create(folder.join("registry.log"))?;
        let mut child = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.join("registry.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let events = child.stderr.take();
        let (tell, address) = mpsc::channel();
        if let Some(events) = events {
            std::thread::spawn(move || keep(events, log, &tell));
        }
        Ok(StartingRegistry { child: OwnChild(child), folder: folder.to_owned(), address })
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }
}

impl StartingRegistry {
    /// Waits until it listens, or has ended.
    pub fn listening(self) -> io::Result<RegistryProcess> {
        let Ok(address) = self.address.recv() else {
            let log = fs::read_to_string(self.folder.join("registry.log")).unwrap_or_default();
            return Err(io::Error::other(format!("the registry does not start:\n{log}")));
        };
        Ok(RegistryProcess { child: self.child, url: format!("http://{address}") })
    }
}

/// Writes what a registry says into its log, and tells where it listens. Both end with it.
fn keep(events: impl Read, mut log: fs::File, tell: &mpsc::Sender<String>) {
    for line in BufReader::new(events).lines().map_while(Result::ok) {
        // Without a log there is nothing to look at, and still something to test.
        let _ = writeln!(log, "{line}");
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        let field = |name: &str| event.get(name).or_else(|| event.get("fields")?.get(name));
        let is_it = field("message").is_some_and(|message| message == "listening");
        if let Some(address) = field("address").and_then(Value::as_str).filter(|_| is_it) {
            // Whoever does not wait need not know.
            let _ = tell.send(address.to_owned());
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
