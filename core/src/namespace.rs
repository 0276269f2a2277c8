//! Who may publish under a name.

mod forge;
mod identity;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::domain::{DomainProof, domain_of};
use crate::publisher::Publisher;
use crate::{NameError, PackageName};

pub use forge::Forge;
use identity::Match;
pub use identity::{AllowedIdentity, AllowedRepository, IdentityError};

/// A set of names: `*` for all, or all in one namespace, `com.example/*`.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum NamePattern {
    /// Every name.
    All,
    /// The names in one namespace, in lower case.
    Namespace(String),
}

/// A string that is no [`NamePattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a name pattern, expected `*` or `<namespace>/*`", .0.escape_debug())]
pub struct PatternError(String);

impl NamePattern {
    /// Whether `name` is in the set.
    pub fn matches(&self, name: &PackageName) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(namespace) => namespace.eq_ignore_ascii_case(name.namespace()),
        }
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let error = || PatternError(text.chars().take(PackageName::MAX_LEN).collect());
        let namespace = text.strip_suffix("/*").ok_or_else(error)?;
        // A namespace is valid if some name in it is.
        let example: Result<PackageName, NameError> = format!("{namespace}/x").parse();
        example.map_err(|_| error())?;
        Ok(Self::Namespace(namespace.to_ascii_lowercase()))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
        }
    }
}

/// The rules for a private namespace: who may publish in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceRule {
    /// Which names this is about.
    pub pattern: NamePattern,
    /// Who may publish them; any one of these suffices.
    pub identities: Vec<AllowedIdentity>,
}

/// Why a publisher has no authority over a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum NamespaceError {
    /// The namespace belongs to somebody else.
    #[error("`{namespace}` belongs to {owner}, and this was signed by {found}")]
    NotOwner {
        /// The namespace.
        namespace: String,
        /// Who may publish in it.
        owner: String,
        /// Who signed.
        found: String,
    },
    /// The signer has the name of somebody who is listed, and another number:
    /// the name was given up, and taken by somebody else.
    #[error(
        "`{namespace}` belongs to {listed}, and this was signed by another account of the same name, {found}"
    )]
    Recycled {
        /// The namespace.
        namespace: String,
        /// Who may publish in it.
        listed: String,
        /// Who signed.
        found: String,
    },
    /// Nothing says who may publish in this namespace.
    #[error("nothing says who may publish in `{0}`")]
    Unknown(String),
}

/// Decides whether `publisher` may publish `name`.
///
/// A namespace under `io.github.` or `io.gitlab.` belongs to the account of
/// that name, as the forge's own issuer says it; no rule can hand it to anybody
/// else. Any other belongs to the identities that `rules` lists; without a rule,
/// to those that its domain lists, as `proof` says; and otherwise to nobody.
///
/// Source: `DESIGN.md` section 6. The forge's account names are compared
/// without case, as the forges do.
pub fn authorise(
    name: &PackageName,
    publisher: &Publisher,
    rules: &[NamespaceRule],
    proof: Option<&DomainProof>,
) -> Result<(), NamespaceError> {
    let namespace = name.namespace();
    let not_owner = |owner: String| NamespaceError::NotOwner {
        namespace: namespace.to_owned(),
        owner,
        found: publisher.to_string(),
    };
    if let Some((forge, account)) = Forge::of_namespace(namespace) {
        let host = forge.host();
        let is_owner = matches!(publisher, Publisher::Workflow(workflow)
            if workflow.issuer == forge.issuer()
                && owner_of(&workflow.repository, host)
                    .is_some_and(|owner| owner.eq_ignore_ascii_case(account)));
        let owner = format!("the workflows of {host}/{account}");
        return if is_owner { Ok(()) } else { Err(not_owner(owner)) };
    }

    let listed: Vec<&AllowedIdentity> = rules
        .iter()
        .filter(|rule| rule.pattern.matches(name))
        .flat_map(|rule| &rule.identities)
        .collect();
    if rules.iter().any(|rule| rule.pattern.matches(name)) {
        let owner = "the identities that the configuration lists";
        return is_listed(listed, namespace, owner, publisher);
    }
    match proof {
        Some(proof) if domain_of(namespace).is_some_and(|domain| domain == proof.domain) => {
            let identities = proof.identities();
            let owner = format!("the identities that {} lists", proof.domain);
            is_listed(identities.iter().collect(), namespace, &owner, publisher)
        }
        _ => Err(NamespaceError::Unknown(namespace.to_owned())),
    }
}

/// Whether `publisher` is one of those who are listed.
fn is_listed(
    listed: Vec<&AllowedIdentity>,
    namespace: &str,
    owner: &str,
    publisher: &Publisher,
) -> Result<(), NamespaceError> {
    if listed.iter().any(|allowed| allowed.is(publisher)) {
        return Ok(());
    }
    let (namespace, found) = (namespace.to_owned(), publisher.to_string());
    match listed.into_iter().find(|allowed| allowed.compare(publisher) == Match::Recycled) {
        Some(listed) => {
            Err(NamespaceError::Recycled { namespace, listed: listed.to_string(), found })
        }
        None => Err(NamespaceError::NotOwner { namespace, owner: owner.to_owned(), found }),
    }
}

/// The account in `https://<host>/<account>/<repository>`.
fn owner_of<'a>(repository: &'a str, host: &str) -> Option<&'a str> {
    let path = repository.strip_prefix("https://")?.strip_prefix(host)?.strip_prefix('/')?;
    let (owner, repository) = path.split_once('/')?;
    (!owner.is_empty() && !repository.is_empty()).then_some(owner)
}

#[cfg(test)]
mod tests;
