//! What is locked, against the log as it is now.

use mcpkg_core::lock::LockedServer;
use mcpkg_core::log::{Frontier, LogError, SignedCheckpoint, TileError, TilePath, VerifiedTiles};
use mcpkg_core::{Code, Coded as _};
use mcpkg_verify::TrustStore;

use super::evidence::Lie;
use super::{Contact, KnownLog, receipt};
use crate::error::{Error, Result};
use crate::ops::release;
use crate::registry::Registry;

/// Checks that the registry stands by the release that `server` pins: that its
/// signed index still lists it, that its log goes on from what is remembered, and
/// that the tree of the receipt is the start of the log's tree of now.
///
/// What it gives is what the user should look at.
///
/// # Errors
///
/// [`Code::HiddenRelease`], [`Code::Rollback`] or [`Code::LogFork`] with the proof
/// in a file; or why the registry could not be asked.
pub fn online(
    server: &LockedServer,
    known: KnownLog<'_>,
    registry: &Registry,
    trust: &TrustStore,
) -> Result<Vec<String>> {
    let mut contact = Contact::new(known, registry, &server.name)?;
    let signed = match receipt::check_locked(server, &contact.known) {
        // It may be by a key from before the one that is pinned.
        Err(error) if error.code() == Code::LogKey && contact.known.learn(registry)? => {
            receipt::check_locked(server, &contact.known)?
        }
        other => other?,
    };
    goes_on(&signed, &contact, registry)?;
    let remark = release::remark(&mut contact, &server.version, trust)?;
    let remark =
        remark.map(|remark| format!("what you have installed of {}: {remark}", server.name));
    Ok(contact.warnings.into_iter().chain(remark).collect())
}

/// Checks a receipt whose key the registry has to explain. Nothing else is asked.
fn goes_on(signed: &SignedCheckpoint, contact: &Contact<'_>, registry: &Registry) -> Result<()> {
    let (old, newest) = (signed.tree(), &contact.checkpoint);
    if old == newest.tree() {
        return Ok(());
    }
    // No proof is asked for: the tiles are one for every receipt.
    let fetch = |path: &TilePath| registry.tile(path).map_err(Failure::Asking);
    let mut tiles = VerifiedTiles::new(newest.tree(), fetch);
    let start =
        Frontier::read(old.size, &mut |node| tiles.hash(node)).map_err(
            |failure| match failure {
                Failure::Asking(error) => error,
                Failure::Tile(error) => Error::wrap(contact.known.label())(LogError::from(error)),
            },
        )?;
    if start.tree() == old {
        return Ok(());
    }
    Err(contact.known.found().keep(&Lie {
        code: Code::LogFork,
        what: format!(
            "the log of {} entries does not begin with the one of {} entries that it signed before",
            newest.tree().size,
            old.size
        ),
        proves: format!(
            "The log has signed both trees. The first {} entries of the larger one give the root\n\
             {}, and not the one of the smaller: ask the log for the consistency proof from the\n\
             one to the other. There is none, whatever it answers.",
            old.size,
            start.root()
        ),
        parts: vec![
            ("checkpoint of the receipt", signed.note()),
            ("checkpoint that is shown now", newest.note()),
        ],
    }))
}

/// Why a tile could not be had.
enum Failure {
    Asking(Error),
    Tile(TileError),
}

impl From<TileError> for Failure {
    fn from(error: TileError) -> Self {
        Self::Tile(error)
    }
}
