//! Documents as they are sent, kept in memory.
//!
//! Every install and every update reads indexes, so an index should cost a look
//! into a map. The index of a package changes when something of it is published, and
//! only this process does that; and because the log signs it at a tree, also when the
//! log gets another tree. Then the list that was signed is still good, and only the
//! signature is made again. A release stays as it was published, and its document changes
//! only with what is stated about it.
//!
//! The race to avoid: a reader loads a document, a publish changes it and
//! invalidates, and the reader then stores what it loaded, for ever. So a
//! reader notes the [`Generation`] before it loads, and storing is refused if
//! there was an invalidation since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderValue;
use bytes::Bytes;
use jiff::Timestamp;
use mcpkg_core::{PackageName, Version};

use crate::store::LoggedIndex;

/// How many bytes of documents are kept.
const CAPACITY_BYTES: usize = 16 * 1024 * 1024;

/// The largest document that is kept: larger ones would push out all others.
const LARGEST_BYTES: usize = 256 * 1024;

/// What a document costs beside its own bytes, roughly.
const OVERHEAD_BYTES: usize = 256;

/// Which document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The index of a package.
    Index(PackageName),
    /// A release.
    Release(PackageName, Version),
}

/// A document as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its JSON.
    pub(crate) body: Bytes,
    /// The digest of [`Self::body`], as an entity tag.
    pub(crate) tag: HeaderValue,
    /// The size of the tree that its proof is about.
    pub(crate) size: u64,
    /// The snapshot of the log that it shows; `None` for what every one does.
    pub(crate) snapshot: Option<u64>,
    /// When it stops being true, if it is known to: then a new publisher is bound.
    pub(crate) expires: Option<Timestamp>,
    /// What an index was made of.
    pub(crate) listing: Option<Arc<LoggedIndex>>,
}

/// What there is instead of a document that is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    /// What to store it with, once it is loaded.
    pub(crate) generation: Generation,
    /// All entries of the package that were applied so far, of a document that shows
    /// an older snapshot.
    pub(crate) listing: Option<Arc<LoggedIndex>>,
}

/// How often something was invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// The documents that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    documents: HashMap<Key, Entry>,
    bytes: usize,
    clock: u64,
    generation: u64,
    edition: u64,
}

#[derive(Debug)]
struct Entry {
    document: Document,
    used_at: u64,
}

impl Document {
    /// How many bytes it takes, roughly: a list takes as many as its JSON.
    fn size_in_memory(&self) -> usize {
        self.body.len() * if self.listing.is_some() { 2 } else { 1 }
    }
}

impl Cache {
    /// The document as of the log's `snapshot`, or what to load it with.
    pub(crate) fn get(&self, key: &Key, snapshot: u64) -> Result<Document, Missing> {
        let mut state = self.state();
        state.clock += 1;
        let clock = state.clock;
        let generation = Generation(state.generation);
        let Some(entry) = state.documents.get_mut(key) else {
            return Err(Missing { generation, listing: None });
        };
        entry.used_at = clock;
        let is_over = entry.document.expires.is_some_and(|expires| expires <= Timestamp::now());
        if !is_over && entry.document.snapshot.is_none_or(|it| it == snapshot) {
            Ok(entry.document.clone())
        } else {
            Err(Missing { generation, listing: entry.document.listing.clone() })
        }
    }

    /// Keeps a document that was loaded in `generation`.
    pub(crate) fn put(&self, key: Key, document: &Document, generation: Generation) {
        let mut state = self.state();
        let size = document.size_in_memory();
        if Generation(state.generation) != generation || document.body.len() > LARGEST_BYTES {
            return;
        }
        state.remove(&key);
        while state.bytes + size + OVERHEAD_BYTES > CAPACITY_BYTES {
            let Some(oldest) = state.oldest() else { break };
            state.remove(&oldest);
        }
        state.bytes += size + OVERHEAD_BYTES;
        let used_at = state.clock;
        state.documents.insert(key, Entry { document: document.clone(), used_at });
    }

    /// Forgets the index of a package, and the document of the release of it that
    /// something new is said of; and what is being loaded of any. Other releases stay
    /// as they are, and so do their documents.
    pub(crate) fn invalidate(&self, name: &PackageName, version: Option<&Version>) {
        let mut state = self.state();
        state.generation += 1;
        state.remove(&Key::Index(name.clone()));
        if let Some(version) = version {
            state.remove(&Key::Release(name.clone(), version.clone()));
        }
    }

