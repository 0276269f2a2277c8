//! How a registry is reached and logged in at, as it stands in a file. No secret does.

use std::fs;
use std::path::PathBuf;

use mcpkg_core::secret::SecretReference;
use serde::{Deserialize, Serialize};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::Config;
use crate::atomic;
use crate::error::{Error, Result};
use crate::login::{Door, Kind};
use crate::places::Places;

/// A certificate of this machine's, and where its key is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate, PEM. Relative to the configuration's folder.
    pub file: PathBuf,
    /// Its private key, PEM.
    pub key: SecretReference,
}

/// Where one logs in for a registry: the issuer that was accepted the first time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginConfig {
    /// The authorization server, to the byte.
    pub issuer: String,
    /// By which name it knows this program.
    pub client_id: String,
    /// Whether the issuer made that name up for one log-in.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub registered: bool,
    /// What is asked for, if not all that the registry has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

impl Config {
    /// Writes where one logs in at `door`, and leaves everything else in the file as
    /// somebody wrote it.
    pub fn pin_login(places: &Places, door: &Door, login: &LoginConfig) -> Result<()> {
        let path = Self::path(places);
        let text = fs::read_to_string(&path)
            .map_err(|source| Error::Read { path: path.clone(), source })?;
        let edited = match door.kind {
            Kind::Registry => edit(&text, &door.source.name, login),
            Kind::Server => edit_server(&text, &door.source.name, login),
        };
        let edited = edited.ok_or_else(|| Error::Setting {
            message: format!(
                "`{}` has no place for the log-in at `{}`",
                path.display(),
                door.source.name
            ),
            hint: "write a registry as `[[registry]]`, as `mcpkg registry add` does",
        })?;
        toml::from_str::<Self>(&edited)
            .map_err(|source| Error::Config { path: path.clone(), source: Box::new(source) })?;
        if edited == text { Ok(()) } else { atomic::write(&path, edited.as_bytes()) }
    }
}

fn edit(text: &str, name: &str, login: &LoginConfig) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let registries: &mut ArrayOfTables = document.get_mut("registry")?.as_array_of_tables_mut()?;
    let is_it = |table: &&mut Table| table.get("name").and_then(Item::as_str) == Some(name);
    let registry = registries.iter_mut().find(is_it)?;
    registry.insert("login", Item::Table(written(login)));
    Some(document.to_string())
}

fn edit_server(text: &str, name: &str, login: &LoginConfig) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let mut none = Table::new();
    none.set_implicit(true);
    let logins = document.entry("login").or_insert(Item::Table(none)).as_table_mut()?;
    logins.insert(name, Item::Table(written(login)));
    Some(document.to_string())
}

fn written(login: &LoginConfig) -> Table {
    let mut table = Table::new();
    table.insert("issuer", value(login.issuer.as_str()));
    table.insert("client_id", value(login.client_id.as_str()));
    if login.registered {
        table.insert("registered", value(true));
    }
    if !login.scopes.is_empty() {
        table.insert("scopes", value(login.scopes.iter().collect::<toml_edit::Array>()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_changes_one_table_and_nothing_else() {
        let text = "# ours\n[[registry]]\nname = \"a\"\nurl = \"https://a.example/\"\n\n\
                    [[registry]]  # theirs\nname = \"b\"\nurl = \"https://b.example/\"\n\n[secrets]\nstore = \"file\"\n";
        let mut login = LoginConfig {
            issuer: "https://sso.example".to_owned(),
            client_id: "mcpkg".to_owned(),
            registered: false,
            scopes: Vec::new(),
        };
        let pinned = edit(text, "b", &login).unwrap();
        let block = "\n[registry.login]\nissuer = \"https://sso.example\"\nclient_id = \"mcpkg\"\n";
        assert_eq!(pinned.replace(block, ""), text);
        let config: Config = toml::from_str(&pinned).unwrap();
        assert_eq!(config.registries[1].login.as_ref(), Some(&login));
        assert_eq!(config.registries[0].login, None);
        login.issuer = "https://other.example".to_owned();
        let again = edit(&pinned, "b", &login).unwrap();
        assert_eq!(again, pinned.replace("sso.example", "other.example"));
        assert_eq!(edit(text, "c", &login), None);

        let server = edit_server(text, "io.github.acme/weather", &login).unwrap();
        let block = "\n[login.\"io.github.acme/weather\"]\nissuer = \"https://other.example\"\n\
                     client_id = \"mcpkg\"\n";
        assert_eq!(server, format!("{text}{block}"));
        let config: Config = toml::from_str(&server).unwrap();
        assert_eq!(config.logins.values().collect::<Vec<_>>(), [&login]);
        assert_eq!(edit_server(&server, "io.github.acme/weather", &login), Some(server));
    }
}
