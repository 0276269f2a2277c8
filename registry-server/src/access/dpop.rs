//! That a token is shown by whoever it was given to.
//!
//! A token is bound to a key by its issuer (`cnf.jkt`), and each request carries a
//! proof that is signed with it: for this method, this address and this token, made
//! just now, and shown once. A token that is stolen from a log or a proxy is worth
//! nothing without the key.
//!
//! Source: RFC 9449, sections 4.3 and 7.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mcpkg_core::Digest;
use serde::Deserialize;
use url::Url;

use super::jws::{Jws, JwsError};
use super::key::WireKey;
use super::replay::Seen;
use crate::config::TokenAlgorithm;

/// How old a proof may be, in seconds.
pub(super) const MAX_AGE_SECONDS: i64 = 60;

/// By how much it may be of the future, in seconds: clients' clocks are worse than
/// issuers'.
pub(super) const LEEWAY_SECONDS: i64 = 10;

/// The longest name of a proof, in bytes.
const MAX_ID_LEN: usize = 256;

/// How proofs may be signed.
pub(super) const ALGORITHMS: [TokenAlgorithm; 5] = [
    TokenAlgorithm::ES256,
    TokenAlgorithm::ES384,
    TokenAlgorithm::EdDSA,
    TokenAlgorithm::RS256,
    TokenAlgorithm::PS256,
];

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofError {
    #[error("there is no proof that the token is the caller's")]
    Missing,
    #[error("there are {0} proofs, expected one")]
    Several(usize),
    #[error("the token is bound to no key, so there is nothing to prove")]
    NotBound,
    #[error("the token is bound to a key, so it has to be shown with a proof")]
    Bearer,
    #[error("the proof cannot be read: {0}")]
    Form(#[from] JwsError),
    #[error("the proof's type is not `dpop+jwt`")]
    Kind,
    #[error("the proof brings no key that is public and of a kind that is known here")]
    Key,
    #[error("the proof is made with another key than the token is bound to")]
    OtherKey,
    #[error("the proof is for another method")]
    Method,
    #[error("the proof is for another address, expected `{0}`")]
    Address(String),
    #[error("the proof is for another token")]
    Token,
    #[error("the proof is {0} s old, expected at most {MAX_AGE_SECONDS} s")]
    Age(i64),
    #[error("the proof has no name of its own")]
    Id,
    #[error("the proof was shown before")]
    Replay,
    #[error("the proof has no nonce that was given out here lately")]
    Nonce,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// A proof that is one, but for what only whoever keeps something can say: that it was
/// not shown before, and that its nonce was given out.
#[derive(Debug)]
pub(super) struct Proof {
    /// By what it is known again.
    pub(super) seen: Seen,
    /// What of the server's it has in it.
    pub(super) nonce: Option<String>,
}

/// What a proof has to be about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// The method of the request.
    pub(super) method: &'a str,
    /// Its address, as others reach us, without a query.
    pub(super) address: &'a str,
    /// The token.
    pub(super) token: &'a str,
    /// The key that it is bound to.
    pub(super) bound_to: &'a str,
    /// When it is.
    pub(super) now: Timestamp,
}

/// Checks a proof.
pub(super) fn check(proof: &str, shown: Shown<'_>) -> Result<Proof, ProofError> {
    let jws = Jws::parse(proof)?;
    if jws.kind().as_deref() != Some("dpop+jwt") {
        return Err(ProofError::Kind);
    }
    let algorithm = jws.algorithm(ALGORITHMS)?;
    let key = jws.own_key().and_then(WireKey::read).ok_or(ProofError::Key)?;
    jws.verify(&key, algorithm)?;
    if key.thumbprint() != shown.bound_to {
        return Err(ProofError::OtherKey);
    }
    let claims: Claims = jws.claimed()?;
    if claims.htm != shown.method {
        return Err(ProofError::Method);
    }
    if normal(&claims.htu).is_none_or(|found| Some(found) != normal(shown.address)) {
        return Err(ProofError::Address(shown.address.to_owned()));
    }
    let hash = URL_SAFE_NO_PAD.encode(Digest::of(shown.token.as_bytes()).as_bytes());
    if claims.ath != Some(hash) {
        return Err(ProofError::Token);
    }
    let age = shown.now.as_second().saturating_sub(claims.iat);
    if !(-LEEWAY_SECONDS..=MAX_AGE_SECONDS).contains(&age) {
        return Err(ProofError::Age(age));
    }
    if !(1..=MAX_ID_LEN).contains(&claims.jti.len()) {
        return Err(ProofError::Id);
    }
    Ok(Proof { seen: Seen::new(key.thumbprint(), &claims.jti), nonce: claims.nonce })
}

/// An address without query and fragment, in the one form that it has.
fn normal(address: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}
