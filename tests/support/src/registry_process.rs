//! The real registry, as a child of this program.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

/// How long a registry may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look whether it has started.
const PAUSE: Duration = Duration::from_millis(2);

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
        fs::create_dir_all(folder)?;
        fs::write(folder.join("trusted_root.json"), trusted_root)?;
        let config = r#"
            listen = "127.0.0.1:0"
            data = "data"
            trust_public_good = false

            [[trust_root]]
            file = "trusted_root.json"
            namespaces = ["io.github.acme/*"]
        "#;
        fs::write(folder.join("registry.toml"), config)?;
        let address = folder.join("address");
        match fs::remove_file(&address) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.join("registry.toml"))
            .arg("--address-file")
            .arg(&address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("registry.log"))?)
            .spawn()?;
        Ok(StartingRegistry { child: OwnChild(child), folder: folder.to_owned() })
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
    /// Waits until it listens.
    pub fn listening(mut self) -> io::Result<RegistryProcess> {
        let started = Instant::now();
        // The file appears, whole, once the registry listens.
        let address = loop {
            if let Ok(address) = fs::read_to_string(self.folder.join("address")) {
                break address;
            }
            if self.child.0.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("registry.log")).unwrap_or_default();
                return Err(io::Error::other(format!("the registry does not start:\n{log}")));
            }
            std::thread::sleep(PAUSE);
        };
        Ok(RegistryProcess { child: self.child, url: format!("http://{}", address.trim()) })
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
