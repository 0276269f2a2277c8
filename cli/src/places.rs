//! Where things are on this machine.
//!
//! The environment is read here, once, and nowhere else in this crate: the rest
//! is handed a [`Places`].

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use mcpkg_core::System;

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
    /// `$CLAUDE_CONFIG_DIR`, if the user moved Claude Code's settings.
    pub claude_config: Option<PathBuf>,
    /// The operating system.
    pub system: System,
}

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
            // Windows and macOS have no such folder; the data folder serves.
            state: strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("mcpkg"),
            project,
            search: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            app_data: absolute("APPDATA"),
            claude_config: absolute("CLAUDE_CONFIG_DIR"),
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
            claude_config_dir: self.claude_config.clone(),
            project: self.project.clone(),
        }
    }

    /// Where processes of ours wait for one another.
    pub fn locks(&self) -> PathBuf {
        self.state.join("locks")
    }

    /// What the builds of a release said: a file for each.
    pub fn build_log(&self, release: &str) -> PathBuf {
        self.state.join("rebuild").join(format!("{release}.log"))
    }

    /// What a monitor remembers of the log of a registry, by its name.
    pub fn watch(&self, registry: &str) -> PathBuf {
        self.state.join("watch").join(format!("{registry}.json"))
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

const fn system() -> System {
    if cfg!(target_os = "macos") {
        System::Darwin
    } else if cfg!(windows) {
        System::Windows
    } else {
        System::Linux
    }
}
