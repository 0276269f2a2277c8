//! What settings are written in.

use std::fmt;

/// What an agent's settings are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, as strict as the agent reads it.
    Json(Dialect),
    /// TOML 1.1.
    Toml,
    /// YAML, one document.
    Yaml,
}

/// Which JSON an agent reads.
///
/// What we write is plain JSON for all of them: an edit adds no comment and no
/// trailing comma to a file. (A file that has a trailing comma after its last
/// entry keeps one there.) Where nobody has shown how strict an agent is, we
/// read as if it took everything: a comment that is there stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON as RFC 8259 has it.
    Strict,
    /// JSON with comments, and no trailing comma.
    Comments,
    /// JSON with comments and trailing commas.
    Jsonc,
}

impl Dialect {
    /// Whether there may be comments.
    pub const fn has_comments(self) -> bool {
        matches!(self, Self::Comments | Self::Jsonc)
    }

    /// Whether a comma may come after a last element.
    pub const fn has_trailing_commas(self) -> bool {
        matches!(self, Self::Jsonc)
    }
}

impl Format {
    /// What the format calls a table of names and values, with its article.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Json(_) => "an object",
            Self::Toml => "a table",
            Self::Yaml => "a mapping",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json(Dialect::Strict) => "JSON",
            Self::Json(Dialect::Comments | Dialect::Jsonc) => "JSON with comments",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        })
    }
}
