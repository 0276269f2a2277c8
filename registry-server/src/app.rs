//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;

use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::policy::Policy;
use tokio::sync::Semaphore;

use crate::authority::Authority;
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::config::Config;
use crate::limits::Limits;
use crate::log::{Handle, Log};
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
    /// Documents that were asked for lately.
    pub(crate) cache: Arc<Cache>,
    /// What was accepted, for readers.
    pub(crate) log: Log,
    /// Where releases are handed in to be logged.
    pub(crate) sequencer: Handle,
    /// Whose signatures count.
    pub(crate) trust: Trust,
    /// Who asks domains which publishers they list.
    pub(crate) authority: Authority,
    /// What else a release has to be.
    pub(crate) policy: Policy,
    /// Whose word on rebuilds is taken; anybody's, if nobody is listed.
    pub(crate) rebuilders: Vec<AllowedIdentity>,
    /// How others reach us, or nothing: then addresses are relative.
    pub(crate) public_url: String,
    /// What is too much.
    pub(crate) limits: Limits,
    /// A permit for each publish request that may be received.
    pub(crate) publishes: Semaphore,
    /// A permit for each release that may be verified.
    pub(crate) verifications: Semaphore,
}

/// Who has a say in who may publish, beside the policy.
#[derive(Debug)]
pub(crate) struct Deciders {
    /// See [`Parts::trust`].
    pub(crate) trust: Trust,
    /// See [`Parts::authority`].
    pub(crate) authority: Authority,
}

impl App {
    pub(crate) fn new(
        config: Config,
        store: Store,
        blobs: Blobs,
        cache: Arc<Cache>,
        log: Log,
        sequencer: Handle,
        deciders: Deciders,
    ) -> Self {
        let Deciders { trust, authority } = deciders;
        let Config { public_url, namespaces, build_parameters, rebuilders, limits, .. } = config;
        Self {
            parts: Arc::new(Parts {
                store,
                blobs,
                cache,
                log,
                sequencer,
                trust,
                authority,
                policy: Policy { namespaces, build_parameters, ..Policy::private() },
                rebuilders,
                public_url: public_url.unwrap_or_default(),
                publishes: Semaphore::new(limits.publishes.min(Semaphore::MAX_PERMITS)),
                verifications: Semaphore::new(limits.verifications.min(Semaphore::MAX_PERMITS)),
                limits,
            }),
        }
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
