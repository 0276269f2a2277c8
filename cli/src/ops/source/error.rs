//! Why the source is not at hand.

use std::path::PathBuf;

use mcpkg_core::{Code, Coded};

/// Why there is no source to build from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no `git` here.
    #[error("there is no git here to get the source with")]
    NoGit(#[source] std::io::Error),
    /// What was signed as the commit is none.
    #[error("`{}` is no commit", .0.escape_debug())]
    Commit(String),
    /// The repository is somewhere that we do not go.
    #[error("the source is at `{}`, which is no https address", .0.escape_debug())]
    NotHttps(String),
    /// The commit cannot be got from there.
    #[error("commit {commit} cannot be had from {place}: {said}")]
    NotThere {
        /// The commit that was signed.
        commit: String,
        /// Where it was looked for.
        place: String,
        /// What git said.
        said: String,
    },
    /// What was checked out is another commit.
    #[error("the source is not the one that was signed\n  expected {expected}\n  found    {found}")]
    OtherCommit {
        /// The commit that was signed.
        expected: String,
        /// The commit that is here.
        found: String,
    },
    /// The folder given is no repository.
    #[error("`{}` is no git repository: {said}", folder.display())]
    NoRepository {
        /// The folder.
        folder: PathBuf,
        /// What git said.
        said: String,
    },
    /// The release does not say what it was built from.
    #[error("nothing that was signed says which commit this release was built from")]
    Unknown,
    /// Neither was a recipe signed, nor is there one in the source.
    #[error("this release has no recipe: none was signed, and `{0}` at its commit has none")]
    NoRecipe(String),
    /// The folder of the package is not in the source.
    #[error("the source has no folder `{}`", .0.escape_debug())]
    Folder(String),
    /// A folder's name that git cannot be told.
    #[error("`{}` is not UTF-8", .0.display())]
    Path(PathBuf),
    /// Something else that git could not do.
    #[error("git could not {step}: {said}")]
    Git {
        /// What it was to do.
        step: &'static str,
        /// What it said.
        said: String,
    },
}

impl Coded for SourceError {
    fn code(&self) -> Code {
        Code::Source
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoGit(_) => Some("install git"),
            Self::NotHttps(_) | Self::NotThere { .. } => {
                Some("name a clone that has the commit with `--source <folder>`")
            }
            Self::NoRecipe(_) => Some(
                "the author can declare the build in mcpkg.toml, which `mcpkg pack` then follows \
                 and `mcpkg publish` signs",
            ),
            _ => None,
        }
    }
}
