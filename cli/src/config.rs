//! Which registries there are, and whose signatures count for which names.
//!
//! `$XDG_CONFIG_HOME/mcpkg/config.toml`. It holds no secret: those, and
//! log-ins, are in the key store.

mod login;
mod run;
mod trust;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use mcpkg_core::PackageName;
use mcpkg_core::log::{Algorithm, LogTrust, VerifierKey};
use mcpkg_core::namespace::{NamePattern, NamespaceRule};
use mcpkg_core::policy::{Policy, RebuildRule};
use mcpkg_core::secret::SecretReference;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::log::Distrust;
use crate::places::Places;
use crate::secrets::StoreKind;

pub use login::{ClientCertificate, LoginConfig};
pub use run::{OnFault, RunConfig};
pub use trust::{NamedKey, NamedRoot};
pub use upstream::UpstreamConfig;

/// The whole configuration.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether the key of every registry's log has to have been configured by
    /// somebody: one that a registry named itself when it was added is refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub require_log_key: bool,
    /// The registries, in the order they were added.
    #[serde(default, rename = "registry", skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<RegistryConfig>,
    /// Sigstore instances of one's own, for packages of all registries.
    #[serde(default, rename = "trust_root", skip_serializing_if = "Vec::is_empty")]
    pub trust_roots: Vec<NamedRoot>,
    /// Keys, for packages of all registries.
    #[serde(default, rename = "trust_key", skip_serializing_if = "Vec::is_empty")]
    pub trust_keys: Vec<NamedKey>,
    /// Where packages of other ecosystems come from.
    #[serde(default, skip_serializing_if = "UpstreamConfig::is_default")]
    pub upstream: UpstreamConfig,
    /// How servers are started.
    #[serde(default, skip_serializing_if = "RunConfig::is_default")]
    pub run: RunConfig,
    /// Where secrets are kept.
    #[serde(default, skip_serializing_if = "SecretsConfig::is_default")]
    pub secrets: SecretsConfig,
    /// Where one logs in for remote servers.
    #[serde(default, rename = "login", skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<PackageName, LoginConfig>,
}

/// Where secrets are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsConfig {
    /// Which key store; that of the system, if it is not said and there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreKind>,
    /// Where the passphrase of the encrypted file is found, for when there is no
    /// terminal to ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<SecretReference>,
}

