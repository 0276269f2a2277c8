//! `mcpkg-registry log …`: beginning a log, and giving it another key or name.
//!
//! All of it is done while no server runs. Each step survives a crash, and the
//! next start, or the same command again, goes on from it.

use std::fmt;

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::log::{Succession, Tree, VerifierKey};
use serde::Serialize;

use super::error::failed_to;
use super::open::{OpenedLog, committed, second};
use super::signer::sign;
use super::{LogError, key};
use crate::key_file;

/// What to do with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAction {
    /// Say which it is.
    Show,
    /// Begin one.
    Init,
    /// Give it a new key.
    Rotate,
    /// Freeze it, and go on as a new one.
    Succeed {
        /// What the new one is called.
        origin: String,
    },
    /// Make the guard again, which was lost.
    ResetGuard {
        /// How many entries were signed, as the operator knows.
        size: u64,
    },
}

/// A log after something was done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Managed {
    /// What it is called.
    pub origin: String,
    /// Its key, as clients pin it.
    pub key: VerifierKey,
    /// The digest of the key's text.
    pub fingerprint: Digest,
    /// How many entries it has.
    pub size: u64,
    /// The keys it had before, oldest first.
    pub retired: Vec<VerifierKey>,
}

/// Does `action`. `may_begin` says whether there is nothing that a log would have
/// to know of. Blocks.
pub(crate) fn manage_now(
    parts: &OpenedLog,
    action: &LogAction,
    may_begin: bool,
) -> Result<Managed, LogError> {
    match action {
        LogAction::Show => (),
        LogAction::Init => {
            if parts.files.checkpoint()?.is_some() || !may_begin {
                return Err(LogError::Exists(parts.files.root().to_owned()));
            }
            if key_file::find(&parts.key)?.is_none() {
                parts.begin_key()?;
            }
            parts.open(true)?;
        }
        LogAction::Rotate => {
            let origin = parts.key(false)?.0.name().to_owned();
            succeed(parts, &origin)?;
        }
        LogAction::Succeed { origin } => succeed(parts, origin)?,
        LogAction::ResetGuard { size } => reset_guard(parts, *size)?,
    }
    let log = parts.open(false)?;
    let trust = log.trust();
    Ok(Managed {
        origin: trust.origin().to_owned(),
        key: trust.key.clone(),
        fingerprint: trust.key.fingerprint(),
        size: committed(&log, &parts.guard)?.edge.tree().size,
        retired: trust.predecessors.iter().map(|retired| retired.key.clone()).collect(),
    })
}

/// Hands the log over to a new key.
fn succeed(parts: &OpenedLog, origin: &str) -> Result<(), LogError> {
    let log = parts.open(false)?;
    let (old, _) = parts.key(false)?;
    // What the old key has signed last is what the guard holds.
    let last = committed(&log, &parts.guard)?;
    let tree = last.edge.tree();

    let next_path = key::next_path(&parts.key);
    let next = match key_file::find(&next_path)? {
        // From an attempt that stopped; its key was never used.
        Some(next) if next.name() == origin => next,
        _ => match std::fs::remove_file(&next_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed_to("remove", &next_path)(error));
            }
            _ => key_file::generate(&next_path, origin)?,
        },
    };
    parts.files.add_succession(&Succession::sign(&old, &next, tree).to_string())?;
    key::install_next(&parts.key)?;
    // The new key takes over, and the old one signs nothing after this.
    let note = sign(&next, tree, second(Timestamp::now()).max(last.signed_at));
    parts.guard.swap(Some(&last.note), &note)?;
    parts.files.put_checkpoint(&note)
}

/// Makes the guard from what the data folder has, if that is all there ever was.
fn reset_guard(parts: &OpenedLog, size: u64) -> Result<(), LogError> {
    let (key, trust) = parts.key(false)?;
    let published = parts.files.checkpoint()?;
    let published = published.map(|note| trust.verify_checkpoint(&note)).transpose()?;
    let tree = published.map_or_else(Tree::empty, |checkpoint| checkpoint.tree());
    if tree.size != size {
        return Err(LogError::Behind {
            guard: Tree { size, ..tree },
            found: tree.size.to_string(),
        });
    }
    let note = sign(&key, tree, second(Timestamp::now()));
    parts.guard.swap(parts.guard.read()?.as_deref(), &note)
}

impl fmt::Display for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, key, fingerprint, size, retired } = self;
        writeln!(f, "origin       {origin}")?;
        writeln!(f, "entries      {size}")?;
        writeln!(f, "key          {key}")?;
        writeln!(f, "fingerprint  {fingerprint}")?;
        retired.iter().try_for_each(|key| writeln!(f, "retired      {key}"))
    }
}
