//! Who lets people into a registry: the documents that say so.
//!
//! A registry says which authorization servers speak for it (RFC 9728), and each of
//! those says where its endpoints are (RFC 8414, or OpenID Connect Discovery). Both
//! come from elsewhere and decide where a person types a password, so: each document
//! has to be about whom it was asked of, to the byte, and every address in it https.

use serde::Deserialize;
use url::Url;

use super::LoginError;
use crate::registry::is_loopback;

/// The algorithm of our proofs.
pub(super) const ES256: &str = "ES256";

/// The longest address or word that is read, in bytes.
const MAX_TEXT: usize = 2048;

/// The most issuers or scopes that are read.
const MAX_LIST: usize = 64;

/// What a registry says of itself (RFC 9728, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ResourceMetadata {
    /// What its tokens are for.
    pub resource: String,
    /// Who issues them.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// What may be asked for.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Whether a token has to be tied to a key (RFC 9449).
    #[serde(default)]
    pub dpop_bound_access_tokens_required: bool,
    /// By which name the first of the issuers knows this program: a member of our own.
    #[serde(default)]
    pub mcpkg_client_id: Option<String>,
}

/// What an issuer says of itself (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IssuerMetadata {
    /// What it is called.
    pub issuer: String,
    /// Where a browser is sent.
    pub authorization_endpoint: Option<Url>,
    /// Where tokens are had.
    pub token_endpoint: Url,
    /// Where a code to type is had (RFC 8628).
    pub device_authorization_endpoint: Option<Url>,
    /// Where a program becomes known (RFC 7591).
    pub registration_endpoint: Option<Url>,
    /// Where a token is given back (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// What may be asked for.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// How a code is tied to who asked for it. Some that do it do not say so.
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// With what a token can be tied to a key (RFC 9449).
    #[serde(default)]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether it says in each answer who it is (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Where the document about the registry at `base` is (RFC 9728, section 3.1).
pub fn resource_url(base: &Url) -> Url {
    inserted(base, "oauth-protected-resource")
}

/// Where the documents about `issuer` may be, in the order to look (RFC 8414, section 3.1;
/// OpenID Connect Discovery 1.0, section 4).
pub fn issuer_urls(issuer: &Url) -> [Url; 2] {
    let mut appended = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    appended.set_path(&format!("{path}/.well-known/openid-configuration"));
    [inserted(issuer, "oauth-authorization-server"), appended]
}

fn inserted(url: &Url, name: &str) -> Url {
    let mut inserted = url.clone();
    let path = url.path().trim_end_matches('/');
    inserted.set_path(&format!("/.well-known/{name}{path}"));
    inserted
}

impl ResourceMetadata {
    /// Reads the document about the registry at `base`.
    ///
    /// It has to be about that registry, or about what it is a part of: one registry
    /// serves several at paths below its own.
    pub fn read(bytes: &[u8], from: &Url, base: &Url) -> Result<Self, LoginError> {
        let wrong =
            |reason: &str| LoginError::metadata(from.as_str(), "a registry", reason.to_owned());
        let found: Self = serde_json::from_slice(bytes).map_err(|error| {
            // Without the words of the document, which may be anything.
            LoginError::metadata(from.as_str(), "a registry", kind(&error))
        })?;
        let lists = [&found.authorization_servers, &found.scopes_supported];
        let texts = lists.into_iter().flatten().chain(&found.mcpkg_client_id);
        if lists.iter().any(|list| list.len() > MAX_LIST)
            || texts.chain([&found.resource]).any(|text| !is_plain(text))
        {
            return Err(wrong("it has more, or other characters, than such a document has"));
        }
        let is_it = Url::parse(&found.resource).is_ok_and(|resource| covers(&resource, base));
        if !is_it {
            let expected = base.to_string();
            return Err(LoginError::Resource { expected, found: found.resource });
        }
        Ok(found)
    }

    /// By which name `issuer` knows this program, if the registry says so. Of another than
    /// the first it does not: there, another program might have that name.
    pub fn client_id(&self, issuer: &str) -> Option<&str> {
        let is_first = self.authorization_servers.first().is_some_and(|first| first == issuer);
        self.mcpkg_client_id.as_deref().filter(|_| is_first)
    }

    /// The issuer to log in at: the pinned one, or else the first.
    pub fn issuer(&self, pinned: Option<&str>) -> Result<&str, LoginError> {
        let issuers = &self.authorization_servers;
        match pinned {
            Some(pinned) => {
                issuers.iter().map(String::as_str).find(|it| *it == pinned).ok_or_else(|| {
                    LoginError::IssuerChanged {
                        pinned: pinned.to_owned(),
                        found: issuers.join("`, `"),
                    }
                })
            }
            None => issuers.first().map(String::as_str).ok_or(LoginError::NoIssuer),
        }
    }
}

impl IssuerMetadata {
    /// Reads the document about `issuer`.
    pub fn read(bytes: &[u8], from: &Url, issuer: &str) -> Result<Self, LoginError> {
        let found: Self = serde_json::from_slice(bytes)
            .map_err(|error| LoginError::metadata(from.as_str(), "an issuer", kind(&error)))?;
        if found.issuer != issuer {
            let found = found.issuer.chars().take(MAX_TEXT).collect();
            return Err(LoginError::IssuerMismatch { expected: issuer.to_owned(), found });
        }
        let endpoints = [
            found.authorization_endpoint.as_ref(),
            Some(&found.token_endpoint),
            found.device_authorization_endpoint.as_ref(),
            found.registration_endpoint.as_ref(),
            found.revocation_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            check_address("endpoint", endpoint, from)?;
        }
        Ok(found)
    }

    /// Whether tokens can be tied to our kind of key.
    pub fn has_dpop(&self) -> bool {
        self.dpop_signing_alg_values_supported.iter().any(|name| name == ES256)
    }

    /// Whether a code can be tied to who asked for it. An issuer that says nothing about
    /// it is asked all the same: several that do it do not say so, and one that does not
    /// ignores the question, and then the answer is worth as much as it was.
    pub fn has_pkce(&self) -> bool {
        let methods = self.code_challenge_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "S256"))
    }
}

/// The issuer of this name, if passwords may be typed there: https, or on this machine
/// for a registry that is there too.
pub fn issuer_url(issuer: &str, base: &Url) -> Result<Url, LoginError> {
    let insecure = || LoginError::Insecure { what: "issuer", found: issuer.to_owned() };
    let url = Url::parse(issuer).map_err(|_| insecure())?;
    // RFC 8414, section 2.
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(insecure());
    }
    check_address("issuer", &url, base)?;
    Ok(url)
}

/// Refuses an address that is less safe than the one that names it.
fn check_address(what: &'static str, url: &Url, named_by: &Url) -> Result<(), LoginError> {
    let is_here = |url: &Url| url.scheme() == "http" && is_loopback(url);
    if url.scheme() == "https" || (is_here(url) && is_here(named_by)) {
        Ok(())
    } else {
        Err(LoginError::Insecure { what, found: url.as_str().chars().take(MAX_TEXT).collect() })
    }
}

/// Whether what `resource` names is `base`, or has it in it.
fn covers(resource: &Url, base: &Url) -> bool {
    let (outer, inner) = (resource.path().trim_end_matches('/'), base.path().trim_end_matches('/'));
    let rest = inner.strip_prefix(outer);
    resource.origin() == base.origin()
        && resource.query().is_none()
        && resource.fragment().is_none()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_data() {
        "it lacks something, or has it as something else"
    } else {
        "it is not JSON"
    }
}

#[cfg(test)]
#[path = "metadata/tests.rs"]
mod tests;
