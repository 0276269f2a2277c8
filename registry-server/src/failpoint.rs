//! Places between two steps where a test can make the server fail.
//!
//! That a crash leaves either nothing visible or everything can only be shown by
//! crashing, and that a failed write is survived only by failing. With the feature
//! `failpoints`, which only this crate's own tests turn on, a server whose
//! environment has `MCPKG_REGISTRY_FAILPOINT=<place>[:<n>][=<fault>]` has that
//! fault when it reaches the place of that name for the n-th time:
//!
//! | fault | what happens |
//! |---|---|
//! | `abort`, and if none is named | the process aborts before the step, as by `kill -9` |
//! | `abort-after` | it aborts after the step |
//! | `fail` | the step is not done, and fails |
//! | `fail-after` | the step is done, and fails |
//! | `hang` | the step never ends |
//!
//! Without the feature there is nothing here to reach.

use std::io;

/// Reaches `place`, where nothing but the process itself can fail.
pub(crate) fn hit(place: &str) {
    if let Some(Fault::Abort | Fault::AbortAfter) = due(place) {
        std::process::abort();
    }
}

/// Does `step` at `place`, in async code. `failed` makes the step's error.
pub(crate) async fn around_async<T, E>(
    place: &str,
    failed: impl FnOnce(io::Error) -> E,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match due(place) {
        None => step.await,
        Some(Fault::Abort) => std::process::abort(),
        Some(Fault::Fail) => Err(failed(failure())),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::AbortAfter) => {
            drop(step.await);
            std::process::abort()
        }
        Some(Fault::FailAfter) => {
            step.await?;
            Err(failed(failure()))
        }
    }
}

/// Does `step` at `place`.
pub(crate) fn around<T>(place: &str, step: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match due(place) {
        None => step(),
        Some(Fault::Abort) => std::process::abort(),
        Some(Fault::Fail) => Err(failure()),
        Some(Fault::Hang) => loop {
            std::thread::park();
        },
        Some(Fault::AbortAfter) => {
            drop(step());
            std::process::abort()
        }
        Some(Fault::FailAfter) => {
            step()?;
            Err(failure())
        }
    }
}

/// What goes wrong at a place.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "failpoints"),
    expect(dead_code, reason = "nothing goes wrong on purpose")
)]
enum Fault {
    Abort,
    AbortAfter,
    Fail,
    FailAfter,
    Hang,
}

fn failure() -> io::Error {
    io::Error::other("a fault that a test asked for")
}

#[cfg(feature = "failpoints")]
fn due(place: &str) -> Option<Fault> {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static WANTED: LazyLock<Option<(String, usize, Fault)>> = LazyLock::new(|| {
        let text = std::env::var("MCPKG_REGISTRY_FAILPOINT").ok()?;
        let (place, fault) = text.split_once('=').unwrap_or((&text, "abort"));
        let (name, count) = place.split_once(':').unwrap_or((place, "1"));
        let fault = match fault {
            "abort" => Fault::Abort,
            "abort-after" => Fault::AbortAfter,
            "fail" => Fault::Fail,
            "fail-after" => Fault::FailAfter,
            "hang" => Fault::Hang,
            other => panic!("there is no fault `{other}`"),
        };
        Some((name.to_owned(), count.parse().expect("a number"), fault))
    });
    static HITS: AtomicUsize = AtomicUsize::new(0);

    let (name, count, fault) = (*WANTED).as_ref()?;
    if name != place || HITS.fetch_add(1, Ordering::SeqCst) + 1 != *count {
        return None;
    }
    tracing::warn!(place, "a fault that a test asked for");
    Some(*fault)
}

#[cfg(not(feature = "failpoints"))]
const fn due(_place: &str) -> Option<Fault> {
    None
}
