//! Why settings were left as they were.

use mcpkg_core::{Code, Coded};

use super::{Dialect, Format};

/// Why an edit was refused. The settings are then left byte for byte.
///
/// No message quotes the settings: other servers' secrets may be in them. A
/// caller shows [`super::Agent::snippet`] beside any of these, for the user to
/// paste by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not what the agent itself can read: broken, cut off, nested
    /// too deep, or with comments for an agent that takes none.
    #[error("the settings are not valid {format}: {reason}")]
    Broken {
        /// What the agent reads.
        format: Format,
        /// What is wrong and where, without a word of the text.
        reason: String,
    },
    /// The settings are valid, but not a list of names and values.
    #[error("the settings are {found}, expected {}", format.table())]
    RootNotObject {
        /// What the settings are written in.
        format: Format,
        /// What they are instead.
        found: &'static str,
    },
    /// There is something else where the list of servers belongs.
    #[error("`{key}` is {found}, expected {}", format.table())]
    WrongType {
        /// What the settings are written in.
        format: Format,
        /// The agent's root key.
        key: String,
        /// What its value is.
        found: &'static str,
    },
    /// The settings have no part for this project. The agent makes it when it is started
    /// there, with more in it than servers.
    #[error("the settings have no part for this project")]
    NoSection,
    /// A key we would change comes twice. Which of the two counts depends on
    /// who reads: most editors change the first, JavaScript takes the last.
    #[error("`{key}` occurs more than once")]
    Duplicate {
        /// The repeated key.
        key: String,
    },
    /// Our two parsers read the settings differently, so the agent may read
    /// them in yet another way.
    #[error("the settings can be read in two ways")]
    Ambiguous,
    /// The settings are valid, but laid out so that an entry can neither be
    /// added nor removed by whole lines. TOML and YAML have many ways to write
    /// the same thing; we edit those that people and agents use.
    #[error("this way of writing {format} is not one that can be edited safely")]
    Layout {
        /// What the settings are written in.
        format: Format,
    },
    /// An agent would expand a word of the entry, instead of taking it as it is.
    #[error("agents would not take `{word}` as it is, but expand what is in it")]
    Expanded {
        /// The path or the argument.
        word: String,
    },
    /// The edited text was not the old settings with our one entry changed.
    /// This is a defect in this program, caught before anything was written.
    #[error("the edit would have changed more than one entry")]
    Unfaithful,
}

impl Coded for EditError {
    fn code(&self) -> Code {
        Code::Settings
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Broken { format: Format::Json(Dialect::Strict), .. } => {
                "correct the file (this agent reads no comments and no trailing commas), \
                 or paste the entry by hand"
            }
            Self::Broken { format: Format::Json(Dialect::Comments), .. } => {
                "correct the file (this agent reads no trailing commas), \
                 or paste the entry by hand"
            }
            Self::Broken { .. } => "correct the file, or paste the entry by hand",
            Self::Layout { .. } => "nothing was changed; paste the entry by hand",
            Self::Expanded { .. } => {
                "install mcpkg in a folder without `$`, `%`, `{` and backticks"
            }
            Self::RootNotObject { .. } | Self::WrongType { .. } => {
                "correct the file: servers are listed by name"
            }
            Self::NoSection => "start the agent in the project once, then try again",
            Self::Duplicate { .. } => "remove one of the two, then try again",
            Self::Ambiguous | Self::Unfaithful => {
                "nothing was changed; paste the entry by hand, and report the file's layout"
            }
        })
    }
}
