//! What somebody logs in at.

use mcpkg_core::lock::LockedServer;
use url::Url;

use crate::config::{Config, RegistryConfig};
use crate::error::Result;
use crate::places::Places;
use crate::registry::connection;

/// A registry, or a remote server: MCP has taken the same way to a token
/// (MCP 2025-11-25, "Authorization").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A registry, whose address has an API of ours below it.
    Registry,
    /// A remote server, at its address itself.
    Server,
}

/// What somebody logs in at, and how it is reached.
#[derive(Clone, Debug)]
pub struct Door {
    pub(crate) kind: Kind,
    /// Its name, its address, and the issuer that is pinned.
    pub(crate) source: RegistryConfig,
}

impl Door {
    /// That of a registry.
    pub fn of_registry(source: &RegistryConfig) -> Self {
        Self { kind: Kind::Registry, source: source.clone() }
    }

    /// That of an installed server which runs at `url`. It is reached as its registry says:
    /// by whose authority, that is. What its own proxy is for is the registry alone.
    pub fn of_server(server: &LockedServer, url: &Url, config: &Config) -> Result<Self> {
        let source = config.registries.iter().find(|it| it.url.as_str() == server.registry);
        let source = RegistryConfig {
            name: server.name.to_string(),
            url: url.clone(),
            ca: source.and_then(|source| source.ca.clone()),
            login: config.logins.get(&server.name).cloned(),
            ..RegistryConfig::none()?
        };
        Ok(Self { kind: Kind::Server, source })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// A client of what is behind it.
    pub(super) fn client(&self, places: &Places) -> Result<reqwest::ClientBuilder> {
        match self.kind {
            Kind::Registry => connection::to_registry(&self.source, places),
            Kind::Server => connection::to_remote(Some(&self.source), places),
        }
    }
}
