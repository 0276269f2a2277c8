//! Ways in which a Sigstore can be wrong, one for each thing that a verifier
//! must check.

use std::collections::BTreeSet;

/// One thing that one service does wrong. Everything else stays right, so a
/// verifier that accepts the bundle has missed exactly this check.
///
/// A stranger's signature always comes under the trusted name and key id: a
/// verifier that looks up the key and forgets to use it accepts the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Fulcio's certificate is signed by a key that is not in the trusted root,
    /// under the name of the authority that is.
    CertificateFromStranger,
    /// The certificate ended before the signature was made.
    CertificateExpired,
    /// The certificate's proof of logging is signed by another key.
    SctFromStranger,
    /// Fulcio issues no certificates: 403.
    FulcioRefuses,
    /// The log's checkpoint is signed by another key.
    RekorCheckpointFromStranger,
    /// The proof of inclusion is one for another entry of the log.
    RekorProofOfAnother,
    /// The entry in the log is about another payload.
    RekorEntryOfAnother,
    /// The log takes no entries: 503.
    RekorUnavailable,
    /// The timestamp is signed by another authority of the same name.
    TimestampFromStranger,
    /// The timestamp is for another signature.
    TimestampOfAnother,
    /// The timestamp says a time at which the certificate was not valid.
    TimestampOutsideValidity,
    /// The authority gives no timestamps (503), and the bundle has none.
    NoTimestamp,
}

impl Fault {
    /// Every fault, for tests that go through all of them.
    pub const ALL: [Self; 12] = [
        Self::CertificateFromStranger,
        Self::CertificateExpired,
        Self::SctFromStranger,
        Self::FulcioRefuses,
        Self::RekorCheckpointFromStranger,
        Self::RekorProofOfAnother,
        Self::RekorEntryOfAnother,
        Self::RekorUnavailable,
        Self::TimestampFromStranger,
        Self::TimestampOfAnother,
        Self::TimestampOutsideValidity,
        Self::NoTimestamp,
    ];

    /// Whether a signer cannot get a bundle at all while the fault lasts.
    pub fn prevents_signing(self) -> bool {
        matches!(self, Self::FulcioRefuses | Self::RekorUnavailable)
    }

    /// Whether `sigstore-sign` notices the fault, and gives up.
    ///
    /// It compares the entry and the imprint with what it asked for. The
    /// in-process signer stands for one that does not: `signing.rs`.
    fn is_noticed_by_signers(self) -> bool {
        matches!(self, Self::RekorEntryOfAnother | Self::TimestampOfAnother | Self::NoTimestamp)
    }
}

/// The faults that are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(BTreeSet<Fault>);

impl Faults {
    /// Whether this fault is on.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Turns a fault on.
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.insert(fault);
    }

    /// Those that `sigstore-sign` lets pass.
    pub(super) fn unnoticed(&self) -> Self {
        Self(self.0.iter().copied().filter(|fault| !fault.is_noticed_by_signers()).collect())
    }
}
