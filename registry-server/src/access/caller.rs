//! Who asks, as a handler is told.

use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;

use super::dpop::{ProofError, Shown};
use super::error::AccessError;
use super::nonce::Given;
use super::replay::Remembered;
use super::token::{Expected, Token};
use super::{Access, Anonymous, Dpop, Origin, dpop};
use crate::error::ApiError;
use crate::policy::{Circumstances, Place, Possession, Principal, Role, User};

/// Who asks, and where they ask from. Whatever the request is for, this was found out
/// before a handler sees it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who they are.
    pub(crate) principal: Principal,
    /// How and from where they ask.
    pub(crate) circumstances: Circumstances,
    /// Which registry they ask.
    pub(crate) place: Place,
}

/// Who asks, and what they need for the next time.
#[derive(Debug)]
pub(super) struct Known {
    /// Who asks.
    pub(super) caller: Caller,
    /// A nonce for the next proof, if there is a newer one than theirs.
    pub(super) nonce: Option<String>,
}

impl From<Caller> for Known {
    fn from(caller: Caller) -> Self {
        Self { caller, nonce: None }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The guard puts it there for every request; without it, nothing is served.
        parts.extensions.get().cloned().ok_or(ApiError::Panic)
    }
}

/// What a request shows of who sends it.
#[derive(Debug)]
enum Credentials<'a> {
    None,
    Bearer(&'a str),
    Dpop(&'a str),
}

impl Access {
    /// Finds out who sends a request.
    ///
    /// # Errors
    ///
    /// It shows something that proves nothing. A request that shows nothing is one of
    /// nobody in particular.
    pub(super) async fn caller(
        &self,
        parts: &Parts,
        origin: Origin,
        place: Place,
    ) -> Result<Known, AccessError> {
        refuse_in_query(parts.uri.query())?;
        let mut circumstances =
            Circumstances { address: origin.address, ..Circumstances::default() };
        let mut nonce = None;
        let token = match credentials(&parts.headers)? {
            Credentials::None => {
                let principal = self.nobody(&place);
                return Ok(Caller { principal, circumstances, place }.into());
            }
            Credentials::Bearer(text) => {
                if self.dpop == Dpop::Required {
                    return Err(ProofError::Missing.into());
                }
                let token = self.verify(text, &place).await?;
                if token.bound_to.is_some() {
                    return Err(ProofError::Bearer.into());
                }
                token
            }
            Credentials::Dpop(text) => {
                let token = self.verify(text, &place).await?;
                nonce = self.prove(&token, text, parts)?;
                circumstances.possession = Possession::Proven;
                token
            }
        };
        let principal = Principal::User(self.user(&token));
        Ok(Known { caller: Caller { principal, circumstances, place }, nonce })
    }

    async fn verify(&self, text: &str, place: &Place) -> Result<Token<'_>, AccessError> {
        let audiences = self.audiences(place);
        let (max_seconds, now) = (self.max_token_seconds, Timestamp::now());
        self.issuers.verify(text, Expected { audiences: &audiences, max_seconds, now }).await
    }

    /// What a token may be for that is shown in `place`: this server, or that registry
    /// of it, whose metadata name it as a resource of its own.
    fn audiences(&self, place: &Place) -> Vec<String> {
        let mut audiences = vec![self.audience.clone()];
        audiences.extend(self.resource_of(place));
        audiences
    }

    /// Takes the proof that a token is the caller's. Gives a nonce for the next one, if
    /// there is a newer one than theirs.
    fn prove(
        &self,
        token: &Token<'_>,
        text: &str,
        parts: &Parts,
    ) -> Result<Option<String>, AccessError> {
        let bound_to = token.bound_to.as_deref().ok_or(ProofError::NotBound)?;
        let proofs: Vec<_> = parts.headers.get_all("dpop").iter().collect();
        let [proof] = proofs[..] else {
            return Err(match proofs.len() {
                0 => ProofError::Missing.into(),
                count => ProofError::Several(count).into(),
            });
        };
        let proof = proof.to_str().map_err(|_| AccessError::Headers)?;
        let address = format!("{}{}", self.base, parts.uri.path());
        let shown = Shown {
            method: parts.method.as_str(),
            address: &address,
            token: text,
            bound_to,
            now: Timestamp::now(),
        };
        let (proof, now) = (dpop::check(proof, shown)?, Instant::now());
        // Before it is remembered: what is not taken does not fill the memory.
        let next = self.next_nonce(proof.nonce.as_deref(), now)?;
        match self.replays.remember(proof.seen, now) {
            Remembered::New => Ok(next),
            Remembered::Again => Err(ProofError::Replay.into()),
            Remembered::Full => Err(AccessError::Full),
        }
    }

    /// The nonce for the proof after one with `found`, if that was one before it.
    fn next_nonce(&self, found: Option<&str>, now: Instant) -> Result<Option<String>, ProofError> {
        let Some(nonces) = &self.nonces else { return Ok(None) };
        match found.map_or(Given::Never, |found| nonces.given(found, now)) {
            Given::Now => Ok(None),
            Given::Before => Ok(Some(nonces.current(now))),
            Given::Never => Err(ProofError::Nonce),
        }
    }

    pub(super) fn user(&self, token: &Token<'_>) -> User {
        User {
            issuer_name: token.issuer.file.name.clone(),
            issuer: crate::config::bare(&token.issuer.file.url).to_owned(),
            subject: token.subject.clone(),
            email: token.text("email").filter(|_| !token.is_address_doubted()),
            // GitHub's name for it, and GitLab's.
            repository_id: token.text("repository_id").or_else(|| token.text("project_id")),
            groups: token.groups.clone(),
            roles: self.roles.of_token(token),
        }
    }

    /// Whoever shows no token in `place`.
    fn nobody(&self, place: &Place) -> Principal {
        let is_open = match place {
            Place::Registry(name) if name != Place::OWN => self.open_registries.contains(name),
            _ => self.anonymous == Anonymous::Read,
        };
        if is_open {
            Principal::Anonymous { roles: [Role::Reader].into() }
        } else {
            Principal::nobody()
        }
    }
}

/// What stands in `Authorization`. Cookies are not looked at: a browser sends them
/// along wherever a page of somebody else's sends it.
fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, AccessError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = all.next() else { return Ok(Credentials::None) };
    if all.next().is_some() {
        return Err(AccessError::Headers);
    }
    let text = first.to_str().map_err(|_| AccessError::Headers)?;
    let (scheme, token) = text.split_once(' ').ok_or(AccessError::Scheme)?;
    let token = token.trim();
    if token.is_empty() {
        return Err(AccessError::Scheme);
    }
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(Credentials::Bearer(token)),
        "dpop" => Ok(Credentials::Dpop(token)),
        _ => Err(AccessError::Scheme),
    }
}

/// Refuses a token in the address, where proxies and servers write it into their logs
/// (RFC 6750, section 5.3).
fn refuse_in_query(query: Option<&str>) -> Result<(), AccessError> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let names = ["access_token", "id_token", "token", "oidc_token"];
    for (name, _) in pairs {
        if names.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            return Err(AccessError::Query);
        }
    }
    Ok(())
}
