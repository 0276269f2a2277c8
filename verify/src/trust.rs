//! Whose signatures count.

use mcpkg_core::namespace::NamePattern;
use mcpkg_core::{Code, Coded, PackageName};
use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::Verifier;
use sigstore_verify::crypto::Keyring;

use crate::VerifyError;

/// The certificate, log and timestamp authorities of one Sigstore instance.
pub struct TrustRoot {
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
        Self::embedded(SigstoreInstance::PublicGood)
    }

    /// The public-good instance's staging twin, for tests of interoperation.
    pub fn staging() -> Result<Self, TrustRootError> {
        Self::embedded(SigstoreInstance::Staging)
    }

    fn embedded(instance: SigstoreInstance) -> Result<Self, TrustRootError> {
        Self::from_json(instance.embedded_trusted_root_json())
    }

    /// The instance that a `trusted_root.json` describes.
    ///
    /// Every key and certificate in it is parsed here, so that a broken one is
    /// found when the configuration is read and not when a package is.
    pub fn from_json(json: &str) -> Result<Self, TrustRootError> {
        if json.len() > Self::MAX_BYTES {
            return Err(TrustRootError::Malformed("it is too large".into()));
        }
        let root = TrustedRoot::from_json(json)
            .map_err(|error| TrustRootError::Malformed(Box::new(error)))?;
        let verifier =
            Verifier::new(&root).map_err(|error| TrustRootError::Unusable(Box::new(error)))?;
        let log_keys =
            root.rekor_keys().map_err(|error| TrustRootError::Unusable(Box::new(error)))?;
        Ok(Self { verifier, log_keys })
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn log_keys(&self) -> &Keyring {
        &self.log_keys
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot").finish_non_exhaustive()
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

/// Several trust roots, each tied to the names it may vouch for.
///
/// For a name that some root is tied to by its namespace, only such roots
/// count: a company that ties `com.acme/*` to its own Sigstore means that the
/// public one does not speak for that name. Roots tied to `*` serve the rest.
#[derive(Debug, Default)]
pub struct TrustStore {
    roots: Vec<(Vec<NamePattern>, TrustRoot)>,
}

impl TrustStore {
    /// A store of these roots with the names that each may vouch for.
    pub fn new(roots: Vec<(Vec<NamePattern>, TrustRoot)>) -> Self {
        Self { roots }
    }

    /// The roots that may vouch for `name`. Never empty.
    pub fn for_name(&self, name: &PackageName) -> Result<Vec<&TrustRoot>, VerifyError> {
        let tied = |is_wanted: fn(&NamePattern) -> bool| -> Vec<&TrustRoot> {
            self.roots
                .iter()
                .filter(|(patterns, _)| {
                    patterns.iter().any(|pattern| is_wanted(pattern) && pattern.matches(name))
                })
                .map(|(_, root)| root)
                .collect()
        };
        let specific = tied(|pattern| *pattern != NamePattern::All);
        let roots = if specific.is_empty() { tied(|_| true) } else { specific };
        if roots.is_empty() { Err(VerifyError::NoTrustRoot(name.to_string())) } else { Ok(roots) }
    }
}
