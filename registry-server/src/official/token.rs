//! The token that a proof is exchanged for.
//!
//! It lasts for minutes, is for this registry alone, and names what its holder has
//! proven. The key that signs it is made when the process starts and is nowhere but in
//! its memory: a restart ends every token, and there is none to steal from a disk.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use mcpkg_core::PackageName;
use mcpkg_core::namespace::NamePattern;
use serde::{Deserialize, Serialize};

use super::error::OfficialError;
use crate::policy::{Principal, Prover, User};

/// How long a token is good for: to log in and publish takes seconds.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// The longest token, in bytes: less than the head of a request may have in all.
const MAX_TOKEN_LEN: usize = 12 * 1024;

/// What somebody has proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// Who they are.
    pub(crate) who: Who,
    /// The names that they may publish.
    pub(crate) names: Vec<NamePattern>,
    /// The namespace below which they may publish as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) below: Option<String>,
}

/// Who somebody is, as they have proven it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Who {
    /// Somebody with a key that this domain lists in DNS.
    Dns(String),
    /// Somebody with a key that this domain's host lists.
    Https(String),
    /// Whom a token names.
    Oidc {
        /// The address of its issuer.
        issuer: String,
        /// What the issuer calls them.
        subject: String,
        /// What they are here, if their issuer is one whose people have roles.
        user: Option<User>,
    },
}

/// A grant as it is signed.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    grant: Grant,
}

/// Signs tokens, and knows its own.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    audience: String,
}

impl Grant {
    /// Whether it lets `name` be published.
    pub(crate) fn covers(&self, name: &PackageName) -> bool {
        let namespace = name.namespace().to_ascii_lowercase();
        let is_below = |above: &String| {
            namespace.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.names.iter().any(|pattern| pattern.matches(name))
            || self.below.as_ref().is_some_and(is_below)
    }
}

impl Who {
    /// Who that is to policies.
    pub(super) fn principal(&self) -> Principal {
        match self {
            Self::Dns(domain) | Self::Https(domain) => {
                Principal::Prover(Prover::Domain(domain.clone()))
            }
            Self::Oidc { user: Some(user), .. } => Principal::User(user.clone()),
            Self::Oidc { issuer, subject, user: None } => {
                let (issuer, subject) = (issuer.clone(), subject.clone());
                Principal::Prover(Prover::Token { issuer, subject })
            }
        }
    }
}

/// For people: how it was proven, and what.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(domain) => write!(f, "dns {domain}"),
            Self::Https(domain) => write!(f, "https {domain}"),
            Self::Oidc { issuer, subject, .. } => write!(f, "oidc {issuer} {subject}"),
        }
    }
}

/// The names, for people.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = self.below.iter().map(|above| format!("{above}.*/*"));
        let names: Vec<String> = self.names.iter().map(ToString::to_string).chain(below).collect();
        f.write_str(&names.join(", "))
    }
}

impl Tokens {
    /// A new key, for tokens to this audience. Fails if the system has no randomness.
    pub(crate) fn generate(audience: &str) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
            audience: audience.to_owned(),
        })
    }

    /// A token, and when it ends.
    pub(crate) fn issue(
        &self,
        grant: Grant,
        now: Timestamp,
    ) -> Result<(String, i64), OfficialError> {
        let iat = now.as_second();
        let exp = iat + LIFETIME.as_secs();
        let audience = self.audience.clone();
        let claims = Claims { iss: audience.clone(), aud: audience, iat, exp, grant };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| OfficialError::Token("it cannot be signed"))?;
        if token.len() > MAX_TOKEN_LEN {
            return Err(OfficialError::Token("it names more groups than one of ours can hold"));
        }
        Ok((token, exp))
    }

    /// What the token of an `Authorization` header was given out for.
    pub(crate) fn check(&self, header: Option<&str>) -> Result<Grant, OfficialError> {
        let header = header.ok_or(OfficialError::NoToken)?;
        let (scheme, token) = header.split_once(' ').ok_or(OfficialError::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(OfficialError::NoToken);
        }
        if token.len() > MAX_TOKEN_LEN {
            return Err(OfficialError::Token("it is too long"));
        }
        // The one algorithm that we sign with, whatever the token says.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[&self.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss"]);
        jsonwebtoken::decode::<Claims>(token.trim(), &self.decoding, &validation)
            .map(|checked| checked.claims.grant)
            .map_err(|_| OfficialError::Token("it is not one of ours, or it has ended"))
    }
}

/// Without the key.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("audience", &self.audience).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(names: &[&str], below: Option<&str>) -> Grant {
        Grant {
            who: Who::Dns("acme.com".into()),
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            below: below.map(str::to_owned),
        }
    }

    #[test]
    fn a_token_is_good_for_what_was_proven_and_nothing_else() {
        let grant = grant(&["com.acme/*"], Some("com.acme"));
        for (name, covered) in [
            ("com.acme/weather", true),
            ("com.ACME/weather", true),
            ("com.acme.team/weather", true),
            ("com.acmea/weather", false),
            ("com/weather", false),
        ] {
            assert_eq!(grant.covers(&name.parse().unwrap()), covered, "{name}");
        }
    }

    #[test]
    fn only_a_token_of_this_process_is_accepted_and_only_for_minutes() {
        let [tokens, restarted] =
            [(); 2].map(|()| Tokens::generate("https://mcp.example").unwrap());
        let grant = grant(&["com.acme/*"], None);
        let now = Timestamp::now();
        let (token, exp) = tokens.issue(grant.clone(), now).unwrap();
        assert_eq!(exp, now.as_second() + 300);
        let header = format!("Bearer {token}");
        assert_eq!(tokens.check(Some(&header)).unwrap(), grant);
        assert!(restarted.check(Some(&header)).is_err(), "another key");
        let old = now - SignedDuration::from_mins(6);
        let (ended, _) = tokens.issue(grant, old).unwrap();
        assert!(tokens.check(Some(&format!("Bearer {ended}"))).is_err());
        for header in [None, Some(""), Some("Bearer"), Some("Basic x"), Some("Bearer x.y.z")] {
            assert!(tokens.check(header).is_err(), "{header:?}");
        }
        assert!(!format!("{tokens:?}").contains("ncoding"), "no key in what is shown");
    }
}
