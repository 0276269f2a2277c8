//! Why the database did not do what it was asked to.

use std::error::Error;

use mcpkg_core::{Code, Coded};

/// A failure of the database, in terms of what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The SQLite in this program can lose data.
    #[error("SQLite is {found}, expected 3.51.3 or newer")]
    OldSqlite { found: String },
    /// The database was made by another version of this program.
    #[error("the schema of the database is not the one of this program")]
    Schema(#[source] Box<dyn Error + Send + Sync>),
    /// Every connection is busy.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// Another process holds the database.
    #[error("the database is locked by another process")]
    Locked(#[source] sqlx::Error),
    /// There is no room left.
    #[error("the disk of the database is full")]
    Full(#[source] sqlx::Error),
    /// The file cannot be read or written.
    #[error("the file of the database cannot be used")]
    File(#[source] sqlx::Error),
    /// A value in the database is not what only this program could have put there.
    #[error("{column} in the database is corrupt")]
    Corrupt { column: &'static str, source: Box<dyn Error + Send + Sync> },
    /// A statement of ours is wrong.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => return Self::Busy(error),
            sqlx::Error::Io(_) => return Self::File(error),
            sqlx::Error::Database(database) => {
                database.code().and_then(|code| code.parse::<u32>().ok())
            }
            _ => None,
        };
        // The low byte is the primary result code.
        // Source: https://www.sqlite.org/rescode.html
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Locked(error),
            Some(13) => Self::Full(error),
            // Permission, read-only, I/O, corrupt, cannot open, not a database.
            Some(3 | 8 | 10 | 11 | 14 | 26) => Self::File(error),
            _ => Self::Statement(error),
        }
    }
}

impl Coded for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Busy(_) => Code::Unavailable,
            Self::OldSqlite { .. } | Self::Statement(_) => Code::Internal,
            Self::Schema(_)
            | Self::Locked(_)
            | Self::Full(_)
            | Self::File(_)
            | Self::Corrupt { .. } => Code::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Busy(_) | Self::Locked(_) => "try again in a moment",
            Self::Full(_) => "make room on the registry's disk",
            Self::File(_) => "check that the registry may read and write its data folder",
            Self::Corrupt { .. } => {
                "run `mcpkg-registry fsck`, and restore the database from a backup"
            }
            Self::Schema(_) => "run the version of mcpkg-registry that wrote this data, or newer",
            Self::OldSqlite { .. } | Self::Statement(_) => return None,
        })
    }
}

/// Makes the error for a value in `column` that does not parse.
pub(super) fn corrupt<E: Error + Send + Sync + 'static>(
    column: &'static str,
) -> impl Fn(E) -> StoreError {
    move |source| StoreError::Corrupt { column, source: Box::new(source) }
}
