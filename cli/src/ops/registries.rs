//! Adding a registry to those that are used, and taking one out again.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::namespace::{AllowedIdentity, AllowedRepository, NamePattern, NamespaceRule};

use crate::atomic;
use crate::config::{Config, RegistryConfig, TrustRootConfig, check_name};
use crate::error::{Error, Result};
use crate::login::{self, Door, LoginError};
use crate::ops::log::{Distrust, FirstUse};
use crate::ops::trust::read_root;
use crate::places::Places;
use crate::registry::Registry;

/// A registry that is to be used. Nothing is written yet.
pub struct Addition {
    /// How it is configured.
    pub registry: RegistryConfig,
    /// What the user should look at of its log, if nobody gave its key.
    pub warning: Option<String>,
    first_use: Option<FirstUse>,
    // Below the folder of the configuration.
    copies: Vec<(PathBuf, Vec<u8>)>,
}

impl Addition {
    /// Holds `registry` to what can be used, and pins its log: by the key that the user gave,
    /// or, where policy lets it, by the one that the registry has. `root` may vouch for what it
    /// serves of the names beside it.
    ///
    /// # Errors
    ///
    /// If there is one of that name, its address is none that anybody would be sent to, or
    /// its log cannot be pinned.
    pub fn prepare(
        mut registry: RegistryConfig,
        root: Option<(PathBuf, Vec<NamePattern>)>,
        config: &Config,
        places: &Places,
        now: Timestamp,
    ) -> Result<Self> {
        if config.registries.iter().any(|other| other.name == registry.name) {
            return Err(Error::RegistryExists(registry.name));
        }
        check_name("name for a registry", &registry.name)?;
        // Refuses an address that no client would be made for.
        let client = Registry::open(&registry, config, places)?;
        let first_use = pin_log(&mut registry, config, &client, now)?;
        let mut copies = take_certificates(&mut registry)?;
        if let Some((file, namespaces)) = root {
            // Checked before it is kept; and kept as a copy, so that what is
            // trusted does not change with a file somewhere else.
            read_root(&file)?;
            let kept = PathBuf::from(format!("trusted_root.{}.json", registry.name));
            copies.push((kept.clone(), read(&file)?));
            registry.trust_roots.push(TrustRootConfig { file: kept, namespaces });
        }
        let warning = first_use.as_ref().and_then(|first_use| first_use.warning.clone());
        Ok(Self { registry, warning, first_use, copies })
    }

    /// Uses it from now on.
    pub fn commit(self, mut config: Config, places: &Places) -> Result<()> {
        for (kept, content) in self.copies {
            atomic::write(&places.config.join(kept), &content)?;
        }
        if let Some(first_use) = self.first_use {
            first_use.remember(places)?;
        }
        config.registries.push(self.registry);
        config.write(places)
    }
}

fn pin_log(
    registry: &mut RegistryConfig,
    config: &Config,
    client: &Registry,
    now: Timestamp,
) -> Result<Option<FirstUse>> {
    let unpinned = format!("the log of the registry `{}` cannot be pinned", registry.name);
    if let Some(key) = &registry.log_key {
        registry.log_witnesses(key).map_err(Error::wrap(unpinned))?;
        return Ok(None);
    }
    if config.require_log_key {
        return Err(Error::wrap(unpinned)(Distrust::FirstUse));
    }
    let first_use = FirstUse::of(registry, client, now).map_err(|error| match error {
        Error::LoggedOut { at, .. } => Error::Setting {
            message: format!("the registry `{at}` tells strangers nothing of its log"),
            hint: "ask its operator for the log's key and pass `--log-key <vkey>`; then `mcpkg login`",
        },
        other => other,
    })?;
    registry.log_key = Some(first_use.key.clone());
    registry.log_key_on_first_use = true;
    Ok(Some(first_use))
}

/// Has a registry name copies of its certificates, so that what is trusted does not change
/// with a file somewhere else. Gives the copies that are to be made.
fn take_certificates(registry: &mut RegistryConfig) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let own = registry.client_certificate.as_mut().map(|certificate| &mut certificate.file);
    let mut copies = Vec::new();
    for (what, file) in [("ca", registry.ca.as_mut()), ("client", own)] {
        let Some(file) = file else { continue };
        let kept = PathBuf::from(format!("{what}.{}.pem", registry.name));
        let pem = read(file)?;
        file.clone_from(&kept);
        copies.push((kept, pem));
    }
    Ok(copies)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Takes the registry called `name` out of `config`.
///
/// # Errors
///
/// [`Error::UnknownRegistry`].
pub fn take(name: &str, config: &mut Config) -> Result<RegistryConfig> {
    let index = config.registries.iter().position(|registry| registry.name == name);
    let index = index.ok_or_else(|| Error::UnknownRegistry(name.to_owned()))?;
    Ok(config.registries.remove(index))
}

/// Uses `registry`, which was taken out of `config`, no more: whoever is logged in there is so
/// no longer, and no copy of its files stays. The answer is what its issuer was not told.
pub fn forget(
    registry: &RegistryConfig,
    config: &Config,
    places: &Places,
) -> Result<Option<LoginError>> {
    let untold = match registry.login {
        Some(_) => login::log_out(&Door::of_registry(registry), config, places)?.untold,
        None => None,
    };
    config.write(places)?;
    let own = registry.client_certificate.as_ref().map(|certificate| &certificate.file);
    let roots = registry.trust_roots.iter().map(|root| &root.file);
    for file in roots.chain(&registry.ca).chain(own) {
        let path = places.config.join(file);
        fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
    }
    Ok(untold)
}

/// Reads `<pattern>=<issuer>,<subject>`, or `<pattern>=<issuer>,` and any of
/// `repository:<url>`, `repository-id:<number>` and `owner-id:<number>`, with commas.
pub fn parse_rule(text: &str) -> Result<NamespaceRule> {
    let error = |reason: String| Error::Argument {
        what: "rule for a namespace",
        found: text.to_owned(),
        reason,
    };
    let expected = || error("expected `<pattern>=<issuer>,<subject>`".to_owned());
    let (pattern, identity) = text.split_once('=').ok_or_else(expected)?;
    let (issuer, who) = identity.split_once(',').ok_or_else(expected)?;
    if issuer.is_empty() || who.is_empty() {
        return Err(expected());
    }
    let issuer = issuer.to_owned();
    let identity = match parse_repository(who) {
        Some(repository) => AllowedIdentity::repository(issuer, repository),
        None => AllowedIdentity::subject(issuer, who.to_owned()),
    };
    Ok(NamespaceRule {
        pattern: pattern.parse().map_err(|reason| error(format!("{reason}")))?,
        identities: vec![identity.map_err(|reason| error(format!("{reason}")))?],
    })
}

/// The repository that a rule is about, if it is about one.
fn parse_repository(who: &str) -> Option<AllowedRepository> {
    let mut repository = AllowedRepository::default();
    for part in who.split(',') {
        let (key, value) = part.split_once(':')?;
        let place = match key {
            "repository" => &mut repository.url,
            "repository-id" => &mut repository.repository_id,
            "owner-id" => &mut repository.owner_id,
            _ => return None,
        };
        if place.replace(value.to_owned()).is_some() {
            return None;
        }
    }
    Some(repository)
}
