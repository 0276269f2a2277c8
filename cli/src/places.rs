//! Where things are on this machine.
//!
//! The environment is read here, once, and nowhere else in this crate: the rest
//! is handed a [`Places`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use mcpkg_core::{Digest, PackageName, System};

use crate::agents;
use crate::error::{Error, Result};

/// The folders that `mcpkg` reads and writes, all absolute.
#[derive(Clone, Debug)]
pub struct Places {
    /// The user's home.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`: other programs' settings are below it.
    pub config_home: PathBuf,
    /// `$XDG_CONFIG_HOME/mcpkg`: registries, trust roots, the user's own lock.
    pub config: PathBuf,
    /// `$XDG_DATA_HOME/mcpkg`: what was installed.
    pub data: PathBuf,
    /// `$XDG_STATE_HOME/mcpkg`: what is remembered, and locks between processes.
    pub state: PathBuf,
    /// The folder that the command runs in.
    pub project: PathBuf,
    /// The folders in `$PATH`: where the tools of a build are looked for.
    pub search: Vec<PathBuf>,
    /// `%APPDATA%`, on Windows.
    pub app_data: Option<PathBuf>,
    /// Sockets of the user's session, or folders of them: whoever reaches those acts as
    /// the user.
    pub sockets: Vec<PathBuf>,
    /// The settings of agents that the user moved, by the variable that says so.
    pub moved: BTreeMap<agents::Variable, PathBuf>,
    /// How the web is reached.
    pub proxies: Proxies,
    /// Whether this is a job of a CI that has tokens for its jobs.
    pub is_ci: bool,
    /// The operating system.
    pub system: System,
}

/// What the environment says of proxies. There may be a password in it, so it is not
/// shown.
#[derive(Clone, Default)]
pub struct Proxies {
    /// `HTTPS_PROXY`: the proxy for https.
    pub https: Option<String>,
    /// `NO_PROXY`: the hosts that are reached without it.
    pub except: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies(…)")
    }
}

impl Proxies {
    /// Reads the variables, in both spellings that are in use.
    fn from_environment() -> Self {
        let read = |names: [&str; 2]| {
            let mut found = names.into_iter().filter_map(|name| std::env::var(name).ok());
            found.find(|value| !value.is_empty())
        };
        Self { https: read(["HTTPS_PROXY", "https_proxy"]), except: read(["NO_PROXY", "no_proxy"]) }
    }
}

/// What the CIs set in their jobs whose tokens we can ask for.
const CI: [&str; 4] = ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"];

impl Places {
    /// Reads the environment.
    pub fn from_environment() -> Result<Self> {
        let strategy = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
        let project = std::env::current_dir()
            .map_err(|source| Error::Read { path: PathBuf::from("."), source })?;
        let absolute =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config_home = strategy.config_dir();
        Ok(Self {
            home: strategy.home_dir().to_owned(),
            config: config_home.join("mcpkg"),
            config_home,
            data: strategy.data_dir().join("mcpkg"),
            // Windows has no such folder. What belongs to this machine alone is kept there
            // in the user's local part, apart from the data, which may go with the user.
            state: strategy.state_dir().unwrap_or_else(|| strategy.cache_dir()).join("mcpkg"),
            project,
            search: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            app_data: absolute("APPDATA"),
            sockets: ["XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"]
                .into_iter()
                .filter_map(absolute)
                .collect(),
            moved: agents::Variable::ALL
                .into_iter()
                .filter_map(|variable| Some((variable, absolute(variable.name())?)))
                .collect(),
            proxies: Proxies::from_environment(),
            is_ci: CI.iter().any(|name| std::env::var_os(name).is_some()),
            system: system(),
        })
    }

    /// The folders that agents keep settings in.
    pub fn for_agents(&self) -> agents::Places {
        agents::Places {
            system: self.system,
            home: self.home.clone(),
            config_home: self.config_home.clone(),
            app_data: self.app_data.clone(),
            moved: self.moved.clone(),
            project: self.project.clone(),
        }
    }

    /// The same places, for somebody who works in `project`.
    #[must_use]
    pub fn in_project(&self, project: &Path) -> Self {
        Self { project: project.to_owned(), ..self.clone() }
    }

    /// Where processes of ours wait for one another.
    pub fn locks(&self) -> PathBuf {
        self.state.join("locks")
    }

    /// Which containers there may be, each with a file of its name.
    pub fn containers(&self) -> PathBuf {
        self.state.join("containers")
    }

    /// Where the names of secrets are kept, and the secrets of machines without a key
    /// store, encrypted.
    pub fn secrets(&self) -> PathBuf {
        self.data.join("secrets")
    }

    /// Which servers of which projects the user approved.
    pub fn approvals(&self) -> PathBuf {
        self.state.join("approved.json")
    }

    /// What was done to take secrets out of the settings of agents.
    pub fn migrated(&self) -> PathBuf {
        self.state.join("migrated.json")
    }

    /// What the builds of a release said: a file for each.
    pub fn build_log(&self, release: &str) -> PathBuf {
        self.state.join("rebuild").join(format!("{release}.log"))
    }

    /// What a monitor remembers of the log of a registry, by its name.
    pub fn watch(&self, registry: &str) -> PathBuf {
        self.state.join("watch").join(format!("{registry}.json"))
    }

    /// A server's own folder: where it starts, and its home. It may write here.
    pub fn of_server(&self, server: &PackageName) -> PathBuf {
        self.state.join("servers").join(server.as_str().to_ascii_lowercase())
    }

    /// The folder that a server knows as `${data}`, if that was granted.
    pub fn data_of_server(&self, server: &PackageName) -> PathBuf {
        self.data.join("servers").join(server.as_str().to_ascii_lowercase())
    }

    /// An empty folder, in which confined processes get a root of their own.
    pub fn empty(&self) -> PathBuf {
        self.state.join("empty")
    }

    /// What went wrong with a server last.
    pub fn failure(&self, server: &PackageName) -> PathBuf {
        self.state.join("failures").join(file_of(server))
    }

    /// What is known to be wrong with a release, by the digest of its signed metadata.
    pub fn faults(&self, release: Digest) -> PathBuf {
        self.state.join("faults").join(format!("{}.json", release.to_hex()))
    }

    /// What a server has shown while nothing of it was pinned.
    pub fn seen_surface(&self, server: &PackageName) -> PathBuf {
        self.state.join("surfaces").join(file_of(server))
    }

    /// The lock of a project: `mcpkg.lock` in `folder`.
    pub fn project_lock(folder: &Path) -> PathBuf {
        folder.join("mcpkg.lock")
    }

    /// The user's own lock.
    pub fn user_lock(&self) -> PathBuf {
        self.config.join("mcpkg.lock")
    }
}

/// The file for a server in a folder that has one for each. Names are unique without case.
fn file_of(server: &PackageName) -> String {
    format!("{}.json", server.as_str().to_ascii_lowercase())
}

const fn system() -> System {
    if cfg!(target_os = "macos") {
        System::Darwin
    } else if cfg!(windows) {
        System::Windows
    } else {
        System::Linux
    }
}
