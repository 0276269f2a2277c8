//! Where agents keep their settings on a machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpkg_core::System;

/// Where things are on this machine. The caller builds it from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The operating system, which decides between the paths below.
    pub system: System,
    /// The home directory.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, or `~/.config`. Only Linux agents look here.
    pub config_home: PathBuf,
    /// `%APPDATA%` on Windows. Without it, `AppData\Roaming` in the home directory.
    pub app_data: Option<PathBuf>,
    /// What the user moved, each by the agent's own variable.
    pub moved: BTreeMap<Variable, PathBuf>,
    /// The root of the project.
    pub project: PathBuf,
}

impl Places {
    /// Where programs keep their settings on this system.
    pub(super) fn application_settings(&self) -> PathBuf {
        match self.system {
            System::Darwin => self.home.join("Library").join("Application Support"),
            System::Linux => self.config_home.clone(),
            System::Windows => match &self.app_data {
                Some(app_data) => app_data.clone(),
                None => self.home.join("AppData").join("Roaming"),
            },
        }
    }

    /// `.config`, which many programs for the terminal use on every system.
    pub(super) fn dot_config(&self) -> PathBuf {
        match self.system {
            System::Linux => self.config_home.clone(),
            System::Darwin | System::Windows => self.home.join(".config"),
        }
    }

    /// The folder that `variable` names, or the one called `name` in the home
    /// directory.
    pub(super) fn folder(&self, variable: Variable, name: &str) -> PathBuf {
        self.moved(variable).map_or_else(|| self.home.join(name), Path::to_owned)
    }

    /// What `variable` says, if it is set.
    pub(super) fn moved(&self, variable: Variable) -> Option<&Path> {
        self.moved.get(&variable).map(PathBuf::as_path)
    }
}

/// A variable of the environment that moves an agent's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// The folder that has Claude Code's `.claude.json`.
    ClaudeConfigDir,
    /// Cline's `~/.cline/data`.
    ClineDataDir,
    /// Cline's `~/.cline`.
    ClineDir,
    /// Cline's settings file itself.
    ClineMcpSettingsPath,
    /// Codex's `~/.codex`.
    CodexHome,
    /// GitHub Copilot's `~/.copilot`.
    CopilotHome,
    /// The folder that has Crush's `crush.json`.
    CrushGlobalConfig,
    /// What Zed in a Flatpak takes for `~/.config`.
    FlatpakXdgConfigHome,
    /// The folder that has Goose's `config/config.yaml`.
    GoosePathRoot,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ClaudeConfigDir,
        Self::ClineDataDir,
        Self::ClineDir,
        Self::ClineMcpSettingsPath,
        Self::CodexHome,
        Self::CopilotHome,
        Self::CrushGlobalConfig,
        Self::FlatpakXdgConfigHome,
        Self::GoosePathRoot,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeConfigDir => "CLAUDE_CONFIG_DIR",
            Self::ClineDataDir => "CLINE_DATA_DIR",
            Self::ClineDir => "CLINE_DIR",
            Self::ClineMcpSettingsPath => "CLINE_MCP_SETTINGS_PATH",
            Self::CodexHome => "CODEX_HOME",
            Self::CopilotHome => "COPILOT_HOME",
            Self::CrushGlobalConfig => "CRUSH_GLOBAL_CONFIG",
            Self::FlatpakXdgConfigHome => "FLATPAK_XDG_CONFIG_HOME",
            Self::GoosePathRoot => "GOOSE_PATH_ROOT",
        }
    }
}
