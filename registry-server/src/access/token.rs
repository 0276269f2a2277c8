//! Whether a token is one of an issuer of ours, for us, and in time.
//!
//! | what | refused with |
//! |---|---|
//! | another audience, expired, not signed by the issuer, without a key's name … | 401 |
//! | no audience or several, or a time of issue that lies ahead | 400: no issuer of ours makes such a token |
//!
//! Source: RFC 9068, section 4; RFC 8707, section 2; RFC 8725, section 3.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::AccessError;
use super::jws::{Jws, JwsError};
use super::keys::{Issuer, Issuers};

/// By how much the clocks of an issuer and of this machine may differ, in seconds.
const LEEWAY_SECONDS: i64 = 10;

/// The most groups that are looked at. Large companies have people in some hundreds.
const MAX_GROUPS: usize = 1000;

/// The longest subject and group, in bytes (OpenID Connect Core 1.0, section 2, says
/// 255 for a subject).
const MAX_NAME_LEN: usize = 255;

/// A token that was verified.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// Who issued it.
    pub(super) issuer: &'a Issuer,
    /// Whom it is about.
    pub(super) subject: String,
    /// The groups that they are in.
    pub(super) groups: BTreeSet<String>,
    /// All its claims.
    pub(super) claims: Map<String, Value>,
    /// The key that it is bound to, by its thumbprint.
    pub(super) bound_to: Option<String>,
}

impl Token<'_> {
    /// A claim that is a short text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = self.claims.get(name)?.as_str()?;
        is_name(text).then(|| text.to_owned())
    }

    /// Whether the issuer says that it does not know whether the address is theirs.
    pub(super) fn is_address_doubted(&self) -> bool {
        self.claims.get("email_verified").is_some_and(|verified| *verified != Value::Bool(true))
    }
}

