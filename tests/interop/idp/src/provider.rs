//! The identity provider: a program of Node's.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mcpkg_test_support::TestCa;

use crate::Result;

/// What it is called.
pub(crate) const ISSUER: &str = "https://sso.acme.example";

/// A running provider, killed when dropped.
pub(crate) struct Provider {
    child: Child,
    log: std::path::PathBuf,
    pub(crate) address: SocketAddr,
}

impl Provider {
    /// Starts one that gives out tokens for `resource`. What it says is in `folder`.
    pub(crate) fn start(folder: &Path, ca: &TestCa, resource: &str) -> Result<Self> {
        let pair = ca.server(&["sso.acme.example"]);
        let (certificate, key) = (folder.join("sso.pem"), folder.join("sso-key.pem"));
        fs::write(&certificate, pair.certificate)?;
        fs::write(&key, pair.key)?;
        let log = folder.join("sso.log");
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("server.mjs"))
            .args([ISSUER, resource])
            .args([&certificate, &key])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let mut said = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        let mut port = None;
        while port.is_none() {
            let mut line = String::new();
            if said.read_line(&mut line)? == 0 {
                return Err(format!("the provider ended:\n{}", fs::read_to_string(&log)?).into());
            }
            port = line.trim().strip_prefix("listening ").map(str::to_owned);
        }
        // It is never held up by a full pipe.
        std::thread::spawn(move || drop(said.read_to_end(&mut Vec::new())));
        let port: u16 = port.ok_or("it said no port")?.parse()?;
        Ok(Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// How often it has granted this.
    pub(crate) fn granted(&self, kind: &str) -> Result<usize> {
        let log = fs::read_to_string(&self.log)?;
        Ok(log.lines().filter(|line| *line == format!("granted: {kind}")).count())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
