//! Source code, and at which commit it is.
//!
//! A commit's id is the hash of all that is in it, so whoever brings a commit
//! can only bring the right one, as long as somebody hashes it here. `git` does,
//! for what it receives through its own protocol; so a local repository is
//! fetched from in the same way as one on the network, and never copied or read
//! in place. What is not committed there is then never seen.
//!
//! What git is told to do without: configuration of the user and of the system,
//! hooks, submodules, filters (large files stay pointers), prompts, and every
//! protocol but https and a local file.

mod error;
mod git;
mod project;

use std::path::Path;

use mcpkg_core::archive::ArchivePath;
use mcpkg_core::evidence::SourceCommit;

pub use self::error::SourceError;
use self::git::Git;
pub use self::project::read_project;

/// A source folder that somebody works in.
#[derive(Debug)]
pub struct Place {
    /// The folder, from the root of its repository; `None` is the root.
    pub path: Option<ArchivePath>,
    /// When the commit was made that is checked out, in seconds since 1970.
    pub committed_at: i64,
}

/// Where `folder` is in its git repository, or `None` if it is in none that has
/// a commit.
pub fn place(folder: &Path) -> Option<Place> {
    // The user's own repository, with the user's own configuration.
    let git = Git::of_user();
    let time = git.ask(folder, &["show", "-s", "--format=%ct", "HEAD"]).ok()?;
    let prefix = git.ask(folder, &["rev-parse", "--show-prefix"]).ok()?;
    let prefix = prefix.trim_end_matches('/');
    let path = if prefix.is_empty() { None } else { Some(prefix.parse().ok()?) };
    Some(Place { path, committed_at: time.parse().ok()? })
}

/// Puts the files of `commit` into the new folder `target`, from its repository
/// or, if `local` is one, from that. Returns when the commit was made, in seconds
/// since 1970.
///
/// `scratch` is a folder of our own.
///
/// # Errors
///
/// [`SourceError`], all of which are `E_SOURCE`: there is no git, the repository
/// does not have the commit, or what was checked out is not it.
pub fn check_out(
    commit: &SourceCommit,
    local: Option<&Path>,
    target: &Path,
    scratch: &Path,
) -> Result<i64, SourceError> {
    let id = &commit.commit;
    let format = match id.len() {
        40 => "sha1",
        64 => "sha256",
        _ => return Err(SourceError::Commit(id.clone())),
    };
    if !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(SourceError::Commit(id.clone()));
    }
    let git = Git::isolated(scratch)?;
    let address = match local {
        Some(folder) => git.address_of(folder)?,
        None if commit.repository.starts_with("https://") => commit.repository.clone(),
        None => return Err(SourceError::NotHttps(commit.repository.clone())),
    };
    let text = target.to_str().ok_or_else(|| SourceError::Path(target.to_owned()))?;
    let format = format!("--object-format={format}");
    git.run(scratch, &["init", "--quiet", "--template=", &format, "--", text])
        .map_err(|said| SourceError::Git { step: "make a repository", said })?;
    let fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1"];
    git.run(target, &[fetch.as_slice(), &["--", &address, id]].concat()).map_err(|said| {
        SourceError::NotThere { commit: id.clone(), place: place_of(commit, local), said }
    })?;
    git.run(target, &["checkout", "--quiet", "--detach", "--force", id])
        .map_err(|said| SourceError::Git { step: "check the commit out", said })?;
    // Asked for by its hash and found by its hash; and yet it costs nothing to look.
    let ask = |arguments: &[&str]| {
        git.ask(target, arguments)
            .map_err(|said| SourceError::Git { step: "look at the commit", said })
    };
    let found = ask(&["rev-parse", "--verify", "HEAD^{commit}"])?;
    if found != *id {
        return Err(SourceError::OtherCommit { expected: id.clone(), found });
    }
    let time = ask(&["show", "-s", "--format=%ct", "HEAD"])?;
    time.parse().map_err(|_| SourceError::Git { step: "read the commit's time", said: time })
}

fn place_of(commit: &SourceCommit, local: Option<&Path>) -> String {
    local.map_or_else(|| commit.repository.clone(), |folder| folder.display().to_string())
}
