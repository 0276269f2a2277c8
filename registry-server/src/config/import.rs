//! How packages of other ecosystems are imported, as it stands in a file.

use std::path::{Path, PathBuf};

use mcpkg_core::permissions::Permissions;
use mcpkg_core::{Code, Coded};
use mcpkg_upstream::{Sources, Trust, npm};
use mcpkg_verify::{RegistryKey, TrustRoot};
use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// Where packages of other ecosystems come from, and what they are called here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportConfig {
    /// The npm registry. By default, npm's own.
    pub npm: Option<Url>,
    /// The keys with which that registry attests what it took, as npm's `keys.json` has
    /// them. Relative to the file. By default, npm's own.
    pub npm_keys: Option<PathBuf>,
    /// The namespace of what comes from npm. By default, `org.npmjs`.
    pub npm_namespace: Option<String>,
    /// The index of Python's packages. By default, `PyPI`.
    pub pypi: Option<Url>,
    /// Where that index keeps its files, if elsewhere.
    #[serde(default)]
    pub pypi_files: Vec<Url>,
    /// The namespace of what comes from there. By default, `org.pypi`.
    pub pypi_namespace: Option<String>,
    /// The Sigstore that packages are attested with. Relative to the file. By default, the
    /// public one.
    pub trusted_root: Option<PathBuf>,
    /// What each imported server asks for: nobody upstream says it.
    #[serde(default)]
    pub permissions: Permissions,
}

/// Why what is configured cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportConfigError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// The keys of npm's registry cannot be used.
    #[error("the keys of npm's registry cannot be used")]
    Keys(#[source] Box<mcpkg_verify::VerifyError>),
    /// The trust root cannot be used.
    #[error("the trust root of what is imported cannot be used")]
    Root(#[from] mcpkg_verify::TrustRootError),
}

impl ImportConfig {
    /// Makes its paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        for path in [&mut self.npm_keys, &mut self.trusted_root].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Where packages come from.
    pub(crate) fn sources(&self) -> Sources {
        Sources::or_public(self.npm.clone(), self.pypi.clone(), self.pypi_files.clone())
    }

    /// Whose word on them counts.
    pub(crate) fn trust(&self) -> Result<Trust, ImportConfigError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })
        };
        let root = match &self.trusted_root {
            Some(path) => TrustRoot::from_json(&read(path)?)?,
            None => TrustRoot::public_good()?,
        };
        let keys = self.npm_keys.as_deref().map(read).transpose()?;
        let keys = RegistryKey::read_npm(keys.as_deref().unwrap_or(npm::evidence::KEYS))
            .map_err(|error| ImportConfigError::Keys(Box::new(error)))?;
        Ok(Trust { roots: vec![root], keys })
    }
}

impl Coded for ImportConfigError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Root(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File(error) => error.hint(),
            Self::Keys(error) => error.hint(),
            Self::Root(error) => error.hint(),
        }
    }
}
