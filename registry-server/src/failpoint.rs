//! Places between two steps where a test can kill the server.
//!
//! That a crash leaves either nothing visible or everything can only be shown
//! by crashing. With the feature `failpoints`, which only this crate's own
//! tests turn on, a server whose environment has
//! `MCPKG_REGISTRY_FAILPOINT=<name>` aborts when it reaches the place of that
//! name; `<name>:<n>` aborts at the n-th time. Aborting runs no destructor and
//! flushes nothing, as `kill -9` would. Without the feature there is nothing
//! here to reach.

#[cfg(feature = "failpoints")]
pub(crate) fn hit(place: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static WANTED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let text = std::env::var("MCPKG_REGISTRY_FAILPOINT").ok()?;
        Some(match text.split_once(':') {
            Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    static HITS: AtomicUsize = AtomicUsize::new(0);

    if let Some((name, count)) = &*WANTED
        && name == place
        && HITS.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
pub(crate) fn hit(_place: &str) {}
