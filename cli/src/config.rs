//! Which registries there are, and whose signatures count for which names.
//!
//! `$XDG_CONFIG_HOME/mcpkg/config.toml`. It holds no secret, and there is none
//! to hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::PackageName;
use mcpkg_core::namespace::{NamePattern, NamespaceRule};
use mcpkg_core::policy::Policy;
use mcpkg_verify::{TrustRoot, TrustStore};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The whole configuration.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The registries, in the order they were added.
    #[serde(default, rename = "registry", skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<RegistryConfig>,
}

/// One registry.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// What the user calls it.
    pub name: String,
    /// Its address.
    pub url: Url,
    /// Whether one's own organisation runs it: then releases need no minimum age.
    #[serde(default)]
    pub private: bool,
    /// Which names it serves. A name that some registry serves by namespace is
    /// never asked of one that serves `*`.
    #[serde(default = "all_names")]
    pub namespaces: Vec<NamePattern>,
    /// Whether the public-good Sigstore may vouch for names here.
    #[serde(default = "yes")]
    pub public_good: bool,
    /// Private Sigstore instances, each with the names it may vouch for.
    #[serde(default, rename = "trust_root", skip_serializing_if = "Vec::is_empty")]
    pub trust_roots: Vec<TrustRootConfig>,
    /// Who may publish in namespaces that no forge vouches for.
    #[serde(default, rename = "publisher", skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<NamespaceRule>,
}

/// One private Sigstore instance.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRootConfig {
    /// Its `trusted_root.json`, relative to the configuration's folder.
    pub file: PathBuf,
    /// The names it may vouch for.
    pub namespaces: Vec<NamePattern>,
}

fn all_names() -> Vec<NamePattern> {
    vec![NamePattern::All]
}

const fn yes() -> bool {
    true
}

impl Config {
    /// Reads the configuration. None yet is an empty one.
    pub fn read(places: &Places) -> Result<Self> {
        let path = Self::path(places);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        toml::from_str(&text).map_err(|source| Error::Config { path, source: Box::new(source) })
    }

    /// Writes the configuration.
    pub fn write(&self, places: &Places) -> Result<()> {
        let text = toml::to_string_pretty(self).map_err(|error| Error::Setting {
            message: format!("the configuration cannot be written as TOML: {error}"),
            hint: "choose plainer names",
        })?;
        atomic::write(&Self::path(places), text.as_bytes())
    }

    fn path(places: &Places) -> PathBuf {
        places.config.join("config.toml")
    }

    /// The registry that the user named, or the one that serves `name`.
    ///
    /// A registry that serves the package's namespace is chosen before those
    /// that serve everything, and no other is asked instead if it has nothing:
    /// a private name must not be looked for, or found, anywhere else.
    pub fn registry_for(
        &self,
        wanted: Option<&str>,
        name: Option<&PackageName>,
    ) -> Result<&RegistryConfig> {
        if let Some(wanted) = wanted {
            return self
                .registries
                .iter()
                .find(|registry| registry.name == wanted)
                .ok_or_else(|| Error::UnknownRegistry(wanted.to_owned()));
        }
        let serves = |registry: &&RegistryConfig, is_specific: bool| {
            registry.namespaces.iter().any(|pattern| {
                (*pattern != NamePattern::All) == is_specific
                    && name.is_none_or(|name| pattern.matches(name))
            })
        };
        let found = match name {
            Some(_) => self.registries.iter().find(|registry| serves(registry, true)),
            None => None,
        };
        found
            .or_else(|| self.registries.iter().find(|registry| serves(registry, false)))
            .or_else(|| name.is_none().then(|| self.registries.first()).flatten())
            .ok_or_else(|| match name {
                Some(name) if !self.registries.is_empty() => Error::NoRegistryFor(name.clone()),
                _ => Error::NoRegistry,
            })
    }
}

impl RegistryConfig {
    /// What holds where no registry is configured: the public-good Sigstore, and
    /// the rules for public registries. Its address is nowhere.
    pub fn none() -> Result<Self> {
        let url = "https://registry.invalid/";
        let url = Url::parse(url).map_err(|error| Error::Argument {
            what: "address",
            found: url.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            name: "none".to_owned(),
            url,
            private: false,
            namespaces: all_names(),
            public_good: true,
            trust_roots: Vec::new(),
            publishers: Vec::new(),
        })
    }

    /// What has to hold for a release from here.
    pub fn policy(&self) -> Policy {
        let base = if self.private { Policy::private() } else { Policy::public() };
        Policy { namespaces: self.publishers.clone(), ..base }
    }

    /// Reads the trust roots.
    pub fn trust(&self, places: &Places) -> Result<TrustStore> {
        let mut roots = Vec::new();
        for configured in &self.trust_roots {
            let path = places.config.join(&configured.file);
            let root = read_trust_root(&path)?;
            roots.push((configured.namespaces.clone(), root));
        }
        if self.public_good {
            let root = TrustRoot::public_good()
                .map_err(Error::wrap("the embedded trust root of Sigstore cannot be used"))?;
            roots.push((vec![NamePattern::All], root));
        }
        Ok(TrustStore::new(roots))
    }
}

/// Reads and checks a `trusted_root.json`.
pub fn read_trust_root(path: &Path) -> Result<TrustRoot> {
    let json =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    TrustRoot::from_json(&json)
        .map_err(Error::wrap(format!("`{}` is no usable trust root", path.display())))
}
