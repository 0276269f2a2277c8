//! The file that a path leads to.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{FileError, MAX_SIZE_BYTES, exists};

/// How many symbolic links may lead to a file. Linux follows as many
/// (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// A path that is no symbolic link: a regular file, or nothing yet.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// What the user calls it.
    asked: PathBuf,
}

impl Target {
    /// Follows the symbolic links at `path`, to a file that need not exist.
    ///
    /// `fs::canonicalize` would not do: it fails for a link whose file is
    /// still to be created.
    pub(super) fn of(asked: &Path) -> Result<Self, FileError> {
        let mut path = asked.to_owned();
        for _ in 0..=MAX_LINKS {
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let target = Self { path, asked: asked.to_owned() };
                    let is_link = target.path != target.asked;
                    return if is_link && !exists(target.folder()) {
                        Err(FileError::LinkToNowhere { path: target.asked })
                    } else {
                        Ok(target)
                    };
                }
                Err(source) => return Err(FileError::Read { path, source }),
            };
            if metadata.is_file() {
                return Ok(Self { path, asked: asked.to_owned() });
            }
            if !metadata.is_symlink() {
                return Err(FileError::NotAFile { path });
            }
            let next = fs::read_link(&path)
                .map_err(|source| FileError::Read { path: path.clone(), source })?;
            // A relative link starts from the folder it is in.
            path = path.parent().unwrap_or(Path::new("")).join(next);
        }
        Err(FileError::LinkToNowhere { path: asked.to_owned() })
    }

    /// The folder the file is in.
    pub(super) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// The uppermost folder on the way to the file that does not exist.
    pub(super) fn missing_folder(&self) -> Option<PathBuf> {
        let folders = self.folder().ancestors().filter(|path| !path.as_os_str().is_empty());
        folders.take_while(|path| !exists(path)).last().map(Path::to_owned)
    }

    /// Refuses a file outside of `folder`, wherever links on the way lead.
    pub(super) fn check_inside(&self, folder: &Path) -> Result<(), FileError> {
        let resolve = |path: &Path| {
            fs::canonicalize(path)
                .map_err(|source| FileError::Read { path: path.to_owned(), source })
        };
        // The folders that do not exist yet are real ones once we create them.
        let existing = self.path.ancestors().skip(1).find(|path| exists(path));
        let existing = existing.unwrap_or(Path::new("."));
        if resolve(existing)?.starts_with(resolve(folder)?) {
            return Ok(());
        }
        Err(FileError::Outside {
            path: self.asked.clone(),
            folder: folder.to_owned(),
            target: self.path.clone(),
        })
    }

    /// Refuses a file or folder that is marked as read-only.
    ///
    /// A rename replaces a read-only file without a word, and so does the
    /// superuser in a read-only folder. Whoever set the mark (Nix, a dotfile
    /// program) means that the content is decided somewhere else.
    pub(super) fn check_writable(&self) -> Result<(), FileError> {
        // On Windows the mark on a folder means that it has an icon of its own.
        let folder = cfg!(unix).then(|| self.folder());
        for path in std::iter::once(self.path.as_path()).chain(folder) {
            match fs::metadata(path) {
                Ok(metadata) if metadata.permissions().readonly() => {
                    return Err(FileError::ReadOnly { path: path.to_owned() });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError::Read { path: path.to_owned(), source }),
            }
        }
        Ok(())
    }

    /// The bytes of the file, or `None` if there is no file.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        let failed = |source| FileError::Read { path: self.path.clone(), source };
        match fs::symlink_metadata(&self.path) {
            // To open a named pipe would wait for its writer.
            Ok(metadata) if !metadata.is_file() => {
                return Err(FileError::NotAFile { path: self.path.clone() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        }
        let file = File::open(&self.path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MAX_SIZE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_SIZE_BYTES {
            return Err(FileError::TooLarge { path: self.path.clone() });
        }
        Ok(Some(bytes))
    }
}
