//! Running an ecosystem's own tool, which only chooses.
//!
//! npm and pip know how versions are chosen there, and we do not repeat that. They are
//! started in an empty folder that is also their home, with no configuration but what
//! is said here, and with scripts off; what they wrote is read, and not one file that
//! they fetched is used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::{Result, UpstreamError};
use crate::fetch::Client;

/// How long choosing may take.
const DEADLINE: Duration = Duration::from_mins(5);
/// How much of what a tool says is repeated.
const MAX_SAID: usize = 600;
/// The longest file that a tool may write for us.
const MAX_CHOICE_BYTES: u64 = 64 << 20;

/// Variables that say how the network is reached, and nothing else.
///
/// Neither decides what is installed: every file is held to a digest, and a proxy that
/// lies about versions is a registry that does.
pub const PASSED: [&str; 9] = [
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "PATH",
];

/// Where the ecosystems' tools are found, and what of the environment they see.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    environment: BTreeMap<OsString, OsString>,
}

impl Tools {
    /// Tools that see what of this process's environment is in [`PASSED`].
    pub fn from_environment() -> Self {
        let variables = std::env::vars_os();
        let is_passed = |name: &OsString| PASSED.iter().any(|passed| name == passed);
        Self { environment: variables.filter(|(name, _)| is_passed(name)).collect() }
    }

    /// Runs `program` in `folder`, which is all that it has.
    pub(crate) fn run(
        &self,
        program: &'static str,
        args: &[String],
        folder: &Path,
        wanted: &str,
        client: &Client,
    ) -> Result<()> {
        let log = folder.join("said");
        let failed = |source| UpstreamError::File { path: log.clone(), source };
        let said = File::create(&log).map_err(failed)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(&self.environment)
            .env("HOME", folder)
            .env("USERPROFILE", folder)
            .env("TMPDIR", folder)
            .env("PIP_CONFIG_FILE", folder.join("none"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .kill_on_drop(true);
        let status = client.wait_for(async {
            let child = command.spawn().map_err(|source| UpstreamError::Tool(program, source))?;
            timeout(DEADLINE, child.wait_with_output())
                .await
                .map_err(|_| refused(program, wanted, "it took more than five minutes"))?
                .map_err(|source| UpstreamError::Tool(program, source))
        })?;
        if status.status.success() {
            return Ok(());
        }
        let said = fs::read(&log).map_err(failed)?;
        let tail = &said[said.len().saturating_sub(MAX_SAID)..];
        Err(refused(program, wanted, String::from_utf8_lossy(tail).trim()))
    }
}

fn refused(tool: &'static str, wanted: &str, said: &str) -> UpstreamError {
    // Colours are meant for a terminal, and this is not one.
    let said = said.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    UpstreamError::Resolve { tool, wanted: wanted.to_owned(), said }
}

/// A folder that is gone when this is.
pub(crate) fn empty_folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|source| UpstreamError::File { path: std::env::temp_dir(), source })
}

/// Reads what a tool wrote.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| UpstreamError::File { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_CHOICE_BYTES {
        let allowed = MAX_CHOICE_BYTES;
        return Err(UpstreamError::TooLong { url: path.display().to_string(), allowed });
    }
    fs::read(path).map_err(failed)
}
