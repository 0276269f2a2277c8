//! The programs that start MCP servers, and their settings.
//!
//! Each agent is one small file: where its settings are, what they are called,
//! and what an entry looks like. All of it is pure: text in, text out.
//! [`crate::settings_file`] does the reading and the writing, the same way for
//! all of them.
//!
//! What every agent promises, and the conformance test checks for all of them:
//!
//! - Linking twice is linking once.
//! - Unlinking after linking gives the file back, byte for byte.
//! - Keys we do not know, their order, comments and layout stay as they are.
//! - A file that the agent could not read itself is refused, never repaired.
//! - An entry holds the command and its arguments, and nothing else: no
//!   environment, so no place for a secret.
//!
//! # To add an agent
//!
//! Write `agents/<id>.rs` with a unit struct that implements [`Agent`], name
//! the source of every fact in it, and add it to [`ALL`].

mod claude_code;
mod claude_desktop;
mod cursor;
mod error;
mod jsonc;
mod vscode;

#[cfg(test)]
mod conformance;

use std::fmt;
use std::path::PathBuf;

use mcpkg_core::System;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::claude_code::ClaudeCode;
pub use self::claude_desktop::ClaudeDesktop;
pub use self::cursor::Cursor;
pub use self::error::EditError;
pub use self::vscode::VsCode;

/// Every agent we support, in the order in which they are listed to the user.
pub const ALL: &[&dyn Agent] = &[&ClaudeCode, &ClaudeDesktop, &Cursor, &VsCode];

/// The agent that is called `id` on the command line.
pub fn by_id(id: &str) -> Option<&'static dyn Agent> {
    ALL.iter().copied().find(|agent| agent.id() == id)
}

/// A program that launches MCP servers, and the settings that tell it to.
///
/// Implementations are pure: they read no file and no environment.
pub trait Agent: Sync {
    /// What the user calls it on the command line, such as `claude-code`.
    fn id(&self) -> &'static str;

    /// What its maker calls it, such as `Claude Code`.
    fn display_name(&self) -> &'static str;

    /// Where its settings are, or `None` if it has none for `scope`.
    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf>;

    /// The paths that exist where the agent has been installed or used. One is
    /// enough.
    fn traces(&self, places: &Places) -> Vec<PathBuf>;

    /// What it reads.
    fn dialect(&self) -> Dialect;

    /// The key of the object in which servers are listed.
    fn root_key(&self) -> &'static str;

    /// The value that makes the agent run `launch`.
    fn entry(&self, launch: &Launch) -> Value {
        json!({ "command": launch.command, "args": launch.args })
    }

    /// What the user still has to do before the agent starts a server that was
    /// just linked: a sentence to show, if there is something.
    fn next_step(&self, scope: Scope) -> Option<&'static str>;

    /// Adds the server `key` to `settings`, or replaces it if it is there.
    ///
    /// The entry is replaced as a whole, with any key somebody else put in it:
    /// an `env` that survived could hand a variable such as `LD_PRELOAD` to
    /// the program that confines the server. [`Linked::replaced`] says what
    /// was there, so that a caller can ask before writing. Blank settings are
    /// an empty object.
    fn link(&self, settings: &str, key: &str, launch: &Launch) -> Result<Linked, EditError> {
        place(self).link(settings, key, &self.entry(launch))
    }

    /// Removes the server `key` from `settings`, if it is there.
    ///
    /// `footprint` is what [`Agent::link`] reported, and is undone with the
    /// last server: if several were linked, keep the first footprint of the
    /// file and pass it each time. [`Footprint::Entry`] is right if it was
    /// lost; an empty object may then remain.
    fn unlink(&self, settings: &str, key: &str, footprint: Footprint) -> Result<String, EditError> {
        place(self).unlink(settings, key, footprint)
    }

    /// The entry of the server `key` in `settings`, whoever wrote it.
    fn find(&self, settings: &str, key: &str) -> Result<Option<Value>, EditError> {
        place(self).find(settings, key)
    }

    /// What to paste into settings that could not be edited.
    fn snippet(&self, key: &str, launch: &Launch) -> String {
        let settings = json!({ self.root_key(): { key: self.entry(launch) } });
        format!("{settings:#}")
    }
}

fn place<A: Agent + ?Sized>(agent: &A) -> jsonc::Place<'static> {
    jsonc::Place { dialect: agent.dialect(), root_key: agent.root_key() }
}

/// Whom a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One user, in every project.
    User,
    /// Everyone who works in one project.
    Project,
}

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
    /// `$CLAUDE_CONFIG_DIR`, if it is set and not empty.
    pub claude_config_dir: Option<PathBuf>,
    /// The root of the project.
    pub project: PathBuf,
}

impl Places {
    /// Where programs keep their settings on this system.
    fn application_settings(&self) -> PathBuf {
        match self.system {
            System::Darwin => self.home.join("Library").join("Application Support"),
            System::Linux => self.config_home.clone(),
            System::Windows => match &self.app_data {
                Some(app_data) => app_data.clone(),
                None => self.home.join("AppData").join("Roaming"),
            },
        }
    }
}

/// How an agent starts a server: `mcpkg run <name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The absolute path of `mcpkg`: agents start with other search paths than shells.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// Which JSON an agent reads.
///
/// What we write is plain JSON for all of them: an edit adds no comment and no
/// trailing comma to a file. (A file that has a trailing comma after its last
/// entry keeps one there.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON as RFC 8259 has it.
    Strict,
    /// JSON with comments and trailing commas.
    Jsonc,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strict => "JSON",
            Self::Jsonc => "JSON with comments",
        })
    }
}

/// Settings with a server linked.
#[derive(Clone, PartialEq)]
#[must_use = "the settings change only when the text is written"]
pub struct Linked {
    /// The new settings.
    pub text: String,
    /// What was added, to be remembered until [`Agent::unlink`]. `None` if the
    /// entry existed, changed or not: then the footprint known so far is right.
    pub footprint: Option<Footprint>,
    /// The entry that was there and said something else.
    pub replaced: Option<Value>,
}

/// Leaves the settings out: other servers' secrets may be in them.
impl fmt::Debug for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linked").field("footprint", &self.footprint).finish_non_exhaustive()
    }
}

/// What [`Agent::link`] added to a file besides the entry, so that
/// [`Agent::unlink`] can give the file back as it was.
///
/// The text alone does not tell: after an unlink, `{"mcpServers": {}}` may be
/// what the user had, or half of what we made of `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Footprint {
    /// The entry and nothing else.
    #[default]
    Entry,
    /// The entry, and line breaks in the `{}` that it went into.
    EntryLines,
    /// The root key.
    RootKey,
    /// The root key, and line breaks in the `{}` that it went into.
    RootKeyLines,
    /// All of it: the file was missing or blank, and comes back empty.
    Document,
}
