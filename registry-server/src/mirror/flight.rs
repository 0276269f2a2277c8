//! Doing something once for everybody who asks for it meanwhile.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

/// Work that goes on, by what it is for.
///
/// Whoever asks while it goes on waits for the same result. It goes on when nobody
/// waits any more, and its result is not kept.
pub(crate) struct SingleFlight<K, T: Clone> {
    flights: Mutex<HashMap<K, Shared<BoxFuture<'static, T>>>>,
}

impl<K, T: Clone> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self { flights: Mutex::default() }
    }
}

impl<K, T: Clone> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleFlight")
    }
}

impl<K: Eq + Hash + Clone, T: Clone + Send + Sync + 'static> SingleFlight<K, T> {
    /// What `work` comes to, or what the same work comes to that goes on already.
    pub(crate) async fn run<F>(&self, key: K, work: impl FnOnce() -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        let flight = {
            let mut flights = self.flights();
            flights.get(&key).cloned().unwrap_or_else(|| {
                let task = tokio::spawn(work());
                let flight = async move {
                    match task.await {
                        Ok(result) => result,
                        Err(error) => match error.try_into_panic() {
                            Ok(panic) => std::panic::resume_unwind(panic),
                            // The runtime is shutting down, and so is the caller.
                            Err(_) => std::future::pending().await,
                        },
                    }
                };
                let flight = flight.boxed().shared();
                flights.insert(key.clone(), flight.clone());
                flight
            })
        };
        let result = flight.clone().await;
        let mut flights = self.flights();
        if flights.get(&key).is_some_and(|current| current.ptr_eq(&flight)) {
            flights.remove(&key);
        }
        result
    }

    /// Whether work for `key` goes on.
    pub(crate) fn is_under_way(&self, key: &K) -> bool {
        self.flights().contains_key(key)
    }

    fn flights(&self) -> std::sync::MutexGuard<'_, HashMap<K, Shared<BoxFuture<'static, T>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn fifty_who_ask_at_once_make_one_do_it_and_the_next_does_it_again() {
        let flights = SingleFlight::default();
        let (times, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (times, go) = (Arc::clone(&times), Arc::clone(&go));
            async move {
                go.notified().await;
                times.fetch_add(1, Ordering::SeqCst)
            }
        };
        let all = join_all((0..50).map(|_| flights.run("x", work)));
        let (results, ()) = tokio::join!(all, async { go.notify_one() });
        assert_eq!(results, [0; 50]);
        go.notify_one();
        assert_eq!(flights.run("x", work).await, 1);
    }
}