impl SecretsConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
    /// The authorities that vouch for its certificate, PEM, instead of the system's, and
    /// beside those for the remote servers that it has. Relative to the configuration's
    /// folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The proxy that it is reached by, instead of the one that the environment names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Url>,
    /// The certificate that is shown to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
    /// Where one logs in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginConfig>,
    /// Which names it serves. A name that some registry serves by namespace is
    /// never asked of one that serves `*`.
    #[serde(default = "all_names")]
    pub namespaces: Vec<NamePattern>,
    /// Whether the public-good Sigstore may vouch for names here.
    #[serde(default = "yes")]
    pub public_good: bool,
    /// The key of its log, as a C2SP vkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_key: Option<VerifierKey>,
    /// Whether that key is the registry's own word, from when it was added.
    #[serde(default, skip_serializing_if = "is_false")]
    pub log_key_on_first_use: bool,
    /// The witnesses of its log that count, as C2SP vkeys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<VerifierKey>,
    /// How many of them have to vouch for each checkpoint; all, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_quorum: Option<usize>,
    /// Private Sigstore instances, each with the names it may vouch for.
    #[serde(default, rename = "trust_root", skip_serializing_if = "Vec::is_empty")]
    pub trust_roots: Vec<TrustRootConfig>,
    /// External parameters of builds that are known beyond those of the build types
    /// that we know.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub build_parameters: BTreeSet<String>,
    /// Who may publish in namespaces that no forge vouches for.
    #[serde(default, rename = "publisher", skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<NamespaceRule>,
    /// Who has to have built releases again, with the same files, before they are
    /// installed: of the identities in `by`, `required` many, for names of `pattern`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebuilds: Vec<RebuildRule>,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Config {
    /// Reads the configuration. None yet is an empty one.
    pub fn read(places: &Places) -> Result<Self> {
        let path = Self::path(places);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        toml::from_str(&text).map_err(|mut source: toml::de::Error| {
            // It would quote a line, and somebody may have written a passphrase there.
            if text.contains("passphrase") {
                source.set_input(None);
            }
            Error::Config { path, source: Box::new(source) }
        })
    }

    /// Writes the configuration.
    pub fn write(&self, places: &Places) -> Result<()> {
        let text = toml::to_string_pretty(self).map_err(|error| Error::Setting {
            message: format!("the configuration cannot be written as TOML: {error}"),
            hint: "choose plainer names",
        })?;
        atomic::write(&Self::path(places), text.as_bytes())
    }

    /// Writes the key that a log has now over the one that it had, and leaves
    /// everything else in the file as somebody wrote it.
    pub fn repin(places: &Places, old: &VerifierKey, new: &VerifierKey) -> Result<()> {
        let path = Self::path(places);
        let text = fs::read_to_string(&path)
            .map_err(|source| Error::Read { path: path.clone(), source })?;
        // No two keys have the same text, and what follows a key follows it
        // wherever it is pinned.
        let text = text.replace(&old.to_string(), &new.to_string());
        toml::from_str::<Self>(&text)
            .map_err(|source| Error::Config { path: path.clone(), source: Box::new(source) })?;
        atomic::write(&path, text.as_bytes())
    }

    /// What the user calls those who may vouch.
    pub fn trust_names(&self) -> impl Iterator<Item = &str> {
        let roots = self.trust_roots.iter().map(|named| named.name.as_str());
        roots.chain(self.trust_keys.iter().map(|named| named.name.as_str()))
    }

    /// Where it is.
    pub fn path(places: &Places) -> PathBuf {
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
            ca: None,
            proxy: None,
            client_certificate: None,
            login: None,
            namespaces: all_names(),
            public_good: true,
            log_key: None,
            log_key_on_first_use: false,
            witnesses: Vec::new(),
            witness_quorum: None,
            build_parameters: BTreeSet::new(),
            trust_roots: Vec::new(),
            publishers: Vec::new(),
            rebuilds: Vec::new(),
        })
    }

    /// What has to hold for a release from here.
    pub fn policy(&self) -> Policy {
        let base = if self.private { Policy::private() } else { Policy::public() };
        let (namespaces, rebuilds) = (self.publishers.clone(), self.rebuilds.clone());
        let build_parameters = self.build_parameters.clone();
        Policy { namespaces, rebuilds, build_parameters, ..base }
    }

    /// Trust in the log's `key`, and in the witnesses that are configured.
    pub fn log_witnesses(&self, key: &VerifierKey) -> Result<LogTrust, Distrust> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(Distrust::KeyOfWitness(key.clone()));
        }
        // The same key under two names would count twice.
        let bytes = |key: &VerifierKey| {
            let text = key.as_cosigner().to_string();
            text.splitn(3, '+').nth(2).map(str::to_owned)
        };
        let witnesses: Vec<_> = self.witnesses.iter().map(VerifierKey::as_cosigner).collect();
        for (index, witness) in witnesses.iter().enumerate() {
            let mut others = witnesses[..index].iter().chain([key]);
            if others.any(|other| bytes(other) == bytes(witness)) {
                return Err(Distrust::SameWitness(self.witnesses[index].clone()));
            }
        }
        let (wanted, found) = (self.witness_quorum.unwrap_or(witnesses.len()), witnesses.len());
        if wanted > found {
            return Err(Distrust::Witnesses { wanted, found });
        }
        Ok(LogTrust { key: key.clone(), witnesses, quorum: wanted, predecessors: Vec::new() })
    }
}

/// Refuses a name that cannot be part of a file's name.
pub fn check_name(what: &'static str, name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err(Error::Argument {
            what,
            found: name.to_owned(),
            reason: "use letters, digits, `-` and `_`".to_owned(),
        });
    }
    Ok(())
}
