//! What a user gives a server's settings when they install it.

use std::collections::BTreeMap;

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::lock::{ConfigText, LockedServer, SecretReference};
use mcpkg_core::permissions::HostPort;

use crate::error::{Error, Result};
use crate::ops::launch;

/// The values, where secrets are found, and which host gets which secret.
#[derive(Debug, Default)]
pub struct Given {
    config: BTreeMap<String, ConfigText>,
    secrets: BTreeMap<String, SecretReference>,
    brokered: BTreeMap<String, HostPort>,
}

impl Given {
    /// Reads texts of the form `key=value`: values, references to secrets, hosts.
    ///
    /// # Errors
    ///
    /// For one without a `=`, and for what is no reference and no host. What is no reference is
    /// not repeated: it may be the secret itself.
    pub fn parse(values: &[String], secrets: &[String], hosts: &[String]) -> Result<Self> {
        let mut given = Self::default();
        for text in values {
            let (key, value) = split(text)?;
            // The same key again makes a list, for settings that take several.
            let value = match given.config.remove(&key) {
                None => ConfigText::One(value),
                Some(ConfigText::One(first)) => ConfigText::Many(vec![first, value]),
                Some(ConfigText::Many(mut values)) => {
                    values.push(value);
                    ConfigText::Many(values)
                }
            };
            given.config.insert(key, value);
        }
        for text in secrets {
            let (key, value) = split(text)?;
            let reference = value.parse().map_err(|_| Error::Setting {
                message: format!("the secret `{key}` is not given by reference"),
                hint: "say where it is: `store:<name>`, `env:<variable>`, `file:<absolute path>`, \
                       `cmd:<program and arguments>` or `op://<vault>/<item>/<field>`",
            })?;
            given.secrets.insert(key, reference);
        }
        for text in hosts {
            let (key, found) = split(text)?;
            let host = found.parse::<HostPort>().map_err(|error| Error::Argument {
                what: "host",
                found,
                reason: error.to_string(),
            })?;
            given.brokered.insert(key, host);
        }
        Ok(given)
    }

    /// Holds the values to what the manifest knows, so that a mistake is found
    /// now and not when the agent starts the server; and keeps secrets out of
    /// the lock.
    pub fn check(&self, keys: &Settings) -> Result<()> {
        for (key, text) in &self.config {
            let config = keys.get(key).ok_or_else(|| unknown(key))?;
            if config.is_sensitive {
                return Err(Error::Setting {
                    message: format!("`{key}` is a secret, and would be written into the lock"),
                    hint: "leave it out: once installed, `mcpkg secret set` keeps it in your key \
                           store",
                });
            }
            launch::value(key, config, text)?;
        }
        let named = self.secrets.keys().chain(self.brokered.keys());
        match named.into_iter().find(|key| !keys.contains_key(*key)) {
            Some(key) => Err(unknown(key)),
            None => Ok(()),
        }
    }

    /// Puts them into what is locked, in the place of what was there.
    ///
    /// # Errors
    ///
    /// If a secret would be kept from a server that cannot be kept from it.
    pub fn apply(self, server: &mut LockedServer) -> Result<()> {
        server.config.extend(self.config);
        server.secrets.extend(self.secrets);
        server.brokered.extend(self.brokered);
        launch::brokered::check(server, launch::wanted(server))
    }
}

fn split(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').ok_or_else(|| Error::Argument {
        what: "setting",
        found: text.to_owned(),
        reason: "there is no `=`".to_owned(),
    })?;
    Ok((key.to_owned(), value.to_owned()))
}

fn unknown(key: &str) -> Error {
    Error::Setting {
        message: format!("the server has no setting `{key}`"),
        hint: "`mcpkg install --dry-run` shows its settings",
    }
}