/// What is expected of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    /// What it may be addressed to: any one of these.
    pub(super) audiences: &'a [String],
    /// For how long it may be valid in all, in seconds.
    pub(super) max_seconds: i64,
    /// When it is.
    pub(super) now: Timestamp,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token cannot be read: {0}")]
    Form(#[from] JwsError),
    #[error("the token's issuer is not one whose tokens count here")]
    Issuer,
    #[error("the token's type is {found}, expected {expected}")]
    Kind { found: String, expected: String },
    #[error("the token does not say which key it is signed with")]
    NoKey,
    #[error("the token is signed with a key that its issuer does not have")]
    UnknownKey,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token names {0} audiences, expected one")]
    Audiences(usize),
    #[error("the token was issued in the future")]
    Future,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token is valid for {found} s in all, expected at most {most} s")]
    TooLong { found: i64, most: i64 },
    #[error("the token lacks the claim `{0}`, or it is not what it should be")]
    Claim(&'static str),
    #[error("the token is bound to its holder in a way that is not known here")]
    Binding,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The claims that decide. One that comes twice is an error.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
struct Confirmation {
    jkt: Option<String>,
}

impl Issuers {
    /// Verifies a token.
    pub(super) async fn verify(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<Token<'_>, AccessError> {
        let jws = Jws::parse(text).map_err(TokenError::from)?;
        let claims: Claims = jws.claimed().map_err(TokenError::from)?;
        let issuer = self.find(&claims.iss).ok_or(TokenError::Issuer)?;
        let algorithms = issuer.file.algorithms.iter().copied();
        let algorithm = jws.algorithm(algorithms).map_err(TokenError::from)?;
        check_kind(&jws, issuer)?;
        let id = jws.key_id().ok_or(TokenError::NoKey)?;
        let key = self.key(issuer, id).await.map_err(AccessError::Keys)?;
        let key = key.ok_or(TokenError::UnknownKey)?;
        jws.verify(&key, algorithm).map_err(TokenError::from)?;
        // From here on the issuer has said it.
        claims.check_audience(expected.audiences)?;
        claims.check_times(expected)?;
        let all: Map<String, Value> = jws.claimed().map_err(TokenError::from)?;
        let subject = claims.sub.filter(|subject| is_name(subject));
        Ok(Token {
            groups: groups(issuer, &all)?,
            subject: subject.ok_or(TokenError::Claim("sub"))?,
            bound_to: match claims.cnf {
                None => None,
                Some(Confirmation { jkt }) => Some(jkt.ok_or(TokenError::Binding)?),
            },
            issuer,
            claims: all,
        })
    }
}

fn check_kind(jws: &Jws<'_>, issuer: &Issuer) -> Result<(), TokenError> {
    let expected = &issuer.file.token_types;
    let found = jws.kind();
    let is_it = |kind: &String| expected.iter().any(|it| it.eq_ignore_ascii_case(kind));
    if found.as_ref().is_some_and(is_it) {
        return Ok(());
    }
    let found = found.map_or("missing".to_owned(), |kind| {
        format!("`{}`", kind.chars().take(32).collect::<String>().escape_debug())
    });
    let expected: Vec<String> = expected.iter().map(|kind| format!("`{kind}`")).collect();
    Err(TokenError::Kind { found, expected: expected.join(" or ") })
}

impl Claims {
    /// A token is for us alone: who else gets it could use it here.
    fn check_audience(&self, audiences: &[String]) -> Result<(), TokenError> {
        let found: &[String] = match &self.aud {
            None => &[],
            Some(OneOrMany::One(audience)) => std::slice::from_ref(audience),
            Some(OneOrMany::Many(all)) => all,
        };
        match found {
            [audience] if audiences.contains(audience) => Ok(()),
            [_] => Err(TokenError::Audience),
            _ => Err(TokenError::Audiences(found.len())),
        }
    }

    fn check_times(
        &self,
        Expected { max_seconds, now, .. }: Expected<'_>,
    ) -> Result<(), TokenError> {
        let now = now.as_second();
        let issued = self.iat.ok_or(TokenError::Claim("iat"))?;
        let expires = self.exp.ok_or(TokenError::Claim("exp"))?;
        if issued > now.saturating_add(LEEWAY_SECONDS) {
            return Err(TokenError::Future);
        }
        if self.nbf.is_some_and(|from| from > now.saturating_add(LEEWAY_SECONDS)) {
            return Err(TokenError::NotYet);
        }
        if expires <= now.saturating_sub(LEEWAY_SECONDS) {
            return Err(TokenError::Expired);
        }
        let lifetime = expires.saturating_sub(issued);
        if lifetime > max_seconds {
            return Err(TokenError::TooLong { found: lifetime, most: max_seconds });
        }
        Ok(())
    }
}

/// The groups in the claim that the configuration names: a list, or one. Without the
/// claim there are none. Of another shape, or to be had elsewhere because there are too
/// many for a token (OpenID Connect Core 1.0, section 5.6.2), the token is refused: a
/// `forbid` may be waiting for one of them.
pub(super) fn groups(
    issuer: &Issuer,
    claims: &Map<String, Value>,
) -> Result<BTreeSet<String>, TokenError> {
    let malformed = TokenError::Claim("groups");
    let Some(name) = &issuer.file.groups_claim else { return Ok(BTreeSet::new()) };
    if claims.get("_claim_names").is_some_and(|elsewhere| elsewhere.get(name).is_some()) {
        return Err(malformed);
    }
    let groups: Vec<String> = match claims.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) if all.len() <= MAX_GROUPS => all
            .iter()
            .map(|group| group.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(malformed)?,
        Some(_) => return Err(malformed),
    };
    if groups.iter().all(|group| is_name(group)) {
        Ok(groups.into_iter().collect())
    } else {
        Err(TokenError::Claim("groups"))
    }
}

/// Whether it is short enough, and nothing that a log would show as something else.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&text.len()) && !text.chars().any(char::is_control)
}
