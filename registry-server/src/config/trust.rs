//! Whose signatures count, as it stands in a file.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::{Code, Coded};
use mcpkg_verify::tuf::{PUBLIC_GOOD_URL, TufAnchor, TufError};
use mcpkg_verify::{TrustRoot, TrustRootError, TrustStore, TrustedKey, VerifyError};
use serde::Deserialize;
use url::Url;

use super::{ConfigError, ConfigFile};
use crate::trust::{TrustConfig, TufConfig};

/// A Sigstore instance of one's own: a file, or a TUF repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRootFile {
    /// Its `trusted_root.json`. Relative to the file that names it.
    pub file: Option<PathBuf>,
    /// The address of the TUF repository that has its `trusted_root.json` instead.
    pub tuf: Option<Url>,
    /// The `root.json` that trust in that repository begins with. Relative to the
    /// file that names it.
    pub tuf_root: Option<PathBuf>,
    /// The names it may vouch for: `*`, or namespaces such as `com.acme/*`.
    pub namespaces: Vec<NamePattern>,
}

/// A key that a company manages itself, instead of a Sigstore's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustKeyFile {
    /// What it is called here.
    pub name: String,
    /// The public key, PEM (`PUBLIC KEY`). Relative to the file that names it.
    pub file: PathBuf,
    /// The names it may vouch for; never those of a forge's accounts.
    pub namespaces: Vec<NamePattern>,
    /// What was signed before this time does not count.
    pub valid_from: Option<Timestamp>,
    /// What was signed at this time or later does not count.
    pub valid_until: Option<Timestamp>,
}

/// How trust is kept current.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    /// How often the TUF repositories are asked for something new.
    #[serde(default)]
    pub update: TrustUpdate,
}

/// How often the TUF repositories are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustUpdate {
    /// At the start, and every hour.
    #[default]
    Hourly,
    /// Not at all: what is in the data folder is used for as long as it may be.
    Never,
}

/// Why a root or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum TrustError {
    /// It is a root.
    Root(#[from] TrustRootError),
    /// It is the root of a TUF repository.
    Tuf(#[from] TufError),
    /// It is a key.
    Key(#[from] VerifyError),
}

impl Coded for TrustError {
    fn code(&self) -> Code {
        match self {
            Self::Root(error) => error.code(),
            Self::Tuf(error) => error.code(),
            Self::Key(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Root(error) => error.hint(),
            Self::Tuf(_) => Some("fetch `root.json` again from whoever runs that Sigstore"),
            Self::Key(error) => error.hint(),
        }
    }
}

/// Makes the paths of roots and keys relative to `folder`.
pub(super) fn place_trust(roots: &mut [TrustRootFile], keys: &mut [TrustKeyFile], folder: &Path) {
    for root in roots {
        for path in [&mut root.file, &mut root.tuf_root].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
    for key in keys {
        key.file = folder.join(&key.file);
    }
}

impl ConfigFile {
    /// Reads all files, so that a broken one is found now and not at a publish.
    pub(super) fn trust(&self) -> Result<TrustConfig, ConfigError> {
        let public_good = self.trust_public_good.unwrap_or(true);
        trust_of(public_good, &self.trust_root, &self.trust_key, self.trust.update)
    }
}

/// What the public-good Sigstore, if it counts, and these roots and keys make together.
pub(super) fn trust_of(
    public_good: bool,
    roots: &[TrustRootFile],
    keys: &[TrustKeyFile],
    update: TrustUpdate,
) -> Result<TrustConfig, ConfigError> {
    let mut fixed = TrustStore::default();
    let mut tuf = Vec::new();
    if public_good {
        let embedded = TrustRoot::public_good();
        let url = Url::parse(PUBLIC_GOOD_URL).map_err(|_| unclear(PUBLIC_GOOD_URL))?;
        tuf.push(TufConfig {
            url,
            anchor: TufAnchor::public_good(),
            namespaces: vec![NamePattern::All],
            embedded: Some(embedded.map_err(unusable("public good".to_owned()))?),
        });
    }
    for root in roots {
        let namespaces = named("trust_root.namespaces", &root.namespaces)?;
        match (&root.file, &root.tuf, &root.tuf_root) {
            (Some(file), None, None) => {
                let which = format!("`{}`", file.display());
                let root = TrustRoot::from_json(&read(file)?).map_err(unusable(which))?;
                fixed = fixed.with_root(namespaces, root);
            }
            (None, Some(url), Some(file)) => {
                check_address(url)?;
                let which = format!("`{}`", file.display());
                let anchor = TufAnchor::from_json(read(file)?.as_bytes());
                let anchor = anchor.map_err(unusable(which))?;
                tuf.push(TufConfig { url: url.clone(), anchor, namespaces, embedded: None });
            }
            _ => {
                return Err(ConfigError::Value {
                    key: "trust_root",
                    found: "incomplete, or two things at once".to_owned(),
                    expected: "either `file`, or `tuf` and `tuf_root`",
                });
            }
        }
    }
    for key in keys {
        let which = format!("`{}`", key.name.escape_debug());
        let namespaces = named("trust_key.namespaces", &key.namespaces)?;
        let pem = read(&key.file)?;
        let trusted = TrustedKey::from_pem(&pem, key.valid_from, key.valid_until);
        let trusted = trusted.map_err(unusable(which.clone()))?;
        fixed = fixed.with_key(namespaces, trusted).map_err(unusable(which))?;
    }
    Ok(TrustConfig { fixed, tuf, update })
}

fn read(file: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(file).map_err(|source| ConfigError::Read { path: file.to_owned(), source })
}

fn unusable<E: Into<TrustError>>(which: String) -> impl FnOnce(E) -> ConfigError {
    move |source| ConfigError::Trust { which, source: source.into() }
}

fn named(key: &'static str, names: &[NamePattern]) -> Result<Vec<NamePattern>, ConfigError> {
    if names.is_empty() {
        let expected = "the names that it may vouch for";
        return Err(ConfigError::Value { key, found: "empty".to_owned(), expected });
    }
    Ok(names.to_vec())
}

/// Refuses what is neither https nor this machine.
fn check_address(url: &Url) -> Result<(), ConfigError> {
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.path().ends_with('/');
    if is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback)) {
        Ok(())
    } else {
        Err(unclear(url.as_str()))
    }
}

fn unclear(url: &str) -> ConfigError {
    ConfigError::Value {
        key: "trust_root.tuf",
        found: format!("`{}`", url.escape_debug()),
        expected: "an https URL with a slash at the end",
    }
}
