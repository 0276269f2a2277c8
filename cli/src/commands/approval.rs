//! Who approves what a server asks for.

use std::collections::BTreeSet;

use mcpkg_core::permissions::Permissions;
use mcpkg_core::{PackageName, Version};

use crate::args::{ApproveArgs, parse_release};
use crate::error::{Error, Result};
use crate::ui::Ui;

/// The releases that may have more than was approved before, each named by the user.
pub(super) struct Approved(BTreeSet<(PackageName, Version)>);

impl Approved {
    pub(super) fn parse(args: &ApproveArgs) -> Result<Self> {
        let parse = |text: &String| {
            parse_release(text).map_err(|reason| Error::Argument {
                what: "release",
                found: text.clone(),
                reason,
            })
        };
        args.accept_permissions.iter().map(parse).collect::<Result<_>>().map(Self)
    }

    /// Asks whether a server that is installed may have what it did not ask for before.
    ///
    /// Approving everything by `--yes` approves what a user knows, and nobody knows what
    /// the next release asks for: so this is answered at a terminal, or by a flag that
    /// names the release.
    ///
    /// # Errors
    ///
    /// [`Error::Widened`] without an answer, [`Error::Declined`] for a no.
    pub(super) fn widening(
        &self,
        (name, version): (&PackageName, &Version),
        added: &Permissions,
        ui: Ui,
    ) -> Result<()> {
        if added.is_empty() || self.0.contains(&(name.clone(), version.clone())) {
            return Ok(());
        }
        let added = added.describe();
        let question = format!("Let it also {}?", added.join(", "));
        match (Ui { yes: false, ..ui }).confirm(&question) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Declined),
            Err(Error::NoTerminal) => {
                Err(Error::Widened { name: name.clone(), version: version.clone(), added })
            }
            Err(error) => Err(error),
        }
    }
}
