//! The authorities of one Sigstore instance.

use std::sync::Arc;

use mcpkg_core::{Code, Coded, Digest};
use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::Verifier;
use sigstore_verify::crypto::Keyring;

/// The certificate, log and timestamp authorities of one Sigstore instance.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct TrustRoot(Arc<Inner>);

struct Inner {
    is_public_good: bool,
    fingerprint: Digest,
    json: String,
    verifier: Verifier,
    // By the id of their transparency log.
    log_keys: Keyring,
}

/// Why a trust root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustRootError {
    /// The text is no `trusted_root.json`.
    #[error("the trust root is malformed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its keys or certificates cannot be used.
    #[error("the trust root cannot be used")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TrustRoot {
    /// The longest `trusted_root.json`, in bytes. The public one has 7 KiB.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// The public-good Sigstore instance, as embedded in this program.
    pub fn public_good() -> Result<Self, TrustRootError> {
        Self::public_good_from(SigstoreInstance::PublicGood.embedded_trusted_root_json())
    }

    /// The public-good Sigstore instance as its TUF repository describes it:
    /// `json` has to come from there, through [`crate::tuf`].
    pub fn public_good_from(json: &str) -> Result<Self, TrustRootError> {
        Self::read(json, true)
    }

    /// The public-good instance's staging twin, for tests of interoperation.
    pub fn staging() -> Result<Self, TrustRootError> {
        Self::from_json(SigstoreInstance::Staging.embedded_trusted_root_json())
    }

    /// The instance that a `trusted_root.json` describes.
    ///
    /// Every key and certificate in it is parsed here, so that a broken one is
    /// found when the configuration is read and not when a package is.
    pub fn from_json(json: &str) -> Result<Self, TrustRootError> {
        Self::read(json, false)
    }

    fn read(json: &str, is_public_good: bool) -> Result<Self, TrustRootError> {
        if json.len() > Self::MAX_BYTES {
            return Err(TrustRootError::Malformed("it is too large".into()));
        }
        let root = TrustedRoot::from_json(json)
            .map_err(|error| TrustRootError::Malformed(Box::new(error)))?;
        let verifier =
            Verifier::new(&root).map_err(|error| TrustRootError::Unusable(Box::new(error)))?;
        let log_keys =
            root.rekor_keys().map_err(|error| TrustRootError::Unusable(Box::new(error)))?;
        let json = json.trim().to_owned();
        let fingerprint = Digest::of(json.as_bytes());
        Ok(Self(Arc::new(Inner { is_public_good, fingerprint, json, verifier, log_keys })))
    }

    /// Whether this is the public-good instance: the only one that vouches for
    /// the forges' accounts without being tied to one by name.
    pub fn is_public_good(&self) -> bool {
        self.0.is_public_good
    }

    /// The digest of the text that describes it, for people to compare.
    pub fn fingerprint(&self) -> Digest {
        self.0.fingerprint
    }

    /// The text that describes it, of which [`Self::fingerprint`] is the digest.
    pub fn json(&self) -> &str {
        &self.0.json
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    pub(crate) fn log_keys(&self) -> &Keyring {
        &self.0.log_keys
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot")
            .field("fingerprint", &self.0.fingerprint)
            .field("is_public_good", &self.0.is_public_good)
            .finish_non_exhaustive()
    }
}

impl Coded for TrustRootError {
    fn code(&self) -> Code {
        Code::TrustRoot
    }

    fn hint(&self) -> Option<&'static str> {
        Some("fetch `trusted_root.json` again from whoever runs that Sigstore")
    }
}
