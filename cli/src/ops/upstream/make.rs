//! Making the artifact of what was decided about.

use mcpkg_core::lock::LockedArtifact;
use mcpkg_upstream::{Importer, Made};

use super::{Chosen, failed};
use crate::error::{Error, Result};
use crate::ops::fetch::{self, Unpacked};
use crate::store::Store;
use crate::ui::Ui;

/// Fetches what was chosen, makes the artifact in staging, and unpacks it there.
pub fn make(
    chosen: &Chosen,
    importer: &Importer,
    store: &Store,
    ui: Ui,
) -> Result<(Made, Unpacked)> {
    made(chosen, importer, store, ui, |_| Ok(()))
}

/// The same, of what is locked as `pinned`: it has to be that artifact, to the byte.
///
/// # Errors
///
/// [`Error::DigestMismatch`] before anything of another artifact is unpacked.
pub fn make_again(
    chosen: &Chosen,
    pinned: &LockedArtifact,
    importer: &Importer,
    store: &Store,
    ui: Ui,
) -> Result<Unpacked> {
    let (_, unpacked) = made(chosen, importer, store, ui, |made| {
        if made.digest != pinned.digest {
            let (expected, found) = (pinned.digest, made.digest);
            return Err(Error::DigestMismatch { expected, found });
        }
        if made.tree != pinned.tree {
            let (expected, found) = (pinned.tree, made.tree);
            return Err(Error::TreeMismatch { expected, found });
        }
        Ok(())
    })?;
    Ok(unpacked)
}

fn made(
    chosen: &Chosen,
    importer: &Importer,
    store: &Store,
    ui: Ui,
    check: impl FnOnce(&Made) -> Result<()>,
) -> Result<(Made, Unpacked)> {
    let staging = store.stage()?;
    let (path, _) = staging.file()?;
    let bar = ui.progress("Fetching", 0);
    let made = importer
        .make(&chosen.closure, &chosen.statements, &path, |bytes| {
            bar.inc_length(bytes);
            Ui::advance(&bar, bytes);
        })
        .map_err(failed)?;
    bar.finish_and_clear();
    check(&made)?;
    let unpacked = fetch::take(staging, &path, made.tree)?;
    Ok((made, unpacked))
}
