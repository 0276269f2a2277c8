//! Programs of others: servers that end with us, and commands.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A running server, killed when dropped.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts it, with what it says in `folder/name.log`.
    pub(crate) fn start(name: &'static str, folder: &Path, command: &mut Command) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until `url` is answered well, and returns the answer.
    pub(crate) fn answer(&mut self, url: &str) -> Result<String> {
        let started = Instant::now();
        loop {
            if let Ok(text) = get(url) {
                return Ok(text);
            }
            if self.child.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("{} does not answer at {url}:\n{log}", self.name).into());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text at `url`, if it is answered with success.
pub(crate) fn get(url: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(runtime
        .block_on(async { client.get(url).send().await?.error_for_status()?.text().await })?)
}

/// A port that is free now. Most of these servers cannot be asked which port
/// they took, so they are told; another program could take it in between.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Runs a command; says what it said if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}\n{said}", command.get_program().display(), output.status).into())
}
