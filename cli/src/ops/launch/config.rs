//! The values of a server's settings.

use std::collections::BTreeMap;

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::lock::{ConfigText, LockedServer};
use mcpkg_core::manifest::{ConfigKey, ConfigValue};

use super::brokered;
use crate::config::Config;
use crate::egress::swap::Brokered;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::secrets::{self, SecretError, Stores};

/// The values of the server's settings: those in the lock, and its secrets from
/// wherever the lock says they are. Those that it never has are beside them.
pub(super) fn of(
    server: &LockedServer,
    keys: &Settings,
    places: &Places,
) -> Result<(BTreeMap<String, ConfigValue>, Vec<Brokered>)> {
    let (mut values, mut kept) = (given(server, keys)?, Vec::new());
    let stores = Stores::new(places, &Config::read(places)?.secrets);
    for (key, reference) in &server.secrets {
        // What the signed manifest does not ask for is not even looked up.
        let Some(config) = keys.get(key) else { continue };
        match secrets::resolve(reference, &stores)? {
            Some(secret) => {
                let text = match server.brokered.get(key) {
                    None => secret.expose().to_owned(),
                    Some(host) => {
                        let tied = brokered::tie(key, secret.expose(), host)?;
                        let placeholder = tied.placeholder().as_str().to_owned();
                        kept.push(tied);
                        placeholder
                    }
                };
                values.insert(key.clone(), ConfigValue::String(text));
            }
            None if !config.is_required => (),
            None => {
                return Err(Error::Secret(SecretError::Missing {
                    server: server.name.clone(),
                    key: key.clone(),
                    reference: Box::new(reference.clone()),
                }));
            }
        }
    }
    Ok((values, kept))
}

/// What the lock has of the server's settings. What nobody asks for is not among it.
pub fn given(server: &LockedServer, keys: &Settings) -> Result<BTreeMap<String, ConfigValue>> {
    let asked = server.config.iter().filter_map(|(key, text)| Some((key, keys.get(key)?, text)));
    asked.map(|(key, config, text)| Ok((key.clone(), value(key, config, text)?))).collect()
}

/// A text of the lock, as the manifest's setting takes it.
pub fn value(key: &str, config: &ConfigKey, text: &ConfigText) -> Result<ConfigValue> {
    let result = match text {
        ConfigText::One(text) => config.parse(text),
        ConfigText::Many(texts) => {
            let values = ConfigValue::List(texts.clone());
            config.check(&values).map(|()| values)
        }
    };
    result.map_err(|reason| Error::Setting {
        message: format!("the setting `{key}` cannot be used: {reason}"),
        hint: "install it again with another `--set`",
    })
}
