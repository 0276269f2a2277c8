//! Telling a client how to get a token.
//!
//! Source: RFC 6750, section 3; RFC 9728, sections 2, 3 and 5.1; RFC 9449, section 7.1.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use mcpkg_core::Coded as _;
use serde::Serialize;

use super::dpop::ProofError;
use super::error::{AccessError, Refused};
use super::{Access, Dpop};
use crate::policy::Place;

/// What has to be in the next proof (RFC 9449, section 8).
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Where the metadata are, before the path of the resource.
pub(crate) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What a client has to know to get a token for a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ResourceMetadata {
    /// What tokens have to be for.
    resource: String,
    /// Who issues them; first, where people log in.
    authorization_servers: Vec<String>,
    /// What people ask for there.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: Vec<String>,
    /// By which name `mcpkg` is known there: a member of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    mcpkg_client_id: Option<String>,
    /// Where they are put into a request.
    bearer_methods_supported: [&'static str; 1],
    /// How a proof of possession may be signed.
    dpop_signing_alg_values_supported: [&'static str; 5],
    /// Whether there has to be one.
    dpop_bound_access_tokens_required: bool,
    /// What it is called for people.
    resource_name: &'static str,
}

impl Access {
    /// What is known of the resource with this path, such as `/registry/team`; of the
    /// whole server, if the path is empty. `None` if it is not one.
    pub(crate) fn metadata(&self, path: &str) -> Option<ResourceMetadata> {
        if !self.is_enforced() {
            return None;
        }
        let resource = match place_of(path) {
            None if path.is_empty() => self.audience.clone(),
            None => return None,
            Some(place) => self.resource_of(&place)?,
        };
        let login = self.issuers.login();
        Some(ResourceMetadata {
            resource,
            authorization_servers: self.issuers.addresses(),
            scopes_supported: login.map(|login| login.scopes.clone()).unwrap_or_default(),
            mcpkg_client_id: login.map(|login| login.client_id.clone()),
            bearer_methods_supported: ["header"],
            dpop_signing_alg_values_supported: ["ES256", "ES384", "EdDSA", "RS256", "PS256"],
            dpop_bound_access_tokens_required: self.dpop == Dpop::Required,
            resource_name: "mcpkg registry",
        })
    }

    /// What tokens for one registry or source alone are for, if it is not the whole
    /// server.
    pub(super) fn resource_of(&self, place: &Place) -> Option<String> {
        match place {
            Place::Registry(name) if name == Place::OWN => None,
            Place::Registry(name) => Some(format!("{}/registry/{name}", self.base)),
            Place::Source(name) => Some(format!("{}/source/{name}", self.base)),
        }
    }

    /// Says in the headers of an answer what would be accepted, and how to get it.
    pub(super) fn challenge(&self, error: &AccessError, place: &Place, to: &mut HeaderMap) {
        if error.refused() != Refused::Unknown {
            return;
        }
        let path = match place {
            Place::Registry(name) if name == Place::OWN => String::new(),
            Place::Registry(name) => format!("/registry/{name}"),
            Place::Source(name) => format!("/source/{name}"),
        };
        let metadata = format!("resource_metadata=\"{}{METADATA}{path}\"", self.base);
        let reason = match error {
            AccessError::Missing | AccessError::Scheme => String::new(),
            AccessError::Proof(ProofError::Nonce) => {
                format!(", error=\"use_dpop_nonce\"{}", described(error))
            }
            AccessError::Proof(_) => format!(", error=\"invalid_dpop_proof\"{}", described(error)),
            _ => format!(", error=\"invalid_token\"{}", described(error)),
        };
        let dpop = "DPoP algs=\"ES256 ES384 EdDSA RS256 PS256\"";
        let mut all = vec![format!("{dpop}, {metadata}{reason}")];
        if self.dpop == Dpop::Optional {
            all.insert(0, format!("Bearer {metadata}{reason}"));
        }
        for challenge in all.into_iter().filter_map(|text| HeaderValue::try_from(text).ok()) {
            to.append(header::WWW_AUTHENTICATE, challenge);
        }
        tell(self.nonces.as_ref().map(|nonces| nonces.current(Instant::now())), to);
    }
}

/// Puts a nonce into an answer, which nobody may keep then: whoever got it from a cache
/// would have an old one (RFC 9449, section 8.2).
pub(super) fn tell(nonce: Option<String>, to: &mut HeaderMap) {
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        to.insert(NONCE, nonce);
        to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The code: what else there is to say stands in the body, and may quote the request.
fn described(error: &AccessError) -> String {
    format!(", error_description=\"{}\"", error.code())
}

/// The registry or source that a path below ours is.
fn place_of(path: &str) -> Option<Place> {
    let mut parts = path.strip_prefix('/')?.split('/');
    let (kind, name, rest) = (parts.next()?, parts.next()?, parts.next());
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if rest.is_some() || !(1..=64).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return None;
    }
    match kind {
        "registry" => Some(Place::Registry(name.to_owned())),
        "source" => Some(Place::Source(name.to_owned())),
        _ => None,
    }
}
