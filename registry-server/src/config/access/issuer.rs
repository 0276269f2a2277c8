//! Issuers of tokens, as they stand in a file.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use crate::config::ConfigError;

/// The longest word that people's logging in needs, in bytes. `mcpkg` reads no longer one.
const MAX_WORD_LEN: usize = 256;

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerFile {
    /// What policies call it: `User::"<name>/<subject>"`.
    pub name: String,
    /// Its address, exactly as its tokens have it.
    pub url: Url,
    /// How its tokens may be signed.
    #[serde(default = "default_algorithms")]
    pub algorithms: BTreeSet<TokenAlgorithm>,
    /// The types that its tokens may have.
    #[serde(default = "default_types")]
    pub token_types: BTreeSet<String>,
    /// The claim that lists groups.
    pub groups_claim: Option<String>,
    /// How people log in there with `mcpkg login`.
    pub login: Option<LoginFile>,
}

/// How people log in at an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginFile {
    /// By which name the issuer knows `mcpkg`.
    pub client_id: String,
    /// What is asked for there.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// How a token may be signed. There is no `none`, and nothing with a shared secret: a
/// public key that is taken for a secret is known to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum TokenAlgorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    RS256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    RS384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    RS512,
    /// RSA, PSS, SHA-256.
    PS256,
    /// RSA, PSS, SHA-384.
    PS384,
    /// RSA, PSS, SHA-512.
    PS512,
    /// ECDSA, P-256, SHA-256.
    ES256,
    /// ECDSA, P-384, SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

fn default_algorithms() -> BTreeSet<TokenAlgorithm> {
    use TokenAlgorithm::{ES256, EdDSA, PS256, RS256};
    BTreeSet::from([RS256, PS256, ES256, EdDSA])
}

fn default_types() -> BTreeSet<String> {
    BTreeSet::from(["at+jwt".to_owned()])
}

impl IssuerFile {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, found: &str, expected| {
            let found = format!("`{}`", found.escape_debug());
            Err(ConfigError::Value { key, found, expected })
        };
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(is_allowed) {
            let expected = "1 to 64 lower-case letters, digits and hyphens";
            return wrong("access.issuer.name", &self.name, expected);
        }
        if !is_safe(&self.url) {
            return wrong("access.issuer.url", self.url.as_str(), "an https URL without a query");
        }
        if self.algorithms.is_empty() || self.token_types.is_empty() {
            let expected = "at least one of `algorithms` and of `token_types`";
            return wrong("access.issuer", &self.name, expected);
        }
        let words = self.login.iter().flat_map(|it| it.scopes.iter().chain([&it.client_id]));
        if let Some(word) = words.into_iter().find(|word| !is_word(word)) {
            return wrong("access.issuer.login", word, "words without spaces");
        }
        Ok(())
    }
}

/// Whether this can be a client's name or a scope in a document and an address.
fn is_word(text: &str) -> bool {
    (1..=MAX_WORD_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The address of an issuer as tokens have it: `Url` puts a slash behind a host.
pub(crate) fn bare(url: &Url) -> &str {
    if url.path() == "/" { url.as_str().trim_end_matches('/') } else { url.as_str() }
}

/// Whether nobody in between can change what comes from there.
pub(crate) fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}
