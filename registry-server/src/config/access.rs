//! Who is known, and as what, as it stands in a file.

mod issuer;
mod role;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::ConfigError;

pub use issuer::{IssuerFile, LoginFile, TokenAlgorithm};
pub(crate) use issuer::{bare, is_safe};
pub use role::RoleFile;

/// How long a token may be valid in all, in minutes, unless the file says.
const DEFAULT_TOKEN_MINUTES: u32 = 90;

/// Whose tokens count, and what for: `[access]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// What tokens have to be addressed to; by default, `public_url`.
    pub audience: Option<String>,
    /// What whoever shows no token may do.
    #[serde(default)]
    pub anonymous: Anonymous,
    /// Whether callers have to prove that their token is theirs.
    #[serde(default)]
    pub dpop: Dpop,
    /// Whether a proof has to contain a nonce of ours.
    #[serde(default)]
    pub dpop_nonce: ProofNonce,
    /// For how long a token may be valid in all, in minutes.
    pub max_token_minutes: Option<u32>,
    /// Certificates that issuers may have beside the web's, PEM. Relative to the file
    /// that names them.
    pub ca: Option<PathBuf>,
    /// The proxy that issuers are reached by; by default, that of the environment. What is
    /// on this machine is reached without one.
    pub proxy: Option<Url>,
    /// Those whose tokens count.
    #[serde(default)]
    pub issuer: Vec<IssuerFile>,
    /// Who has which role.
    #[serde(default)]
    pub role: Vec<RoleFile>,
}

/// What whoever shows no token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// Nothing.
    #[default]
    Nothing,
    /// What a reader may.
    Read,
}

/// Whether callers have to prove that their token is theirs (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dpop {
    /// If their token is bound to a key.
    #[default]
    Optional,
    /// Always.
    Required,
}

/// Whether a proof has to contain a nonce of ours (RFC 9449, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofNonce {
    /// It need not, and none is given out.
    #[default]
    Off,
    /// It has to, so that it was made now and after this server started.
    Required,
}

impl AccessFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|ca| folder.join(ca));
    }

    /// For how long a token may be valid in all, in seconds.
    pub(crate) fn max_token_seconds(&self) -> i64 {
        i64::from(self.max_token_minutes.unwrap_or(DEFAULT_TOKEN_MINUTES)) * 60
    }

    /// Refuses what could let in somebody who is not meant.
    pub(super) fn check(&self, public_url: Option<&str>) -> Result<(), ConfigError> {
        let wrong = |key, found: &str, expected| {
            let found = format!("`{}`", found.escape_debug());
            Err(ConfigError::Value { key, found, expected })
        };
        if public_url.is_none() {
            return wrong("public_url", "", "how others reach this registry, as tokens are for it");
        }
        if self.max_token_minutes == Some(0) {
            return wrong("access.max_token_minutes", "0", "a positive number");
        }
        if let Some(proxy) = &self.proxy
            && !is_proxy(proxy)
        {
            // Without the address: the password that is refused may be in it.
            let found = "one that is none, or has a password in it".to_owned();
            let expected = "an http or https URL; HTTPS_PROXY may have a password";
            return Err(ConfigError::Value { key: "access.proxy", found, expected });
        }
        let mut log_in = self.issuer.iter().filter(|issuer| issuer.login.is_some());
        if let Some(second) = log_in.nth(1) {
            let expected = "one issuer at most that people log in at";
            return wrong("access.issuer.login", &second.name, expected);
        }
        let mut names = BTreeSet::new();
        for issuer in &self.issuer {
            issuer.check()?;
            if !names.insert(issuer.name.as_str()) {
                return wrong("access.issuer.name", &issuer.name, "a name that no other has");
            }
        }
        for role in &self.role {
            let issuer = self.issuer.iter().find(|it| Some(&it.name) == role.issuer.as_ref());
            if let (Some(name), None) = (&role.issuer, issuer) {
                return wrong("access.role.issuer", name, "the name of an issuer");
            }
            role.check(issuer)?;
        }
        Ok(())
    }
}

/// Whether this is the address of a proxy, without anything that is secret.
fn is_proxy(url: &Url) -> bool {
    let has_secret = !url.username().is_empty() || url.password().is_some();
    matches!(url.scheme(), "http" | "https") && url.has_host() && !has_secret
}

#[cfg(test)]
mod tests;
