//! The real registry, as a child of this program.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

/// A running `mcpkg-registry`, stopped when dropped.
#[derive(Debug)]
pub struct RegistryProcess {
    child: Child,
    url: String,
}

impl RegistryProcess {
    /// Starts `program` with its data below `folder`. It trusts `trusted_root`
    /// for Acme's names, and nobody for others.
    pub fn start(program: &Path, folder: &Path, trusted_root: &str) -> io::Result<Self> {
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
        let mut child = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.join("registry.toml"))
            .arg("--address-file")
            .arg(&address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("registry.log"))?)
            .spawn()?;
        // The file appears, whole, once the registry listens.
        let started = Instant::now();
        let address = loop {
            if let Ok(address) = fs::read_to_string(&address) {
                break address;
            }
            if child.try_wait()?.is_some() || started.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(folder.join("registry.log")).unwrap_or_default();
                return Err(io::Error::other(format!("the registry does not start:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Ok(Self { child, url: format!("http://{}", address.trim()) })
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for RegistryProcess {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
