//! Files that hold a signing key.
//!
//! One line, as Go's `note` package writes it: `PRIVATE+KEY+<name>+<id>+<base64>`.
//! Nobody but the owner may read or write the file, and none is ever overwritten.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mcpkg_core::log::{KeyError, SigningKey};
use mcpkg_core::{Code, Coded};

use crate::durable;

/// Whoever else may read, write or run a file.
const OTHERS: u32 = 0o077;

/// The longest file that is read, in bytes: the longest name, four times.
const MAX_LEN: u64 = 1024;

/// Why there is no key, or none that may be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is a file where a new key should go.
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    /// Others can read it.
    #[error("the signing key `{}` can be read by other users", .0.display())]
    Mode(PathBuf),
    /// The file holds no key.
    #[error("`{}` holds no signing key", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
}

/// Makes a key that signs as `name`, for the file at `path`, where it is not kept yet.
pub(crate) fn make(path: &Path, name: &str) -> Result<SigningKey, KeyFileError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| failed_to("make a key for", path)(io::Error::other(error)))?;
    SigningKey::from_seed(name, seed)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Keeps a key at `path`, where there is nothing yet. Blocks.
pub(crate) fn create(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", key.to_text())?;
        file.sync_all()?;
        durable::sync_folder(path.parent().unwrap_or(Path::new("")))
    };
    write().map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => failed_to("write", path)(source),
    })
}

/// Makes a key that signs as `name`, and keeps it at `path`. Blocks.
pub(crate) fn generate(path: &Path, name: &str) -> Result<SigningKey, KeyFileError> {
    let key = make(path, name)?;
    create(path, &key)?;
    Ok(key)
}

/// Reads a key that its owner alone may read; `None` if there is no file. Blocks.
pub(crate) fn find(path: &Path) -> Result<Option<SigningKey>, KeyFileError> {
    match read(path) {
        Err(KeyFileError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Reads a key that its owner alone may read. Blocks.
pub(crate) fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let file = File::open(path).map_err(failed_to("read", path))?;
    // Of the open file, so that it is the one that is read.
    let metadata = file.metadata().map_err(failed_to("read", path))?;
    if metadata.mode() & OTHERS != 0 {
        return Err(KeyFileError::Mode(path.to_owned()));
    }
    let mut text = String::new();
    file.take(MAX_LEN).read_to_string(&mut text).map_err(failed_to("read", path))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.parse().map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

fn failed_to(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::File { action, path, source }
}

impl Coded for KeyFileError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::Storage,
            Self::Exists(_) | Self::Mode(_) | Self::Key { .. } => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists(_) => Some("name another file, or go on with the key that is there"),
            Self::Mode(_) => Some(
                "`chmod 600` the file; if others may have read it, make a new key and give \
                 its verifier key to whoever trusts the old one",
            ),
            Self::File { .. } | Self::Key { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_that_is_kept_is_read_again_and_only_its_owner_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = generate(&path, "example.com/w").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().to_text(), key.to_text());
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path), Err(KeyFileError::Mode(_))), "{mode:o}");
        }
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "something").unwrap();
        assert!(matches!(generate(&path, "w"), Err(KeyFileError::Exists(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "something");
    }

    #[test]
    fn what_holds_no_key_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = generate(&path, "w").unwrap().to_text();
        let public = text.strip_prefix("PRIVATE+KEY+").unwrap().to_owned();
        for bad in ["", "\n", "PRIVATE+KEY+w", &public, &format!("{text}\n\n"), &text[..40]] {
            fs::write(&path, bad).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Key { .. }), "{bad}: {error:?}");
            assert!(!format!("{error:?} {error}").contains(&text[20..]), "{error:?}");
        }
    }
}
