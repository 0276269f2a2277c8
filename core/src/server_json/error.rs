use crate::json::JsonError;
use crate::{Code, Coded, NameError, VersionError};

use super::{ImageReferenceError, MAX_PUBLISHER_META, SCHEMA};

/// Why a document is not a `server.json` that we read.
#[derive(Debug, thiserror::Error)]
pub enum ServerJsonError {
    /// The bytes are not JSON.
    #[error("could not read server.json")]
    Json(#[source] JsonError),
    /// A key is unknown, missing or of the wrong type.
    #[error("server.json does not follow schema 2025-12-11")]
    Shape(#[source] serde_json::Error),
    /// The document is not an object.
    #[error("server.json is not an object")]
    NotAnObject,
    /// The document follows another edition of the schema, or names none.
    #[error("server.json has $schema `{}`, expected `{SCHEMA}`", .0.escape_debug())]
    Schema(String),
    /// There is no name at all.
    #[error("server.json has no name")]
    NoName,
    /// The name is not one that a package can have.
    #[error("server.json has an unusable name")]
    Name(#[source] NameError),
    /// The version is not strict semantic versioning.
    #[error("server.json has an unusable version")]
    Version(#[source] VersionError),
    /// A text is empty or too long.
    #[error("`{field}` of server.json is {found} characters long, expected 1 to {max}")]
    Length {
        /// Which text.
        field: String,
        /// Its length, in characters.
        found: usize,
        /// The longest it may be, in characters.
        max: usize,
    },
    /// A text has a character that its reader would not see.
    #[error("`{field}` of server.json hides the character {}", character.escape_unicode())]
    Hidden {
        /// Which text.
        field: String,
        /// The character.
        character: char,
    },
    /// A value breaks a rule that the schema has in words or as a pattern.
    #[error("`{field}` of server.json {reason}")]
    Value {
        /// Which value.
        field: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The document names a package that is no image. Every registry adds that of our
    /// own artifact by itself.
    #[error("server.json lists a package of the type `{}`, expected `oci` alone", .0.escape_debug())]
    Packages(String),
    /// The document names an image that cannot be relied on to stay the same.
    #[error("`packages/{index}` of server.json is no image that can be pinned")]
    Image {
        /// Which of its packages.
        index: usize,
        /// What is wrong with it.
        source: ImageReferenceError,
    },
    /// A key of `_meta` belongs to registries.
    #[error("server.json has the key `{}` in `_meta`, which publishers do not fill", .0.escape_debug())]
    MetaKey(String),
    /// The publisher's part of `_meta` is too large.
    #[error("publisher metadata is {0} bytes long, expected at most {MAX_PUBLISHER_META}")]
    MetaLength(usize),
    /// Our extension is malformed, permissions for the most part.
    #[error("the `mcpkg` extension of server.json is malformed")]
    Extension(#[source] serde_json::Error),
}

impl Coded for ServerJsonError {
    fn code(&self) -> Code {
        match self {
            Self::Name(_) => Code::Name,
            Self::Version(_) => Code::Version,
            Self::Image { .. } => Code::Image,
            _ => Code::Metadata,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Schema(_) => Some("rewrite the document for the current edition of the schema"),
            Self::Packages(_) => {
                Some("remove it: the manifest inside the artifact says how to start the server")
            }
            Self::Image { source, .. } => source.hint(),
            Self::MetaLength(_) => Some("keep long texts in the repository and link to them"),
            _ => None,
        }
    }
}
