//! Releases that are signed and wait to be published.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, Submission};

/// How many packages are published to at a time.
const PACKAGES: u64 = 64;

/// How many releases each of them gets, before others take their place.
const VERSIONS: u64 = 32;

/// A release that is signed.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) submission: Submission,
}

/// Signed releases. Signing is not what is measured, so it is done ahead.
pub(crate) struct Stock {
    sigstore: TestSigstore,
    signer: Identity,
    made: u64,
    queue: Queue,
}

/// Where publishers take releases from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Mutex<VecDeque<Arc<Parcel>>>>);

impl Stock {
    pub(crate) fn new() -> Self {
        Self {
            sigstore: TestSigstore::start(),
            signer: Identity::github("acme/endurance"),
            made: 0,
            queue: Queue::default(),
        }
    }

    /// What the registry has to trust.
    pub(crate) fn trusted_root(&self) -> String {
        self.sigstore.trusted_root_json()
    }

    /// Who signs, for those who sign something else.
    pub(crate) fn signer(&self) -> (&TestSigstore, &Identity) {
        (&self.sigstore, &self.signer)
    }

    /// Signs until `count` releases wait. One in `twice_in` waits twice, to be
    /// published by two at once.
    pub(crate) fn fill(&mut self, count: usize, twice_in: Option<u64>) {
        let mut waiting = self.queue.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.len() < count {
            let number = self.made;
            self.made += 1;
            let package = number / (PACKAGES * VERSIONS) * PACKAGES + number % PACKAGES;
            let name = format!("io.github.acme/package-{package}");
            let version = format!("1.{}.0", number / PACKAGES % VERSIONS);
            let submission = Draft::new(&name, &version).sign(&self.sigstore, &self.signer);
            let parcel = Arc::new(Parcel { name, version, submission });
            if twice_in.is_some_and(|count| number.is_multiple_of(count)) {
                waiting.push_back(Arc::clone(&parcel));
            }
            waiting.push_back(parcel);
        }
    }

    /// Where publishers take them from.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }
}

impl Queue {
    /// The next release to publish.
    pub(crate) fn take(&self) -> Option<Arc<Parcel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
