//! From an entry that starts anything to one that starts an installed server.
//!
//! Nobody signs that a package of npm or `PyPI` and one of ours are the same server: a
//! signed `server.json` of ours names no other registry's package, and a `package.json`
//! says what its author likes, who would be handed the secrets of the one that it names.
//! So nothing is guessed: the user says which installed server an entry becomes.

use std::collections::BTreeMap;

use mcpkg_core::lock::{ConfigText, Lock, LockedServer, SecretReference};
use mcpkg_core::manifest::Manifest;
use mcpkg_core::secret::StoreName;
use mcpkg_core::{PackageName, Platform};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::detect::{COMMAND, ENVIRONMENT};
use super::rewrite::{Edits, Rewritten};
use super::{Literal, Plan, Site};
use crate::agents::{Agent, Scope};
use crate::error::{Error, Result};
use crate::ops::fetch::MANIFEST;
use crate::ops::{link, named};
use crate::places::Places;
use crate::secrets::Secret;
use crate::store::Store;

/// An installed server, whose files are the pinned ones.
pub struct Target {
    server: LockedServer,
    manifest: Manifest,
}

/// The installed servers that entries are to become, by the names of those.
pub struct Targets(BTreeMap<String, Target>);

/// What an entry gave way to, and what it was without its secrets.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// The server that is started now.
    pub server: PackageName,
    /// The entry as we wrote it.
    pub by: Value,
    /// The entry as it was, with nothing where a secret was.
    pub entry: Value,
    /// Where the secrets were, by their JSON pointers.
    pub secrets: BTreeMap<String, StoreName>,
    /// The settings that the server got of it.
    pub config: BTreeMap<String, String>,
}

impl Targets {
    /// Reads pairs of an entry and a server of `lock`: `weather=io.github.acme/weather`.
    pub fn parse(pairs: &[String], lock: &Lock, store: &Store) -> Result<Self> {
        let target = |text: &String| {
            let (key, name) = text.split_once('=').ok_or_else(|| Error::Argument {
                what: "pair of an entry and a server",
                found: text.clone(),
                reason: "there is no `=`".to_owned(),
            })?;
            Ok((key.to_owned(), Target::of(named::one(lock, name)?, store)?))
        };
        pairs.iter().map(target).collect::<Result<_>>().map(Self)
    }

    /// The server that this entry is to become.
    pub(super) fn get(&self, key: &str) -> Option<&Target> {
        self.0.get(key)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One that no plan replaces: who names an entry wants that one, or nothing.
    pub fn missing(&self, plans: &[Plan]) -> Option<&str> {
        let is_found = |key: &str| {
            let replaced = plans.iter().flat_map(Plan::replaced);
            replaced.map(|(link, _)| link.key).any(|found| found == key)
        };
        self.0.keys().map(String::as_str).find(|key| !is_found(key))
    }
}

impl Target {
    /// The installed server `name`, if its files are as they were pinned.
    pub fn of(server: &LockedServer, store: &Store) -> Result<Self> {
        if let Some(pinned) = &server.elsewhere {
            return Err(Error::Setting {
                message: format!("no entry becomes {}, which is {pinned}", server.name),
                hint: "`mcpkg install` links it; remove the other entry by hand",
            });
        }
        let artifact = server.artifact_for(Platform::current()).ok_or_else(|| {
            let available = server.artifacts.iter().map(|it| it.platform).collect::<Vec<_>>();
            Error::NoArtifact {
                name: server.name.clone(),
                version: server.version.clone(),
                available: crate::request::platforms(&available),
            }
        })?;
        let path = store.check(artifact.tree)?.join(MANIFEST);
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let manifest = Manifest::read(&bytes)
            .map_err(Error::wrap(format!("the manifest of {} cannot be used", server.name)))?;
        Ok(Self { server: server.clone(), manifest })
    }

    /// The setting that a variable of the server's environment is filled from, and from
    /// nothing else.
    fn setting_of(&self, variable: &str) -> Option<&str> {
        let environment = self.manifest.value().pointer("/server/mcp_config/env")?;
        let text = environment.get(variable)?.as_str()?;
        let key = text.strip_prefix("${user_config.")?.strip_suffix('}')?;
        self.manifest.config_keys().contains_key(key).then_some(key)
    }

