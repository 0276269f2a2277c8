//! Managed keys: a public key from the configuration in a certificate's place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::evidence::Signer;
use sigstore_verify::PublicKeyVerificationPolicy;
use sigstore_verify::crypto::VerificationKey;
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
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] if it is no public key of a kind that signatures are
    /// verified with; [`VerifyError::EmptyWindow`] if it ends before it starts.
    pub fn from_pem(
        pem: &str,
        valid_from: Option<Timestamp>,
        valid_until: Option<Timestamp>,
    ) -> Result<Self, VerifyError> {
        let key = DerPublicKey::from_pem(pem).map_err(|error| VerifyError::Key(Box::new(error)))?;
        let fingerprint = Digest::of(key.as_bytes());
        // Whatever is no key is found now, and not when a package is verified.
        VerificationKey::from_spki(&key).map_err(|error| VerifyError::Key(Box::new(error)))?;
        if let (Some(from), Some(until)) = (valid_from, valid_until)
            && from >= until
        {
            return Err(VerifyError::EmptyWindow { from, until });
        }
        Ok(Self { key, fingerprint, valid_from, valid_until })
    }

    /// The SHA-256 of its SPKI: what it is called in a [`Signer`] and in rules.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// From when on it may be used.
    pub fn valid_from(&self) -> Option<Timestamp> {
        self.valid_from
    }

    /// Until before when it may be used.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Whether a bundle's hint may mean this key: its fingerprint in hex, in hex
    /// after `sha256:`, or in base64 as `cosign` writes it.
    pub(crate) fn is_hinted(&self, hint: &str) -> bool {
        let hex = hint.strip_prefix("sha256:").unwrap_or(hint);
        hex.eq_ignore_ascii_case(&hex::encode(self.fingerprint.as_bytes()))
            || hint == BASE64.encode(self.fingerprint.as_bytes())
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
