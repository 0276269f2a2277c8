//! Which files of a folder are packed.

use std::fs;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use mcpkg_core::Code;
use mcpkg_core::archive::ArchivePath;

use crate::error::{Error, Result};
use crate::store::is_executable;

/// What is never packed, in the syntax of `.gitignore`: version control, what
/// holds credentials, caches, links that npm makes for a shell, artifacts, and the
/// `server.json`, which is signed beside the artifact.
const NEVER: [&str; 23] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".gitignore",
    ".gitattributes",
    ".mcpbignore",
    ".env",
    ".env.*",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    ".netrc",
    "node_modules/.bin",
    "node_modules/.cache",
    "node_modules/.package-lock.json",
    "__pycache__",
    ".DS_Store",
    "Thumbs.db",
    "*.mcpb",
    "/mcpkg.toml",
    "/server.json",
];

/// A file to pack.
pub(super) struct PackedFile {
    pub(super) path: ArchivePath,
    pub(super) source: PathBuf,
    pub(super) is_executable: bool,
}

/// The files to pack, by the bytes of their paths, but none that is in `out`.
pub(super) fn collect(folder: &Path, out: Option<&Path>) -> Result<Vec<PackedFile>> {
    let ignored = ignored(folder)?;
    let out = out.and_then(|out| fs::canonicalize(out).ok());
    let mut files = Vec::new();
    walk(folder, folder, &ignored, out.as_deref(), &mut files)?;
    files.sort_by(|a: &PackedFile, b| a.path.cmp(&b.path));
    Ok(files)
}

fn ignored(folder: &Path) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new(folder);
    let setting = |error: ignore::Error| Error::Setting {
        message: format!("`.mcpbignore` cannot be read: {error}"),
        hint: "it has the syntax of .gitignore",
    };
    for pattern in NEVER {
        builder.add_line(None, pattern).map_err(setting)?;
    }
    let own = folder.join(".mcpbignore");
    if own.is_file()
        && let Some(error) = builder.add(own)
    {
        return Err(setting(error));
    }
    builder.build().map_err(setting)
}

fn walk(
    root: &Path,
    folder: &Path,
    ignored: &Gitignore,
    out: Option<&Path>,
    files: &mut Vec<PackedFile>,
) -> Result<()> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let source = entry.map_err(failed)?.path();
        // The metadata of the entry itself: a link is not followed, because it
        // could bring in what is not below the folder.
        let metadata = fs::symlink_metadata(&source).map_err(failed)?;
        if ignored.matched(&source, metadata.is_dir()).is_ignore() {
            continue;
        }
        if metadata.is_dir() {
            if out.is_none() || fs::canonicalize(&source).ok().as_deref() != out {
                walk(root, &source, ignored, out, files)?;
            }
        } else if metadata.is_file() {
            let path = archive_path(root, &source)?;
            files.push(PackedFile { path, is_executable: is_executable(&metadata), source });
        } else {
            return Err(not_regular(&source));
        }
    }
    Ok(())
}

fn archive_path(root: &Path, source: &Path) -> Result<ArchivePath> {
    let relative = source.strip_prefix(root).unwrap_or(source);
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    let path = parts.map(|parts| parts.join("/")).unwrap_or_default();
    path.parse::<ArchivePath>()
        .map_err(Error::wrap(format!("`{}` cannot be packed", source.display())))
}

/// The refusal of a link, a pipe or a device.
pub(super) fn not_regular(path: &Path) -> Error {
    Error::Failed {
        context: format!("`{}` is neither a file nor a folder", path.display()),
        code: Code::EntryType,
        hint: Some("an artifact holds regular files only: copy it, or name it in .mcpbignore"),
        source: "links, pipes and devices cannot be packed".into(),
    }
}
