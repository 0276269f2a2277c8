//! The registries that this one mirrors, as they stand in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mcpkg_core::log::VerifierKey;
use mcpkg_core::namespace::{NamePattern, NamespaceRule};
use mcpkg_core::policy::Policy;
use serde::{Deserialize, Serialize};
use url::Url;

use super::official::own_patterns;
use super::trust::{place_trust, trust_of};
use super::{ConfigError, ConfigFile, TrustKeyFile, TrustRootFile, TrustUpdate};
use crate::mirror::{Owners, SourceName};
use crate::trust::TrustConfig;

/// How often a source is asked for something new, in seconds, unless the file says.
const DEFAULT_REFRESH_SECONDS: u64 = 60;

/// The most seconds between two questions. What is taken down at a source has to reach
/// copies within five minutes.
const MAX_REFRESH_SECONDS: u64 = 240;

/// Whether a source is asked, and what happens when it does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceMode {
    /// It is asked, and what it does not answer for is not served once it is old.
    #[default]
    Online,
    /// It is asked, and while it does not answer, what is here is served.
    Fallback,
    /// It is never asked: everything comes by `mcpkg-registry import`.
    Offline,
}

/// A source, as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// What it is called here, and in the address below which it is served.
    pub name: SourceName,
    /// Where it is. Not needed if it is offline.
    pub url: Option<Url>,
    /// The key of its log, or one that its log had before.
    pub log_key: VerifierKey,
    /// Whether it is asked.
    #[serde(default)]
    pub mode: SourceMode,
    /// The names that come from it, and from nowhere else.
    pub namespaces: Vec<NamePattern>,
    /// How often it is asked for something new, in seconds.
    pub refresh_seconds: Option<u64>,
    /// Whether artifacts are fetched before anybody asks for them.
    #[serde(default)]
    pub prefetch: bool,
    /// Certificates that count beside the web's. Relative to the file.
    pub ca: Option<PathBuf>,
    /// Whether the public-good Sigstore may vouch for its names. True if absent.
    pub trust_public_good: Option<bool>,
    /// Further Sigstore instances.
    #[serde(default)]
    pub trust_root: Vec<TrustRootFile>,
    /// Keys that its publishers manage themselves.
    #[serde(default)]
    pub trust_key: Vec<TrustKeyFile>,
    /// Who may publish in those of its namespaces that no forge and no domain vouches
    /// for.
    #[serde(default)]
    pub namespace: Vec<NamespaceRule>,
    /// External parameters of builds that are known beyond the usual ones.
    #[serde(default)]
    pub build_parameters: BTreeSet<String>,
}

/// A source that is followed.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// What it is called here.
    pub name: SourceName,
    /// Where it is.
    pub url: Option<Url>,
    /// The key of its log, or one that its log had before.
    pub log_key: VerifierKey,
    /// Whether it is asked.
    pub mode: SourceMode,
    /// The names that come from it.
    pub namespaces: Vec<NamePattern>,
    /// How often it is asked for something new, in seconds.
    pub refresh_seconds: u64,
    /// Whether artifacts are fetched before anybody asks for them.
    pub prefetch: bool,
    /// Certificates that count beside the web's.
    pub ca: Option<PathBuf>,
    /// Whose signatures count.
    pub trust: TrustConfig,
    /// What else a release of it has to be.
    pub policy: Policy,
}

impl SourceFile {
    /// Makes its paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|ca| folder.join(ca));
        place_trust(&mut self.trust_root, &mut self.trust_key, folder);
    }

    fn resolve(&self, update: TrustUpdate) -> Result<SourceConfig, ConfigError> {
        let refresh_seconds = self.refresh_seconds.unwrap_or(DEFAULT_REFRESH_SECONDS);
        if !(1..=MAX_REFRESH_SECONDS).contains(&refresh_seconds) {
            return Err(ConfigError::Value {
                key: "source.refresh_seconds",
                found: refresh_seconds.to_string(),
                expected: "1 to 240, so that what is taken down is soon known",
            });
        }
        if self.namespaces.is_empty() {
            let expected = "the names that come from it";
            let key = "source.namespaces";
            return Err(ConfigError::Value { key, found: "empty".to_owned(), expected });
        }
        match &self.url {
            Some(url) => check_address(url)?,
            None if self.mode == SourceMode::Offline => (),
            None => {
                return Err(ConfigError::Value {
                    key: "source.url",
                    found: "missing".to_owned(),
                    expected: "an address, unless the source is offline",
                });
            }
        }
        let public_good = self.trust_public_good.unwrap_or(true);
        let policy = Policy {
            namespaces: self.namespace.clone(),
            build_parameters: self.build_parameters.clone(),
            ..Policy::private()
        };
        Ok(SourceConfig {
            name: self.name.clone(),
            url: self.url.clone(),
            log_key: self.log_key.clone(),
            mode: self.mode,
            namespaces: self.namespaces.clone(),
            refresh_seconds,
            prefetch: self.prefetch,
            ca: self.ca.clone(),
            trust: trust_of(public_good, &self.trust_root, &self.trust_key, update)?,
            policy,
        })
    }
}

impl ConfigFile {
    /// The sources, none of which has a name or a namespace of another, or of our own.
    pub(super) fn sources(&self) -> Result<Vec<SourceConfig>, ConfigError> {
        let mut named = BTreeMap::new();
        for source in &self.source {
            if named.insert(&source.name, source).is_some() {
                return Err(ConfigError::Value {
                    key: "source.name",
                    found: format!("`{}`, twice", source.name),
                    expected: "another name for each source",
                });
            }
        }
        let own = own_patterns(&self.namespace, &self.official);
        let sources = self.source.iter().map(|it| (it.name.clone(), it.namespaces.clone()));
        Owners::new(own, sources.collect())?;
        self.source.iter().map(|source| source.resolve(self.trust.update)).collect()
    }
}

/// Refuses what is neither https nor this machine.
fn check_address(url: &Url) -> Result<(), ConfigError> {
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback)) {
        Ok(())
    } else {
        Err(ConfigError::Value {
            key: "source.url",
            found: format!("`{}`", url.as_str().escape_debug()),
            expected: "an https URL without a user or a query",
        })
    }
}
