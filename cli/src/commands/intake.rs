//! Taking releases into a lock, which `update`, `lock` and `sync` have in common.

use mcpkg_core::Version;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::Policy;

use super::approval::Approved;
use super::origin::Origin;
use super::{Context, judged};
use crate::args::{AcceptArgs, ConsentArgs, UnattestedArgs};
use crate::config::Config;
use crate::error::Result;
use crate::ops::log::Contact;
use crate::ops::release::{Terms, TrustedRelease};
use crate::store::Store;
use crate::ui::Ui;

/// What it takes to take releases into a lock.
pub(super) struct Intake<'a> {
    pub(super) config: Config,
    pub(super) accept: &'a AcceptArgs,
    pub(super) unattested: &'a UnattestedArgs,
    pub(super) approved: Approved,
    pub(super) store: Store,
    pub(super) ui: Ui,
    pub(super) context: &'a Context,
}

impl<'a> Intake<'a> {
    pub(super) fn new(consent: &'a ConsentArgs, ui: Ui, context: &'a Context) -> Result<Self> {
        Ok(Self {
            config: context.config()?,
            accept: &consent.accept,
            unattested: &consent.unattested,
            approved: Approved::parse(&consent.approve)?,
            store: Store::new(&context.places),
            ui,
            context,
        })
    }

    /// Asks for a release that is to take the place of `locked`, and judges it.
    pub(super) fn judge(
        &self,
        (origin, contact): (&Origin<'_>, &mut Contact<'_>),
        version: &Version,
        policy: &Policy,
        locked: Option<&LockedServer>,
    ) -> Result<TrustedRelease> {
        let terms = Terms { policy, locked, accepts_yanked: false, now: self.context.now };
        judged::release(contact, version, &origin.trust, terms, self.context)
    }
}
