//! The program `git`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use url::Url;

use super::error::SourceError;

/// Told on every command line, so that no configuration decides it.
const SETTINGS: [&str; 11] = [
    // Every object that is received is checked as it is hashed.
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "protocol.version=2",
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "submodule.recurse=false",
    "advice.detachedHead=false",
    "gc.auto=0",
    // Half a minute of nothing is nobody there.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=30",
];

/// Variables that a network may make necessary. `GIT_CONFIG_…` comes along
/// besides: whoever sets it for this command means it.
const NETWORK: [&str; 9] = [
    "ALL_PROXY",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "https_proxy",
    "no_proxy",
];

/// The longest message of git that is repeated, in characters.
const SHOWN: usize = 300;

/// A way to run git.
pub(super) struct Git {
    /// All variables, or `None` for those of the user.
    environment: Option<Vec<(OsString, OsString)>>,
}

impl Git {
    /// As the user would run it.
    pub(super) fn of_user() -> Self {
        Self { environment: None }
    }

    /// With nothing of the user's, and a home in `scratch`.
    pub(super) fn isolated(scratch: &Path) -> Result<Self, SourceError> {
        let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
        let mut environment: Vec<(OsString, OsString)> = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", nowhere),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "https:file"),
            ("LC_ALL", "C"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
        environment.push(("HOME".into(), scratch.as_os_str().to_owned()));
        environment.extend(std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            let is_config = ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            is_config || matches!(name.as_ref(), "PATH" | "SYSTEMROOT") || NETWORK.contains(&&*name)
        }));
        let git = Self { environment: Some(environment) };
        git.output(scratch, &["--version"]).map_err(SourceError::NoGit)?;
        Ok(git)
    }

    /// Runs git in `folder`. What it says is an error if it fails.
    pub(super) fn run(&self, folder: &Path, arguments: &[&str]) -> Result<(), String> {
        self.ask(folder, arguments).map(drop)
    }

    /// Runs git in `folder`, and returns what it prints, without the line's end.
    pub(super) fn ask(&self, folder: &Path, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(folder, arguments).map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ");
        Err(said.chars().take(SHOWN).collect())
    }

    /// The address of the repository that `folder` is in, for fetching from it.
    pub(super) fn address_of(&self, folder: &Path) -> Result<String, SourceError> {
        let refused = |said| SourceError::NoRepository { folder: folder.to_owned(), said };
        let folder = dunce::canonicalize(folder).map_err(|error| refused(error.to_string()))?;
        let arguments = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        let repository = PathBuf::from(self.ask(&folder, &arguments).map_err(refused)?);
        // git decodes what is written like this, so a space or `%` in it is safe.
        let address = Url::from_file_path(&repository);
        address.map(String::from).map_err(|()| SourceError::Path(repository))
    }

    fn output(&self, folder: &Path, arguments: &[&str]) -> std::io::Result<Output> {
        let mut command = Command::new("git");
        command.current_dir(folder).stdin(Stdio::null());
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().cloned());
            for setting in SETTINGS {
                command.args(["-c", setting]);
            }
        }
        command.args(arguments).output()
    }
}
