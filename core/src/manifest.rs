//! `manifest.json`: how to start the server in an artifact.
//!
//! An artifact is an MCPB bundle, and its manifest is read as MCPB 0.1 to 0.4
//! have it. Published manifests break the schemas in what they leave out and add
//! (four of the five examples of MCPB's own do), so keys we do not know are
//! ignored. What we do know is read strictly, since it decides which program
//! runs: paths stay in the bundle, variables are known, values have one type.
//!
//! # Reading order
//!
//! 1. [`Manifest::read`] gives a [`Manifest`].
//! 2. [`Manifest::agrees_with`] and [`Manifest::check_against_paths`] hold it to
//!    the `server.json` and the archive it came with; publishing demands both.
//! 3. [`Manifest::config_keys`] says what to ask the user for.
//! 4. [`Manifest::launch`] gives the command line.
//!
//! # What is not launched
//!
//! *What was signed is what runs, with nothing resolved later.* Therefore
//!
//! - a program that fetches what it runs (`npx`, `uvx`, `docker`) is refused,
//! - a shell is refused, and code in an argument (`node -e`, `python -c`),
//! - an interpreter runs a file of the bundle, after options that are known not
//!   to load code from elsewhere (see [`RUNTIMES`]),
//! - any other program is a file of the bundle.
//!
//! A manifest that breaks this can be read and looked at, but neither published
//! nor launched. Of fourteen real manifests one does: it starts `uvx`.
//!
//! Our own extension stands in `_meta["dev.mcpkg"]`: `platform`, which an
//! artifact for one platform has.

mod agreement;
mod arguments;
mod command;
mod config;
mod entry_point;
mod error;
mod launch;
mod launch_error;
mod raw;
mod runtime;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::template::Template;
use crate::{Platform, System};

pub use config::{ConfigKey, ConfigType, ConfigValue, ConfigValueError};
pub(crate) use entry_point::is_bundle_path;
pub use error::{CommandError, ManifestError};
pub use launch::{Launch, LaunchContext};
pub use launch_error::{LaunchError, MissingKey};
pub use runtime::RUNTIMES;

/// The longest manifest that is read, in bytes: room for hundreds of tools with
/// their descriptions, which are most of a manifest.
pub const MAX_LEN: usize = 1024 * 1024;

/// The key of `_meta` that holds our extension.
pub const EXTENSION: &str = "dev.mcpkg";

/// The name of the file, at the root of the archive.
pub const FILE_NAME: &str = "manifest.json";

/// How to start the server in an artifact.
#[derive(Clone, Debug)]
pub struct Manifest {
    name: String,
    version: String,
    display_name: Option<String>,
    description: String,
    author: String,
    server: Server,
    user_config: BTreeMap<String, ConfigKey>,
    platforms: Vec<String>,
    runtimes: BTreeMap<String, String>,
    platform: Platform,
    value: Value,
}

/// The program of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// What it is written in.
    pub kind: ServerType,
    /// Its file in the archive: relative, with `/` between the parts.
    pub entry_point: String,
    /// Its command line; absent only for [`ServerType::Uv`].
    pub command: Option<CommandLine>,
    /// What differs by system, keyed by MCPB's names: `darwin`, `linux`, `win32`.
    pub platform_overrides: BTreeMap<String, CommandOverride>,
}

/// What a server is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerType {
    /// JavaScript for Node.
    Node,
    /// Python, with its libraries in the bundle.
    Python,
    /// Machine code.
    Binary,
    /// Python whose libraries uv installs; from the bundle, or not with us.
    Uv,
}

/// A command line with variables in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandLine {
    /// The program.
    pub command: Template,
    /// Its arguments.
    pub args: Vec<Template>,
    /// Environment variables to set.
    pub env: BTreeMap<String, Template>,
}

/// The parts of a [`CommandLine`] that one system replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandOverride {
    /// Another program.
    pub command: Option<Template>,
    /// All other arguments.
    pub args: Option<Vec<Template>>,
    /// Further environment variables, or other values.
    pub env: BTreeMap<String, Template>,
}

impl Manifest {
    /// Reads the bytes of a `manifest.json`.
    ///
    /// # Errors
    ///
    /// Every variant of [`ManifestError`] but those about `server.json` and the
    /// archive. All of them mean that the artifact cannot be used.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        raw::read(bytes)
    }

    /// The name; see [`Manifest::agrees_with`] for how it relates to the package's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, as it stands there.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What to call the server in a list.
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// What the server does.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Who wrote it, by their own account. Who *signed* it is in the evidence.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// The program.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What to ask the user for, by key: values and secrets.
    pub fn config_keys(&self) -> &BTreeMap<String, ConfigKey> {
        &self.user_config
    }

    /// The versions of the runtimes it needs, by runtime: `node` is `>=20`.
    pub fn runtimes(&self) -> &BTreeMap<String, String> {
        &self.runtimes
    }

    /// What the artifact runs on, from our extension: any platform if it does
    /// not say.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Whether the author means it for `system`. One who names none means all.
    pub fn supports(&self, system: System) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|name| name == system.mcpb_name())
    }

    /// Whether the server's libraries come as wheels, which must then be in the
    /// archive: uv would fetch them at launch.
    pub fn needs_wheels(&self) -> bool {
        self.server.kind == ServerType::Uv
    }

    /// The whole document, `tools` and `prompts` among the rest.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

#[cfg(test)]
mod tests;
