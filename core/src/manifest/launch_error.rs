use std::fmt;

use super::{CommandError, ConfigValueError};
use crate::template::{Folder, TemplateError};
use crate::{Code, Coded};

/// Why there is no command line.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The manifest starts something we do not launch.
    #[error("the command line of manifest.json cannot be launched")]
    Command(#[from] CommandError),
    /// Required values that nobody gave, at least one.
    #[error("the server needs {}", list(.0))]
    Missing(Vec<MissingKey>),
    /// A value does not suit its key.
    #[error("value for `{key}` cannot be used")]
    Value {
        /// The key.
        key: String,
        /// What is wrong with the value, without the value.
        source: ConfigValueError,
    },
    /// The manifest names a folder that this user does not have.
    #[error("manifest.json uses `${{{}}}`, and there is no such folder", .0.name())]
    NoFolder(Folder),
    /// Several values stand where the manifest has room for one.
    #[error("manifest.json puts the values of `{0}` into one text, and there are several")]
    Several(String),
    /// A default is no template. Reading the manifest refuses it already.
    #[error("default of `{key}` is no template")]
    Default {
        /// The key.
        key: String,
        /// What is wrong with it.
        source: TemplateError,
    },
}

/// A required key without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// The key.
    pub key: String,
    /// What to call it.
    pub title: String,
    /// Whether it is a secret.
    pub is_sensitive: bool,
}

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, title, is_sensitive } = self;
        // Never a secret as an argument: other programs can read those.
        if *is_sensitive {
            write!(f, "{title} (`--secret {key}=env:NAME`)")
        } else {
            write!(f, "{title} (`--set {key}=VALUE`)")
        }
    }
}

fn list(missing: &[MissingKey]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Coded for LaunchError {
    fn code(&self) -> Code {
        match self {
            Self::Command(_) | Self::Default { .. } => Code::Manifest,
            Self::Missing(_) | Self::Value { .. } | Self::NoFolder(_) | Self::Several(_) => {
                Code::Config
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Command(err) => err.hint(),
            Self::Several(_) => {
                Some("give one value, or ask the author for an argument of its own")
            }
            _ => None,
        }
    }
}
