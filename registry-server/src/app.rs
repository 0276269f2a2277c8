//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;

use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::policy::Policy;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::admission::Admission;
use crate::audit::Audit;
use crate::authority::Authority;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::limits::Limits;
use crate::log::{Handle, Log};
use crate::mirror::{Fetches, Mirror, Shelf};
use crate::official::{NamedRegistry, Official};
use crate::policy::Engine;
use crate::store::Store;
use crate::trust::Trust;

/// The parts of a running registry. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct App {
    parts: Arc<Parts>,
}

/// What an [`App`] holds.
#[derive(Debug)]
pub(crate) struct Parts {
    /// What is published.
    pub(crate) store: Store,
    /// The bytes of it.
    pub(crate) blobs: Blobs,
    /// What was accepted, for readers.
    pub(crate) log: Log,
    /// All of that, as it is served.
    pub(crate) own: Shelf,
    /// The same of other registries.
    pub(crate) mirror: Mirror,
    /// Who fetched what.
    pub(crate) fetches: Fetches,
    /// Where releases are handed in to be logged.
    pub(crate) sequencer: Handle,
    /// Whose signatures count.
    pub(crate) trust: Trust,
    /// Who asks domains which publishers they list.
    pub(crate) authority: Authority,
    /// Who is known, and as what.
    pub(crate) access: Access,
    /// Who may do what.
    pub(crate) engine: Arc<Engine>,
    /// What is given out.
    pub(crate) admission: Arc<Admission>,
    /// Where that is remembered.
    pub(crate) audit: Audit,
    /// Publishing through the MCP registry's API.
    pub(crate) official: Official,
    /// What else a release has to be.
    pub(crate) policy: Policy,
    /// Whose word on rebuilds is taken; anybody's, if nobody is listed.
    pub(crate) rebuilders: Vec<AllowedIdentity>,
    /// How others reach us, or nothing: then addresses are relative.
    pub(crate) public_url: String,
    /// How others reach us, in any case: by default, at the address that is listened on.
    pub(crate) own_address: String,
    /// Registries for audiences of their own.
    pub(crate) registries: Vec<NamedRegistry>,
    /// What is too much.
    pub(crate) limits: Limits,
    /// A permit for each publish request that may be received.
    pub(crate) publishes: Semaphore,
    /// A permit for each release that may be verified.
    pub(crate) verifications: Semaphore,
}

/// What is served.
#[derive(Debug)]
pub(crate) struct Served {
    /// See [`Parts::own`].
    pub(crate) own: Shelf,
    /// See [`Parts::mirror`].
    pub(crate) mirror: Mirror,
    /// See [`Parts::fetches`].
    pub(crate) fetches: Fetches,
}

/// Who has a say in who may publish, beside the policy.
#[derive(Debug)]
pub(crate) struct Deciders {
    /// See [`Parts::trust`].
    pub(crate) trust: Trust,
    /// See [`Parts::authority`].
    pub(crate) authority: Authority,
    /// See [`Parts::access`].
    pub(crate) access: Access,
    /// See [`Parts::engine`].
    pub(crate) engine: Arc<Engine>,
    /// See [`Parts::admission`].
    pub(crate) admission: Arc<Admission>,
    /// See [`Parts::audit`].
    pub(crate) audit: Audit,
    /// See [`Parts::official`].
    pub(crate) official: Official,
}

impl App {
    pub(crate) fn new(
        config: Config,
        served: Served,
        sequencer: Handle,
        deciders: Deciders,
    ) -> Self {
        let Deciders { trust, authority, access, engine, admission, audit, official } = deciders;
        let Served { own, mirror, fetches } = served;
        let own_address = config.own_address();
        let Config { public_url, namespaces, build_parameters, rebuilders, limits, .. } = config;
        Self {
            parts: Arc::new(Parts {
                store: own.store.clone(),
                blobs: own.blobs.clone(),
                log: own.log.clone(),
                own,
                mirror,
                fetches,
                sequencer,
                trust,
                authority,
                access,
                engine,
                admission,
                audit,
                official,
                policy: Policy { namespaces, build_parameters, ..Policy::private() },
                rebuilders,
                public_url: public_url.unwrap_or_default(),
                own_address,
                registries: config.registries,
                publishes: Semaphore::new(limits.publishes.min(Semaphore::MAX_PERMITS)),
                verifications: Semaphore::new(limits.verifications.min(Semaphore::MAX_PERMITS)),
                limits,
            }),
        }
    }
}

impl Parts {
    /// What is served: the registry's own releases, and those of each source.
    pub(crate) fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        std::iter::once(&self.own).chain(self.mirror.shelves())
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