    /// The name in the key store that the server takes a secret from.
    fn name_of(&self, key: &str) -> Result<StoreName, String> {
        match self.server.secrets.get(key) {
            Some(SecretReference::Store(name)) => Ok(name.clone()),
            _ => Err(format!("its secret `{key}` is not taken from the key store")),
        }
    }

    /// The entry that starts this server in the place of `entry`, and the names of its
    /// secrets, in the order of `literals`; `is_kept` says which there are already. Everything that the old one gave has to have
    /// a place, or why it has none is said.
    pub fn rewrite(
        &self,
        (agent, scope, places): (&dyn Agent, Scope, &Places),
        (key, entry): (&str, &Value),
        literals: &[Literal],
        is_kept: impl Fn(&StoreName) -> bool,
    ) -> Result<(Rewritten, Vec<StoreName>), String> {
        let name = &self.server.name;
        if COMMAND.iter().all(|field| entry.get(field).is_none()) {
            return Err("it starts nothing on this machine".to_owned());
        }
        if scope == Scope::Project {
            return Err("it is everybody's in this project".to_owned());
        }
        if link::there(&self.server.agents, agent, scope, places).is_some() {
            return Err(format!("{name} is linked there already"));
        }
        let mut replaced = Replaced {
            server: name.clone(),
            by: Value::Null,
            entry: entry.clone(),
            secrets: BTreeMap::new(),
            config: BTreeMap::new(),
        };
        let mut names = Vec::new();
        for literal in literals {
            let Site::Environment(variable) = &literal.site else {
                return Err(format!("there is a secret in its {}", literal.site));
            };
            let setting = self.setting_of(variable).ok_or_else(|| not_taken(variable))?;
            let name = self.name_of(setting)?;
            if is_kept(&name) {
                return Err(format!("`{name}` is in your key store already"));
            }
            if let Some(text) = replaced.entry.pointer_mut(&literal.pointer) {
                *text = Value::String(String::new());
            }
            replaced.secrets.insert(literal.pointer.clone(), name.clone());
            names.push(name);
        }
        for (variable, value) in
            ENVIRONMENT.iter().filter_map(|it| entry.get(it)?.as_object()).flatten()
        {
            let is_literal = |it: &Literal| it.site == Site::Environment(variable.clone());
            if literals.iter().any(is_literal) {
                continue;
            }
            let setting = self.setting_of(variable).ok_or_else(|| not_taken(variable))?;
            let text = value.as_str().unwrap_or_default();
            let is_sensitive = self.manifest.config_keys()[setting].is_sensitive;
            if is_sensitive || text.contains(['$', '{']) {
                return Err(format!("its variable `{variable}` is not written out"));
            }
            let known = self.server.config.get(setting);
            if known.is_some_and(|known| *known != ConfigText::One(text.to_owned())) {
                return Err(format!("its setting `{setting}` has another value already"));
            }
            if known.is_none() {
                replaced.config.insert(setting.to_owned(), text.to_owned());
            }
        }
        let launch = link::launch(name, scope).map_err(|error| error.to_string())?;
        replaced.by = agent.entry(key, &launch);
        let entry = replaced.by.clone();
        let edits = Edits { replaced: Some(replaced), ..Edits::default() };
        Ok((Rewritten { entry, edits, stays: Vec::new() }, names))
    }
}

fn not_taken(variable: &str) -> String {
    format!("its variable `{variable}` is none that the server takes from a setting")
}

impl Replaced {
    /// Gives the server the settings that the entry had.
    pub fn apply(&self, server: &mut LockedServer) {
        for (key, text) in &self.config {
            server.config.insert(key.clone(), ConfigText::One(text.clone()));
        }
    }

    /// Takes them away again, where they are still those.
    pub fn take_back(&self, server: &mut LockedServer) {
        for (key, text) in &self.config {
            if server.config.get(key) == Some(&ConfigText::One(text.clone())) {
                server.config.remove(key);
            }
        }
    }

    /// The entry as it was. `None` if ours is no longer there, or a secret is gone.
    pub(super) fn undo(
        &self,
        entry: &Value,
        secret: impl Fn(&StoreName) -> Option<Secret>,
    ) -> Option<Value> {
        let mut before = self.entry.clone();
        for (pointer, name) in &self.secrets {
            *before.pointer_mut(pointer)? = Value::String(secret(name)?.expose().to_owned());
        }
        (*entry == self.by).then_some(before)
    }
}
