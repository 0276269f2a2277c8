//! Which folder is the project that a server works in: `${workspace}`.
//!
//! For a server of a project it is the folder of the project's lock. For one of the
//! user's own it is the folder that the agent started us in, and agents start servers
//! in all kinds of folders: the home folder, `/`, the one that they were installed in.
//! So that folder counts only if it is a project, which a file or folder in it shows,
//! and is neither the home folder nor around it. Where it is not, a server that was
//! granted `${workspace}` is not started: it could do nothing, or far too much.

use std::path::{Path, PathBuf};

use crate::sandbox::denied::resolved;

/// What is at the root of a project and nowhere else.
const MARKS: [&str; 12] = [
    ".git",
    ".hg",
    ".jj",
    ".svn",
    "mcpkg.toml",
    "mcpkg.lock",
    "Cargo.toml",
    "go.mod",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "deno.json",
];

/// The project that a server works in, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace(Option<PathBuf>);

impl Workspace {
    /// The project whose lock is in `folder`.
    pub fn of_project(folder: &Path) -> Self {
        Self(Some(resolved(folder)))
    }

    /// The project that `folder` is the root of, if it is one.
    pub fn around(folder: &Path, home: &Path) -> Self {
        let (folder, home) = (resolved(folder), resolved(home));
        let is_project = !home.starts_with(&folder)
            && folder.components().count() > 2
            && MARKS.iter().any(|mark| folder.join(mark).exists());
        Self(is_project.then_some(folder))
    }

    /// Its folder.
    pub fn folder(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_project_if_something_shows_it_and_it_is_not_home_or_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = resolved(folder.path());
        let home = root.join("users/me");
        for (path, mark) in [
            ("users/me/project", ".git"),
            ("users/me/plain", "notes.txt"),
            ("users/me", ".git"),
            ("users", "package.json"),
            ("srv/project", "Cargo.toml"),
        ] {
            std::fs::create_dir_all(root.join(path)).unwrap();
            std::fs::write(root.join(path).join(mark), "").unwrap();
        }
        for (path, is_project) in [
            ("users/me/project", true),
            ("users/me/plain", false),
            ("users/me", false),
            ("users", false),
            ("srv/project", true),
        ] {
            let found = Workspace::around(&root.join(path), &home);
            assert_eq!(found.folder().is_some(), is_project, "{path}");
        }
        assert_eq!(Workspace::around(Path::new("/"), &home).folder(), None);
    }
}
