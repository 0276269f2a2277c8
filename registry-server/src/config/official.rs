//! Publishing through the MCP registry's API, as it stands in a file.

use std::collections::BTreeMap;

use mcpkg_core::namespace::{NamePattern, NamespaceRule};
use serde::Deserialize;
use url::{Host, Url};

use super::ConfigError;

/// Who may publish through the MCP registry's API. Nobody, unless the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfficialConfig {
    /// The names that may be published unsigned.
    pub publish: Vec<NamePattern>,
    /// What tokens for us have as their audience; by default, our own address without
    /// a path, which is what `mcp-publisher` asks for.
    pub audience: Option<String>,
    /// Whose tokens count.
    pub issuer: Vec<IssuerConfig>,
}

/// An issuer of tokens (`OpenID` Connect), and what one of them is good for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// Where its keys are; by default, where its discovery document says.
    pub keys: Option<String>,
    /// The names that its tokens let somebody publish.
    pub names: Vec<NamePattern>,
    /// The claims that a token has to have, each with this value. Of an issuer that
    /// gives tokens to strangers, these say who is none.
    pub claims: BTreeMap<String, String>,
}

/// Checks what can be known before anybody is asked.
pub(super) fn check(config: OfficialConfig) -> Result<OfficialConfig, ConfigError> {
    for issuer in &config.issuer {
        for url in std::iter::once(&issuer.issuer).chain(&issuer.keys) {
            if !is_guarded(url) {
                return Err(ConfigError::Value {
                    key: "official.issuer",
                    found: format!("`{}`", url.escape_debug()),
                    expected: "an https URL, or an http one on this machine",
                });
            }
        }
        if issuer.claims.is_empty() {
            return Err(ConfigError::Value {
                key: "official.issuer.claims",
                found: "empty".to_owned(),
                expected: "a claim that not everybody's token has",
            });
        }
    }
    Ok(config)
}

/// The names that are this registry's own: those that it has rules for, and those that it
/// opens for publishing without a signature. To open all is to say nothing of whose they are.
pub(crate) fn own_patterns(
    namespaces: &[NamespaceRule],
    official: &OfficialConfig,
) -> Vec<NamePattern> {
    let opened = official.publish.iter().filter(|pattern| **pattern != NamePattern::All);
    namespaces.iter().map(|rule| &rule.pattern).chain(opened).cloned().collect()
}

/// Whether nobody in between can say what is at this address.
pub(crate) fn is_guarded(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain
        && url.has_host()
        && match url.scheme() {
            "https" => true,
            "http" => is_loopback,
            _ => false,
        }
}
