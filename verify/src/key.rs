//! Managed keys: a public key from the configuration in a certificate's place.

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::evidence::Signer;
use sigstore_verify::PublicKeyVerificationPolicy;
use sigstore_verify::types::DerPublicKey;

use crate::VerifyError;

/// What stands in for an issuer in the [`Signer`] of a managed key.
pub const ISSUER: &str = "https://mcpkg.dev/managed-key";

/// A public key that the configuration trusts, and when it may be used.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    key: DerPublicKey,
    fingerprint: Digest,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

impl TrustedKey {
    /// The key in `pem` (`PUBLIC KEY`, SPKI), trusted from `valid_from` until
    /// before `valid_until`. `None` leaves that side open.
    pub fn from_pem(
        pem: &str,
        valid_from: Option<Timestamp>,
        valid_until: Option<Timestamp>,
    ) -> Result<Self, VerifyError> {
        let key = DerPublicKey::from_pem(pem).map_err(|error| VerifyError::Key(Box::new(error)))?;
        let fingerprint = Digest::of(key.as_bytes());
        Ok(Self { key, fingerprint, valid_from, valid_until })
    }

    pub(crate) fn policy(&self) -> PublicKeyVerificationPolicy {
        PublicKeyVerificationPolicy::new(self.key.clone())
    }

    /// The library's policy for keys has no window, so it is held to here.
    pub(crate) fn check_window(&self, signed_at: &[Timestamp]) -> Result<(), VerifyError> {
        if signed_at.is_empty() {
            return Err(VerifyError::NoTime);
        }
        let outside = |at: &Timestamp| {
            self.valid_from.is_some_and(|from| *at < from)
                || self.valid_until.is_some_and(|until| *at >= until)
        };
        match signed_at.iter().find(|at| outside(at)) {
            Some(&at) => Err(VerifyError::KeyWindow { at }),
            None => Ok(()),
        }
    }

    /// The key as a signer: its issuer is [`ISSUER`], its subject the SHA-256
    /// of its SPKI.
    pub(crate) fn signer(&self) -> Signer {
        Signer { issuer: ISSUER.to_owned(), subject: self.fingerprint.to_string(), build: None }
    }
}