    /// Forgets everything that was made before `edition`, and what is being loaded.
    pub(crate) fn renew(&self, edition: u64) {
        let mut state = self.state();
        if state.edition != edition {
            let (generation, clock) = (state.generation + 1, state.clock);
            *state = State { clock, generation, edition, ..State::default() };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The document that was not asked for the longest. A walk over all of them,
    /// which is dear only beside a hit: it follows a query of the database.
    fn oldest(&self) -> Option<Key> {
        let oldest = self.documents.iter().min_by_key(|(_, entry)| entry.used_at);
        oldest.map(|(key, _)| key.clone())
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.documents.remove(key) {
            self.bytes -= entry.document.size_in_memory() + OVERHEAD_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::Index(name.parse().unwrap())
    }

    fn document(size: usize) -> Document {
        let tag = HeaderValue::from_static("\"\"");
        Document {
            body: vec![0; size].into(),
            tag,
            size: 0,
            snapshot: None,
            expires: None,
            listing: None,
        }
    }

    fn load(cache: &Cache, key: Key, size: usize) {
        let generation = cache.get(&key, 0).unwrap_err().generation;
        cache.put(key, &document(size), generation);
    }

    #[test]
    fn what_was_loaded_before_an_invalidation_is_not_kept() {
        let cache = Cache::default();
        let stale = cache.get(&key("acme/a"), 0).unwrap_err().generation;
        cache.invalidate(&"acme/a".parse().unwrap(), None);
        cache.put(key("acme/a"), &document(1), stale);
        assert!(cache.get(&key("acme/a"), 0).is_err());
    }

    #[test]
    fn a_document_of_an_older_snapshot_is_loaded_again() {
        let cache = Cache::default();
        let generation = cache.get(&key("acme/a"), 1).unwrap_err().generation;
        let document = Document { snapshot: Some(1), ..document(1) };
        cache.put(key("acme/a"), &document, generation);
        assert!(cache.get(&key("acme/a"), 1).is_ok());
        assert!(cache.get(&key("acme/a"), 2).is_err());
    }

    #[test]
    fn what_an_index_was_made_of_is_good_until_the_package_changes() {
        let cache = Cache::default();
        let name: PackageName = "acme/a".parse().unwrap();
        let publisher = mcpkg_core::publisher::Identity {
            issuer: "https://accounts.example".to_owned(),
            subject: "a@acme.example".to_owned(),
        };
        let listing = Arc::new(LoggedIndex {
            name: name.clone(),
            first: mcpkg_core::publisher::Publisher::Identity(publisher),
            releases: Vec::new(),
            entries: Vec::new(),
            rebuilders: Vec::new(),
            bindings: Vec::new(),
        });
        let generation = cache.get(&key("acme/a"), 1).unwrap_err().generation;
        let document = Document { snapshot: Some(1), listing: Some(listing), ..document(1) };
        cache.put(key("acme/a"), &document, generation);
        cache.invalidate(&"acme/b".parse().unwrap(), None);
        assert!(cache.get(&key("acme/a"), 2).unwrap_err().listing.is_some());
        cache.invalidate(&name, None);
        assert!(cache.get(&key("acme/a"), 2).unwrap_err().listing.is_none());
    }

    #[test]
    fn an_invalidation_is_of_the_index_of_one_package_in_any_case() {
        let cache = Cache::default();
        load(&cache, key("acme/a"), 1);
        load(&cache, key("acme/b"), 1);
        let release = Key::Release("acme/a".parse().unwrap(), "1.0.0".parse().unwrap());
        load(&cache, release.clone(), 1);
        cache.invalidate(&"Acme/A".parse().unwrap(), None);
        assert!(cache.get(&key("acme/a"), 0).is_err());
        assert!(cache.get(&key("acme/b"), 0).is_ok());
        assert!(cache.get(&release, 0).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let cache = Cache::default();
        let fit = CAPACITY_BYTES / (LARGEST_BYTES + OVERHEAD_BYTES);
        for i in 0..fit {
            load(&cache, key(&format!("acme/p{i}")), LARGEST_BYTES);
        }
        assert!(cache.get(&key("acme/p0"), 0).is_ok(), "asked for, so no longer the oldest");
        load(&cache, key("acme/one-more"), LARGEST_BYTES);
        assert!(cache.get(&key("acme/p0"), 0).is_ok());
        assert!(cache.get(&key("acme/p1"), 0).is_err());
        assert!(cache.state().bytes <= CAPACITY_BYTES);

        load(&cache, key("acme/huge"), LARGEST_BYTES + 1);
        assert!(cache.get(&key("acme/huge"), 0).is_err());
    }
}
