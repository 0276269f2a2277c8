//! Whose signatures count, and for which names.

use mcpkg_core::PackageName;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::namespace::{Forge, NamePattern};

use crate::bundle::ParsedBundle;
use crate::{
    Attestation, Subject, TrustRoot, TrustedKey, VerifyError, verify_parsed, verify_parsed_with_key,
};

/// Several trust roots and keys, each tied to the names it may vouch for.
///
/// For a name that some root is tied to by its namespace, only such roots
/// count: a company that ties `com.acme/*` to its own Sigstore means that the
/// public one does not speak for that name. Roots tied to `*` serve the rest.
///
/// The accounts of a forge are vouched for by the forge's own issuer. Whoever
/// runs a private Sigstore can let it say anything about that issuer, so one that
/// is tied to `*` does not speak for `io.github.*` and `io.gitlab.*`; only the
/// public-good instance does, or a root that is tied to that account by name. A
/// key never does.
///
/// A key is no Sigstore: it needs the log of one, to prove when it was used. So a
/// key does not stand in the way of the roots of its names; but a key that is
/// tied to `*` counts no more for a name that a root or another key is tied to.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    roots: Vec<(Vec<NamePattern>, TrustRoot)>,
    keys: Vec<(Vec<NamePattern>, TrustedKey)>,
}

impl TrustStore {
    /// A store of these roots with the names that each may vouch for.
    pub fn new(roots: Vec<(Vec<NamePattern>, TrustRoot)>) -> Self {
        Self { roots, keys: Vec::new() }
    }

    /// The same, and one root more.
    #[must_use]
    pub fn with_root(mut self, patterns: Vec<NamePattern>, root: TrustRoot) -> Self {
        self.roots.push((patterns, root));
        self
    }

    /// The same, and one key more.
    ///
    /// # Errors
    ///
    /// [`VerifyError::KeyForForge`] if it is tied to a forge's namespace.
    pub fn with_key(
        mut self,
        patterns: Vec<NamePattern>,
        key: TrustedKey,
    ) -> Result<Self, VerifyError> {
        if let Some(forge) = patterns.iter().find(|pattern| is_of_forge(pattern)) {
            return Err(VerifyError::KeyForForge(forge.clone()));
        }
        self.keys.push((patterns, key));
        Ok(self)
    }

    /// Every root, whatever the names it may vouch for.
    pub fn roots(&self) -> impl Iterator<Item = &TrustRoot> {
        self.roots.iter().map(|(_, root)| root)
    }

    /// Who may vouch for `name`: at least one root.
    ///
    /// # Errors
    ///
    /// [`VerifyError::NoTrustRoot`] if no root may.
    pub fn for_name(&self, name: &PackageName) -> Result<Vouchers, VerifyError> {
        let is_forge = Forge::of_namespace(name.namespace()).is_some();
        let named = |patterns: &[NamePattern]| {
            patterns.iter().any(|pattern| *pattern != NamePattern::All && pattern.matches(name))
        };
        let mut roots = select(&self.roots, |patterns, _| named(patterns));
        let has_own_root = !roots.is_empty();
        if !has_own_root {
            roots = select(&self.roots, |patterns, root| {
                patterns.contains(&NamePattern::All) && (!is_forge || root.is_public_good())
            });
        }
        if roots.is_empty() {
            return Err(VerifyError::NoTrustRoot(name.to_string()));
        }
        let mut keys = select(&self.keys, |patterns, _| !is_forge && named(patterns));
        if keys.is_empty() && !has_own_root && !is_forge {
            keys = select(&self.keys, |patterns, _| patterns.contains(&NamePattern::All));
        }
        Ok(Vouchers { name: Some(name.clone()), roots, keys })
    }
}

/// Those whose names and value `is_wanted` accepts.
fn select<T: Clone>(
    tied: &[(Vec<NamePattern>, T)],
    is_wanted: impl Fn(&[NamePattern], &T) -> bool,
) -> Vec<T> {
    tied.iter()
        .filter(|(patterns, value)| is_wanted(patterns, value))
        .map(|(_, value)| value.clone())
        .collect()
}

fn is_of_forge(pattern: &NamePattern) -> bool {
    match pattern {
        NamePattern::All => false,
        NamePattern::Namespace(namespace) => Forge::of_namespace(namespace).is_some(),
    }
}

/// Who may vouch for one name: roots, and keys whose use is logged under them.
#[derive(Clone, Debug)]
pub struct Vouchers {
    name: Option<PackageName>,
    roots: Vec<TrustRoot>,
    keys: Vec<TrustedKey>,
}

impl From<&TrustRoot> for Vouchers {
    /// One root alone, whatever the name.
    fn from(root: &TrustRoot) -> Self {
        Self { name: None, roots: vec![root.clone()], keys: Vec::new() }
    }
}

impl Vouchers {
    /// The roots.
    pub fn roots(&self) -> &[TrustRoot] {
        &self.roots
    }

    /// The keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Verifies that `bundle` signs every one of `subjects` as
    /// [`verify`](crate::verify) does, under any of the roots; or, if a key and no
    /// certificate signed it, as [`verify_with_key`](crate::verify_with_key) does.
    ///
    /// # Errors
    ///
    /// As those, and [`VerifyError::NoTrustKey`] if it was signed with a key where
    /// none may vouch.
    pub fn verify(
        &self,
        subjects: &[Subject],
        attestation: Attestation,
        bundle: &[u8],
    ) -> Result<Evidence, VerifyError> {
        self.verify_parsed(subjects, attestation, &ParsedBundle::read(bundle)?)
    }

    pub(crate) fn verify_parsed(
        &self,
        subjects: &[Subject],
        attestation: Attestation,
        parsed: &ParsedBundle,
    ) -> Result<Evidence, VerifyError> {
        let Some(hint) = parsed.key_hint() else {
            return any(&self.roots, |root| verify_parsed(subjects, attestation, parsed, root))
                .unwrap_or(Err(VerifyError::Incomplete));
        };
        // The hint selects where it means one of the keys; it never decides.
        let hinted: Vec<_> = self.keys.iter().filter(|key| key.is_hinted(hint)).collect();
        let keys = if hinted.is_empty() { self.keys.iter().collect() } else { hinted };
        let with_key = |key: &&TrustedKey| {
            any(&self.roots, |root| {
                verify_parsed_with_key(subjects, attestation, parsed, key, root)
            })
            .unwrap_or(Err(VerifyError::Incomplete))
        };
        any(&keys, with_key).unwrap_or_else(|| {
            Err(VerifyError::NoTrustKey {
                hint: hint.chars().take(80).collect::<String>().escape_debug().to_string(),
                name: self.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            })
        })
    }
}

/// The first success, else the last failure; `None` if there was nothing to try.
fn any<T>(
    several: &[T],
    verify: impl Fn(&T) -> Result<Evidence, VerifyError>,
) -> Option<Result<Evidence, VerifyError>> {
    let mut last = None;
    for one in several {
        let result = verify(one);
        if result.is_ok() {
            return Some(result);
        }
        last = Some(result);
    }
    last
}
