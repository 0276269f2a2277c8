//! What may be read by now.

use std::sync::{PoisonError, RwLock};

use mcpkg_core::Digest;
use mcpkg_core::api::ReleaseDocument;

use crate::random::Random;

/// How many of the newest releases readers choose from: a few packages that are
/// being published to.
const NEWEST: usize = 1024;

/// Releases that were acknowledged, for readers to choose from.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(RwLock<Vec<Known>>);

/// A release that has to be there.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) version: String,
    /// One of its blobs, a small one.
    pub(crate) blob: Digest,
}

impl Catalogue {
    pub(crate) fn add(&self, document: &ReleaseDocument) {
        let blob = document.artifacts.first().map_or(document.metadata, |artifact| artifact.digest);
        let (name, version) = (document.name.to_string(), document.version.to_string());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.push(Known { name, version, blob });
    }

    /// One of the newest; `None` as long as there is none.
    pub(crate) fn pick(&self, random: &mut Random) -> Option<Known> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let newest = &known[known.len().saturating_sub(NEWEST)..];
        random.pick(newest).cloned()
    }
}
