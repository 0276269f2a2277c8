//! The programs that start MCP servers, and their settings.
//!
//! Each agent is one small file: where its settings are, what they are called,
//! and what an entry looks like. All of it is pure: text in, text out.
//! [`crate::settings_file`] does the reading and the writing, the same way for
//! all of them.
//!
//! | module | edits | reads, before and after | and again, independently |
//! |---|---|---|---|
//! | `jsonc` | JSON, with comments or without | `jsonc-parser` | `serde_json` |
//! | `toml` | TOML | `toml_edit` | `toml` |
//! | `yaml` | YAML | line by line | `yaml_serde` |
//!
//! Of large settings, what is not ours is compared by its bytes instead, where it is
//! certain where that ends: `jsonc::large`, `aside`.
//!
//! What every agent promises, and the conformance test checks for all of them:
//!
//! - Linking twice is linking once.
//! - Unlinking after linking gives the file back, byte for byte.
//! - Keys we do not know, their order, comments and layout stay as they are.
//! - A file that the agent could not read itself is refused, never repaired.
//! - The new settings are the old ones with our one entry changed, to a second
//!   reader as well; else they are refused.
//! - An entry holds the command and its arguments, and nothing else: no
//!   environment, so no place for a secret.
//!
//! # To add an agent
//!
//! Write `agents/<id>.rs` with a `Described`, or a unit struct that implements
//! [`Agent`] if data cannot say it; name the source of every fact in it, and add
//! it to [`ALL`].

mod amazon_q;
mod amp;
mod aside;
mod claude_code;
mod claude_desktop;
mod cline;
mod codex;
mod continue_dev;
mod copilot_cli;
mod crush;
mod cursor;
mod described;
mod error;
mod factory_droid;
mod format;
mod gemini_cli;
mod goose;
mod jsonc;
mod junie;
mod kiro;
mod lines;
mod lm_studio;
mod opencode;
mod place;
mod places;
mod qwen_code;
mod section;
mod toml;
mod vscode;
mod warp;
mod windsurf;
mod yaml;
mod zed;

#[cfg(test)]
mod conformance;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::error::EditError;
pub use self::format::{Dialect, Format};
pub use self::place::Place;
pub use self::places::{Places, Variable};
pub use self::section::Section;

/// Every agent we support, in the order in which they are listed to the user.
pub const ALL: &[&dyn Agent] = &[
    &claude_code::CLAUDE_CODE,
    &claude_desktop::CLAUDE_DESKTOP,
    &cursor::CURSOR,
    &vscode::VSCODE,
    &vscode::VSCODE_INSIDERS,
    &copilot_cli::COPILOT_CLI,
    &windsurf::WINDSURF,
    &cline::Cline,
    &continue_dev::CONTINUE,
    &zed::ZED,
    &codex::CODEX,
    &gemini_cli::GEMINI_CLI,
    &qwen_code::QWEN_CODE,
    &goose::GOOSE,
    &opencode::OPENCODE,
    &amp::AMP,
    &factory_droid::FACTORY_DROID,
    &kiro::KIRO,
    &amazon_q::AMAZON_Q,
    &lm_studio::LM_STUDIO,
    &warp::WARP,
    &crush::CRUSH,
    &junie::JUNIE,
];

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

    /// Where its settings may be, or nothing if it has none for `scope`. It
    /// reads all of them; new settings go to the first.
    fn settings_paths(&self, scope: Scope, places: &Places) -> Vec<PathBuf>;

    /// Where new settings go, or `None` if it has none for `scope`.
    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf> {
        self.settings_paths(scope, places).into_iter().next()
    }

    /// Which part of those settings lists the servers of `scope`.
    fn section(&self, _scope: Scope, _places: &Places) -> Section {
        Section::WHOLE
    }

    /// The paths that exist where the agent has been installed or used. One is
    /// enough.
    fn traces(&self, places: &Places) -> Vec<PathBuf>;

    /// The settings that an older version of it read, and that it moves to
    /// their place the first time it starts. New settings must not be there
    /// before it did.
    fn abandoned_path(&self, _places: &Places) -> Option<PathBuf> {
        None
    }

    /// What its settings are written in.
    fn format(&self) -> Format;

    /// The key of the object in which servers are listed.
    fn root_key(&self) -> &'static str;

    /// The value that makes the agent run `launch` as the server `key`.
    fn entry(&self, key: &str, launch: &Launch) -> Value;

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
        self.link_in(&Section::WHOLE, settings, key, launch)
    }

    /// [`Agent::link`] in one section of the settings.
    fn link_in(
        &self,
        section: &Section,
        settings: &str,
        key: &str,
        launch: &Launch,
    ) -> Result<Linked, EditError> {
        launch.check()?;
        self.place(section).set(settings, key, &self.entry(key, launch))
    }

    /// Where in one section of the settings servers are listed.
    fn place<'a>(&self, section: &'a Section) -> Place<'a> {
        Place { format: self.format(), within: section.keys(), root_key: self.root_key() }
    }

    /// Sets the server `key` to `entry`, whatever that is: [`Agent::link`] with
    /// an entry of the caller's own.
    fn set(&self, settings: &str, key: &str, entry: &Value) -> Result<Linked, EditError> {
        self.place(&Section::WHOLE).set(settings, key, entry)
    }

    /// Removes the server `key` from `settings`, if it is there.
    ///
    /// `footprint` is what [`Agent::link`] reported, and is undone with the
    /// last server: if several were linked, keep the first footprint of the
    /// file and pass it each time. [`Footprint::Entry`] is right if it was
    /// lost; an empty object may then remain.
    fn unlink(&self, settings: &str, key: &str, footprint: Footprint) -> Result<String, EditError> {
        self.place(&Section::WHOLE).unlink(settings, key, footprint)
    }

    /// The entry of the server `key` in `settings`, whoever wrote it.
    fn find(&self, settings: &str, key: &str) -> Result<Option<Value>, EditError> {
        self.place(&Section::WHOLE).find(settings, key)
    }

    /// Every server in `settings`, whoever wrote it, in the order of the file.
    fn entries(&self, settings: &str) -> Result<Vec<(String, Value)>, EditError> {
        self.place(&Section::WHOLE).entries(settings)
    }

    /// What to paste into settings that could not be edited.
    fn snippet(&self, key: &str, launch: &Launch) -> String {
        self.place(&Section::WHOLE).snippet(key, &self.entry(key, launch))
    }
}

/// Whom a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One user, in every project.
    User,
    /// Everyone who works in one project.
    Project,
    /// One user, in one project: a part of the user's own settings.
    Local,
}

/// How an agent starts a server: `mcpkg run <name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The absolute path of `mcpkg`: agents start with other search paths than shells.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Launch {
    /// Refuses words that an agent would not take as they are. Most expand
    /// `${NAME}`, Gemini CLI also `$NAME` and `%NAME%`, `OpenCode` `{env:NAME}`;
    /// Crush hands them to a shell.
    fn check(&self) -> Result<(), EditError> {
        let expands = |word: &&String| word.contains(['$', '`', '%', '{']);
        match std::iter::once(&self.command).chain(&self.args).find(expands) {
            Some(word) => Err(EditError::Expanded { word: word.clone() }),
            None => Ok(()),
        }
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

impl Linked {
    /// The settings had this very entry.
    fn unchanged(text: &str) -> Self {
        Self { text: text.to_owned(), footprint: None, replaced: None }
    }
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
