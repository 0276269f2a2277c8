//! Documents as they are sent, kept in memory.
//!
//! Every install and every update reads indexes, so an index should cost a look
//! into a map. The documents of a package change only when something of it is
//! published or stated, and only this process does that.
//!
//! The race to avoid: a reader loads a document, a publish changes it and
//! invalidates, and the reader then stores what it loaded, for ever. So a
//! reader notes the [`Generation`] before it loads, and storing is refused if
//! there was an invalidation since.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderValue;
use bytes::Bytes;
use mcpkg_core::{PackageName, Version};

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
}

#[derive(Debug)]
struct Entry {
    document: Document,
    used_at: u64,
}

impl Key {
    fn name(&self) -> &PackageName {
        match self {
            Self::Index(name) | Self::Release(name, _) => name,
        }
    }
}

impl Cache {
    /// The document, or the generation to load it in.
    pub(crate) fn get(&self, key: &Key) -> Result<Document, Generation> {
        let mut state = self.state();
        state.clock += 1;
        let clock = state.clock;
        match state.documents.get_mut(key) {
            Some(entry) => {
                entry.used_at = clock;
                Ok(entry.document.clone())
            }
            None => Err(Generation(state.generation)),
        }
    }

    /// Keeps a document that was loaded in `generation`.
    pub(crate) fn put(&self, key: Key, document: &Document, generation: Generation) {
        let mut state = self.state();
        let size = document.body.len();
        if Generation(state.generation) != generation || size > LARGEST_BYTES {
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

    /// Forgets what is kept of a package, and what is being loaded of any.
    pub(crate) fn invalidate(&self, name: &PackageName) {
        let mut state = self.state();
        state.generation += 1;
        let outdated: Vec<Key> =
            state.documents.keys().filter(|key| key.name() == name).cloned().collect();
        for key in outdated {
            state.remove(&key);
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
            self.bytes -= entry.document.body.len() + OVERHEAD_BYTES;
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
        Document { body: vec![0; size].into(), tag: HeaderValue::from_static("\"\"") }
    }

    fn load(cache: &Cache, key: Key, size: usize) {
        let generation = cache.get(&key).unwrap_err();
        cache.put(key, &document(size), generation);
    }

    #[test]
    fn what_was_loaded_before_an_invalidation_is_not_kept() {
        let cache = Cache::default();
        let stale = cache.get(&key("acme/a")).unwrap_err();
        cache.invalidate(&"acme/a".parse().unwrap());
        cache.put(key("acme/a"), &document(1), stale);
        assert!(cache.get(&key("acme/a")).is_err());
    }

    #[test]
    fn an_invalidation_is_of_one_package_in_any_case() {
        let cache = Cache::default();
        load(&cache, key("acme/a"), 1);
        load(&cache, key("acme/b"), 1);
        cache.invalidate(&"Acme/A".parse().unwrap());
        assert!(cache.get(&key("acme/a")).is_err());
        assert!(cache.get(&key("acme/b")).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let cache = Cache::default();
        let fit = CAPACITY_BYTES / (LARGEST_BYTES + OVERHEAD_BYTES);
        for i in 0..fit {
            load(&cache, key(&format!("acme/p{i}")), LARGEST_BYTES);
        }
        assert!(cache.get(&key("acme/p0")).is_ok(), "asked for, so no longer the oldest");
        load(&cache, key("acme/one-more"), LARGEST_BYTES);
        assert!(cache.get(&key("acme/p0")).is_ok());
        assert!(cache.get(&key("acme/p1")).is_err());
        assert!(cache.state().bytes <= CAPACITY_BYTES);

        load(&cache, key("acme/huge"), LARGEST_BYTES + 1);
        assert!(cache.get(&key("acme/huge")).is_err());
    }
}
