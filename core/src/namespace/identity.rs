//! An identity that a rule or a domain lists.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Forge;
use crate::publisher::{Publisher, Workflow};

/// An identity that may publish: an issuer, and which of its identities.
///
/// At GitHub and GitLab, a name that one account gives up can be taken by
/// another, so a repository there is listed with its number or its owner's.
///
/// In TOML: `issuer`, and either `subject`, or any of `repository`,
/// `repository_id` and `owner_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireIdentity", into = "WireIdentity")]
pub struct AllowedIdentity {
    issuer: String,
    who: Who,
}

/// What is matched beside the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Subject(String),
    Repository(AllowedRepository),
}

/// Which repositories' workflows may publish: any workflow of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedRepository {
    /// The repository's URL. Where [`Self::repository_id`] is given, that
    /// decides and this is for people: a repository that was renamed is the same.
    pub url: Option<String>,
    /// The repository's number at the forge.
    pub repository_id: Option<String>,
    /// The owner's number at the forge. Without URL and repository's number, all
    /// repositories of that owner.
    pub owner_id: Option<String>,
}

/// Why an identity cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The issuer is missing.
    #[error("the identity has no issuer")]
    NoIssuer,
    /// Nothing says which of the issuer's identities is meant, or two things do.
    #[error(
        "the identity of `{0}` needs either a `subject`, or a `repository`, `repository_id` or `owner_id`"
    )]
    Ambiguous(String),
    /// A number at a forge has something else in it than digits.
    #[error("`{}` is no number that a forge gives", .0.escape_debug())]
    Id(String),
    /// A repository at a forge is named by its URL alone.
    #[error(
        "the repository `{0}` is listed by its name alone, which others can take when it is given \
         up; add its `repository_id` or `owner_id`"
    )]
    NameAlone(String),
}

/// An [`AllowedIdentity`] as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WireIdentity {
    issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner_id: Option<String>,
}

impl TryFrom<WireIdentity> for AllowedIdentity {
    type Error = IdentityError;

    fn try_from(wire: WireIdentity) -> Result<Self, IdentityError> {
        let WireIdentity { issuer, subject, repository: url, repository_id, owner_id } = wire;
        let repository = AllowedRepository { url, repository_id, owner_id };
        match subject {
            None => Self::repository(issuer, repository),
            Some(subject) if repository == AllowedRepository::default() => {
                Self::subject(issuer, subject)
            }
            Some(_) => Err(IdentityError::Ambiguous(issuer)),
        }
    }
}

impl From<AllowedIdentity> for WireIdentity {
    fn from(identity: AllowedIdentity) -> Self {
        let (subject, repository) = match identity.who {
            Who::Subject(subject) => (Some(subject), AllowedRepository::default()),
            Who::Repository(repository) => (None, repository),
        };
        let AllowedRepository { url, repository_id, owner_id } = repository;
        Self { issuer: identity.issuer, subject, repository: url, repository_id, owner_id }
    }
}

/// How a publisher compares with an identity that is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Same,
    /// The same name, and another number: one that changed hands.
    Recycled,
    Other,
}

impl AllowedIdentity {
    /// Whoever `issuer` calls `subject`: the certificate's subject alternative
    /// name, such as an e-mail address. For a managed key, the issuer is
    /// `https://mcpkg.dev/managed-key` and the subject `sha256:<hex>` of its SPKI.
    pub fn subject(issuer: String, subject: String) -> Result<Self, IdentityError> {
        if issuer.is_empty() {
            return Err(IdentityError::NoIssuer);
        }
        if subject.is_empty() {
            return Err(IdentityError::Ambiguous(issuer));
        }
        Ok(Self { issuer, who: Who::Subject(subject) })
    }

    /// The workflows of `repository`, as `issuer` vouches for them.
    pub fn repository(
        issuer: String,
        repository: AllowedRepository,
    ) -> Result<Self, IdentityError> {
        if issuer.is_empty() {
            return Err(IdentityError::NoIssuer);
        }
        let AllowedRepository { url, repository_id, owner_id } = &repository;
        for id in [repository_id, owner_id].into_iter().flatten() {
            if id.is_empty() || id.len() > 20 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(IdentityError::Id(id.chars().take(40).collect()));
            }
        }
        match (url, repository_id.is_some() || owner_id.is_some()) {
            (None, false) => return Err(IdentityError::Ambiguous(issuer)),
            (Some(url), false) if Forge::of_issuer(&issuer).is_some() => {
                return Err(IdentityError::NameAlone(url.clone()));
            }
            _ => (),
        }
        Ok(Self { issuer, who: Who::Repository(repository) })
    }

    /// Whether `publisher` is this identity.
    pub fn is(&self, publisher: &Publisher) -> bool {
        self.compare(publisher) == Match::Same
    }

    pub(super) fn compare(&self, publisher: &Publisher) -> Match {
        if publisher.issuer() != self.issuer {
            return Match::Other;
        }
        let is_same = match (&self.who, publisher) {
            (Who::Subject(subject), Publisher::Identity(identity)) => *subject == identity.subject,
            (Who::Repository(listed), Publisher::Workflow(found)) => return listed.compare(found),
            _ => false,
        };
        if is_same { Match::Same } else { Match::Other }
    }
}

impl AllowedRepository {
    fn compare(&self, found: &Workflow) -> Match {
        let has_same_name =
            self.url.as_ref().map(|url| url.eq_ignore_ascii_case(&found.repository));
        let has_same_ids = self.repository_id.as_ref().is_none_or(|id| *id == found.repository_id)
            && self.owner_id.as_ref().is_none_or(|id| *id == found.owner_id);
        match (has_same_ids, has_same_name) {
            (true, None | Some(true)) => Match::Same,
            // The number decides: it was renamed, or moved within its owner.
            (true, Some(false)) if self.repository_id.is_some() => Match::Same,
            (false, Some(true)) => Match::Recycled,
            _ => Match::Other,
        }
    }
}

impl fmt::Display for AllowedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Subject(subject) => write!(f, "{subject}")?,
            Who::Repository(AllowedRepository { url, repository_id, owner_id }) => {
                let url = url.as_deref().unwrap_or("any repository");
                write!(f, "{}", url.trim_start_matches("https://"))?;
                for (what, id) in [("repository", repository_id), ("owner", owner_id)] {
                    if let Some(id) = id {
                        write!(f, ", {what} {id}")?;
                    }
                }
            }
        }
        write!(f, " (vouched for by {})", self.issuer)
    }
}
