//! What is off in a document from elsewhere.

use std::fmt;

/// One thing in a foreign `server.json` that its edition of the schema does not
/// have so. `at` is a JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oddity {
    /// The document does not say which edition it follows.
    #[error("the document names no schema")]
    NoSchema,
    /// The document follows an edition we do not know.
    #[error("the schema `{}` is unknown", .0.escape_debug())]
    UnknownSchema(String),
    /// A required key is absent.
    #[error("`{at}` is missing")]
    Missing {
        /// Where it would be.
        at: String,
    },
    /// A text that means something is empty; read as absent.
    #[error("`{at}` is empty")]
    Empty {
        /// Where it is.
        at: String,
    },
    /// A value has another type; read if it still has one meaning.
    #[error("`{at}` is not {expected}")]
    WrongType {
        /// Where it is.
        at: String,
        /// The type it should have, with its article.
        expected: &'static str,
    },
    /// A key is spelled as in another edition; read as meant.
    #[error("`{at}` is spelled `{expected}` in this edition")]
    Spelling {
        /// Where it is.
        at: String,
        /// The key as the edition has it.
        expected: String,
    },
    /// A text is longer than the schema allows; read whole.
    #[error("`{at}` is {found} characters long, expected at most {max}")]
    TooLong {
        /// Where it is.
        at: String,
        /// Its length, in characters.
        found: usize,
        /// The longest it may be, in characters.
        max: usize,
    },
    /// A text has a character that its reader would not see; kept.
    #[error("`{at}` hides the character {}", character.escape_unicode())]
    Hidden {
        /// Where it is.
        at: String,
        /// The character.
        character: char,
    },
    /// A value breaks a rule that the schema has in words or as a pattern; kept.
    #[error("`{at}` {reason}")]
    Value {
        /// Where it is.
        at: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// An edition of the MCP registry's schema for `server.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// 2025-07-09, whose keys are in `snake_case`.
    July9,
    /// 2025-09-16, since which they are in `camelCase`.
    September16,
    /// 2025-09-29.
    September29,
    /// 2025-10-11, since which a package needs no version.
    October11,
    /// 2025-10-17.
    October17,
    /// 2025-12-11, the current one.
    December11,
}

impl Edition {
    /// Every edition, the oldest first.
    pub const ALL: [Self; 6] = [
        Self::July9,
        Self::September16,
        Self::September29,
        Self::October11,
        Self::October17,
        Self::December11,
    ];

    /// The day it was made, which is its name.
    pub const fn date(self) -> &'static str {
        match self {
            Self::July9 => "2025-07-09",
            Self::September16 => "2025-09-16",
            Self::September29 => "2025-09-29",
            Self::October11 => "2025-10-11",
            Self::October17 => "2025-10-17",
            Self::December11 => "2025-12-11",
        }
    }

    /// The edition that a document names in `$schema`.
    pub(super) fn of_schema(url: &str) -> Option<Self> {
        let date = url
            .strip_prefix("https://static.modelcontextprotocol.io/schemas/")?
            .strip_suffix("/server.schema.json")?;
        Self::ALL.into_iter().find(|edition| edition.date() == date)
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.date())
    }
}
