//! Where a package comes from: the steps that `install`, `update`, `lock` and `sync`
//! have in common.

use mcpkg_core::lock::LockedServer;
use mcpkg_core::{PackageName, Platform};
use mcpkg_verify::TrustStore;

use super::{Context, judged};
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::ops::content::{self, Content};
use crate::ops::fetch;
use crate::ops::log::{Contact, receipt};
use crate::ops::release::TrustedRelease;
use crate::ops::{again, faults};
use crate::registry::Registry;
use crate::store::Store;

/// A registry, and who may vouch for what it has.
pub(super) struct Origin<'a> {
    pub(super) config: &'a Config,
    pub(super) source: &'a RegistryConfig,
    pub(super) registry: Registry,
    pub(super) trust: TrustStore,
}

impl<'a> Origin<'a> {
    /// The registry that serves `name`.
    pub(super) fn serving(
        name: &PackageName,
        config: &'a Config,
        context: &Context,
    ) -> Result<Self> {
        let source = config.registry_for(context.registry.as_deref(), Some(name))?;
        Self::new(source, config, context)
    }

    /// The registry that a server was installed from, and no other.
    pub(super) fn of(server: &LockedServer, config: &'a Config, context: &Context) -> Result<Self> {
        if server.upstream.is_some() {
            return Err(receipt::upstream(server));
        }
        let is_it = |source: &&RegistryConfig| source.url.as_str() == server.registry;
        let source = config.registries.iter().find(is_it);
        let source = source.ok_or_else(|| Error::UnknownRegistry(server.registry.clone()))?;
        Self::new(source, config, context)
    }

    fn new(source: &'a RegistryConfig, config: &'a Config, context: &Context) -> Result<Self> {
        let registry = context.client(config, source)?;
        Ok(Self { config, source, registry, trust: context.trust(source)? })
    }

    /// Asks for the index of `name`.
    pub(super) fn contact<'b>(
        &'b self,
        name: &PackageName,
        context: &'b Context,
    ) -> Result<Contact<'b>> {
        Contact::new(context.log(self.config, self.source)?, &self.registry, name)
    }

    /// Asks for the index of an installed server's package, and remembers what it says
    /// against that one, for when it starts.
    pub(super) fn contact_of<'b>(
        &'b self,
        server: &LockedServer,
        context: &'b Context,
    ) -> Result<Contact<'b>> {
        let contact = self.contact(&server.name, context)?;
        faults::learn(server, &contact, &context.places)?;
        Ok(contact)
    }

    /// The release that is locked, as the registry shows it now, judged again.
    pub(super) fn shown(&self, server: &LockedServer, context: &Context) -> Result<TrustedRelease> {
        let policy = again::policy(self.source.policy());
        let terms = again::terms(server, &policy, context.now);
        let mut contact = self.contact_of(server, context)?;
        let version = &server.version;
        let release = judged::release(&mut contact, version, &self.trust, terms, context)?;
        receipt::check_locked(server, contact.known())?;
        Ok(release)
    }

    /// The release that is locked, as it was kept, or else as the registry has it, judged
    /// again by what is known here.
    pub(super) fn kept(
        &self,
        server: &LockedServer,
        store: &Store,
        context: &Context,
    ) -> Result<TrustedRelease> {
        let policy = again::policy(self.source.policy());
        let terms = again::terms(server, &policy, context.now);
        let known = context.log(self.config, self.source)?;
        let document = match store.release(server.metadata) {
            Err(Error::NotInStore { .. }) => {
                context.online("fetching what is not in the store")?;
                self.registry.release(&server.name, &server.version, None)?
            }
            other => other?,
        };
        again::check(document, server, &self.trust, &known, terms)
    }

    /// Brings the bytes that were signed, for this platform, into staging. Where there
    /// are none, what was signed instead.
    pub(super) fn fetch(
        &self,
        release: &TrustedRelease,
        store: &Store,
        context: &Context,
    ) -> Result<Content> {
        if release.document.artifacts.is_empty() {
            return content::elsewhere(&release.server_json).map(Content::Elsewhere);
        }
        context.online("fetching what is not in the store")?;
        let artifacts = &release.document.artifacts;
        let host = Platform::current();
        let artifact = Platform::choose(artifacts, |found| found.platform, host);
        let artifact = artifact.ok_or_else(|| no_artifact(release))?;
        context.ui.more("fetches", format!("{} from {}", artifact.digest, self.source.url));
        let (server_json, ui) = (&release.server_json, &context.ui);
        fetch::fetch(&self.registry, artifact, server_json, store, ui).map(Content::Files)
    }
}

fn no_artifact(release: &TrustedRelease) -> Error {
    let platforms: Vec<_> =
        release.document.artifacts.iter().map(|artifact| artifact.platform).collect();
    Error::NoArtifact {
        name: release.document.name.clone(),
        version: release.document.version.clone(),
        available: crate::request::platforms(&platforms),
    }
}
