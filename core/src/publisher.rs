//! Who publishes a package, and what binds a name to them.

mod reference;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::reference::ReferenceError;
use crate::evidence::{BuildClaims, Signer};

/// The issuer of GitHub Actions' tokens.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The issuer of gitlab.com's CI tokens.
pub const GITLAB_ISSUER: &str = "https://gitlab.com";

/// The identity that signs a package's releases.
///
/// The first release *binds* a name to its publisher; every later one must come
/// from the same. What is compared is what an attacker cannot get by renaming:
/// issuer, numeric ids, workflow path, environment and kind of ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Publisher {
    /// A workflow in a source repository.
    Workflow(Workflow),
    /// A person or a machine that an issuer knows by one name.
    Identity(Identity),
}

/// A CI workflow in one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workflow {
    /// The issuer of the CI's tokens, as a URL.
    pub issuer: String,
    /// The repository, as a URL. For people: [`Self::repository_id`] decides.
    pub repository: String,
    /// The repository's number at the forge.
    pub repository_id: String,
    /// The owner's number at the forge.
    pub owner_id: String,
    /// The workflow's path in the repository.
    pub workflow: String,
    /// The deployment environment, where the job ran in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Which refs releases are built from.
    pub git_ref: ReleaseRef,
}

/// A person or machine, by the one name its issuer gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// The issuer, as a URL.
    pub issuer: String,
    /// The subject alternative name, such as an e-mail address.
    pub subject: String,
}

/// The refs that a publisher's releases are built from.
///
/// Releases from tags come from a new ref each time, so any tag matches any
/// other; a branch matches itself. Everything else, `refs/pull/…` above all,
/// makes no publisher: strangers can create such refs.
#[derive(
    Clone, Debug, PartialEq, Eq, serde_with::DeserializeFromStr, serde_with::SerializeDisplay,
)]
pub enum ReleaseRef {
    /// `refs/tags/*`: any tag.
    Tags,
    /// One branch, by its full name `refs/heads/…`.
    Branch(String),
}

/// Why a signer is no [`Publisher`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum PublisherError {
    /// The certificate of a CI job lacks a claim that identifies it.
    #[error("the certificate does not say the build's {0}")]
    Missing(&'static str),
    /// The build was started by an event that runs a stranger's input with the
    /// repository's own identity.
    #[error("the build was started by `{0}`, which strangers can trigger")]
    Event(String),
    /// The ref is neither a tag nor a branch.
    #[error("the build is of `{0}`, which is neither a tag nor a branch")]
    Ref(String),
    /// The workflow that signed is not part of the repository that was built.
    #[error("the workflow that signed, `{signer}`, is not in `{repository}`")]
    ForeignWorkflow {
        /// The workflow that signed.
        signer: String,
        /// The repository that was built.
        repository: String,
    },
}

/// The events of GitHub that only people with write access to a repository can
/// cause. All others (comments, issues, forks, pull requests, and above all
/// `pull_request_target` and `workflow_run`) start a workflow of the *base*
/// repository, with its identity, on input that anybody can send.
///
/// Source: GitHub, "Events that trigger workflows"; GitHub Security Lab,
/// "Preventing pwn requests"; DESIGN section 6.
const GITHUB_EVENTS: [&str; 7] = [
    "deployment",
    "merge_group",
    "push",
    "release",
    "repository_dispatch",
    "schedule",
    "workflow_dispatch",
];

/// The same for GitLab's pipelines: all sources but merge requests.
///
/// Source: GitLab, "Predefined variables", `CI_PIPELINE_SOURCE`.
const GITLAB_EVENTS: [&str; 7] =
    ["api", "parent_pipeline", "pipeline", "push", "schedule", "trigger", "web"];

/// Whether only people with write access can cause `event`. Of other issuers,
/// which name their events otherwise, the two that are known to be open are
/// refused.
fn is_trusted_event(issuer: &str, event: &str) -> bool {
    match issuer {
        GITHUB_ISSUER => GITHUB_EVENTS.contains(&event),
        GITLAB_ISSUER => GITLAB_EVENTS.contains(&event),
        _ => !["pull_request_target", "workflow_run"].contains(&event),
    }
}

impl Publisher {
    /// The publisher that `signer` is.
    pub fn of(signer: &Signer) -> Result<Self, PublisherError> {
        match &signer.build {
            Some(claims) => Workflow::of(signer, claims).map(Self::Workflow),
            None => Ok(Self::Identity(Identity {
                issuer: signer.issuer.clone(),
                subject: signer.subject.clone(),
            })),
        }
    }

    /// The issuer that vouches for this publisher, as a URL.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Workflow(workflow) => &workflow.issuer,
            Self::Identity(identity) => &identity.issuer,
        }
    }

    /// How `other` differs from this bound publisher, or `None` if it is the
    /// same. The comparison ignores what a forge lets people rename.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        match (self, other) {
            (Self::Workflow(bound), Self::Workflow(found)) => bound.difference(found),
            (Self::Identity(bound), Self::Identity(found)) if bound == found => None,
            _ => Some(Difference {
                what: "identity",
                bound: self.to_string(),
                found: other.to_string(),
                is_recycled: false,
            }),
        }
    }
}

impl Workflow {
    fn of(signer: &Signer, claims: &BuildClaims) -> Result<Self, PublisherError> {
        let claim = |value: &Option<String>, name| {
            value.clone().filter(|text| !text.is_empty()).ok_or(PublisherError::Missing(name))
        };
        let trigger = claim(&claims.trigger, "trigger")?;
        if !is_trusted_event(&signer.issuer, &trigger) {
            return Err(PublisherError::Event(trigger));
        }
        let repository = claim(&claims.source_repository, "source repository")?;
        let repository = repository.trim_end_matches('/').to_owned();
        let config = claim(&claims.build_config_uri, "workflow")?;
        let signing = claim(&claims.build_signer_uri, "signing workflow")?;
        let source_ref = claim(&claims.source_ref, "ref")?;
        let git_ref = source_ref.parse().map_err(|_| PublisherError::Ref(source_ref.clone()))?;
        // A reusable workflow signs with the *caller's* identity, so whoever
        // controls it decides what is signed. Only the repository's own count,
        // and only as they are at the ref that was built.
        let path = |uri: &String| {
            path_in(&repository, &source_ref, uri).ok_or_else(|| PublisherError::ForeignWorkflow {
                signer: uri.clone(),
                repository: repository.clone(),
            })
        };
        let (config, signing) = (path(&config)?, path(&signing)?);
        // Both are bound where they differ: another caller of the same workflow
        // is another publisher.
        let workflow =
            if config == signing { config } else { format!("{config} through {signing}") };
        Ok(Self {
            issuer: signer.issuer.clone(),
            repository_id: claim(&claims.source_repository_id, "repository id")?,
            owner_id: claim(&claims.source_owner_id, "owner id")?,
            workflow,
            environment: claims.environment.clone().filter(|name| !name.is_empty()),
            git_ref,
            repository,
        })
    }

    fn difference(&self, other: &Self) -> Option<Difference> {
        let environment = |workflow: &Self| workflow.environment.clone().unwrap_or_default();
        let rows = [
            ("issuer", self.issuer.clone(), other.issuer.clone()),
            ("owner id", self.owner_id.clone(), other.owner_id.clone()),
            ("repository id", self.repository_id.clone(), other.repository_id.clone()),
            ("workflow", self.workflow.clone(), other.workflow.clone()),
            ("environment", environment(self), environment(other)),
            ("ref", self.git_ref.to_string(), other.git_ref.to_string()),
        ];
        let (what, bound, found) = rows.into_iter().find(|(_, bound, found)| bound != found)?;
        let is_same = |part: fn(&str) -> &str| {
            part(&self.repository).eq_ignore_ascii_case(part(&other.repository))
        };
        let is_recycled = (self.owner_id != other.owner_id && is_same(owner_url))
            || (self.repository_id != other.repository_id && is_same(|url| url));
        Some(Difference { what, bound, found, is_recycled })
    }
}

/// The owner of a repository: its URL without the last part.
fn owner_url(repository: &str) -> &str {
    repository.rsplit_once('/').map_or(repository, |(owner, _)| owner)
}

/// The path of a workflow in `repository`, from a URI `<repository>/<path>@<ref>`.
///
/// The ref is cut off as a whole: both a path and a ref may hold an `@`.
fn path_in(repository: &str, source_ref: &str, uri: &str) -> Option<String> {
    let rest = uri.strip_prefix(repository)?.strip_prefix('/')?;
    // GitLab writes `<repository>//<path>@<ref>`.
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let path = rest.strip_suffix(source_ref)?.strip_suffix('@')?;
    (!path.is_empty()).then(|| path.to_owned())
}

/// The first way in which a publisher is not the one that was bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Which part differs: `issuer`, `owner id`, `repository id`, `workflow`,
    /// `environment`, `ref` or, for another kind altogether, `identity`.
    pub what: &'static str,
    /// What the name is bound to.
    pub bound: String,
    /// What signed instead.
    pub found: String,
    /// Whether it is another account or repository under the *same name*: one
    /// that was given up, and taken by somebody else.
    pub is_recycled: bool,
}

impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(workflow) => {
                let host = workflow.repository.trim_start_matches("https://");
                write!(f, "{host} ({})", workflow.workflow)
            }
            Self::Identity(identity) => {
                write!(f, "{} (vouched for by {})", identity.subject, identity.issuer)
            }
        }
    }
}

impl std::str::FromStr for ReleaseRef {
    type Err = PublisherError;

    /// Reads a full ref. Any tag reads as [`ReleaseRef::Tags`].
    fn from_str(text: &str) -> Result<Self, PublisherError> {
        match text {
            _ if text.starts_with("refs/tags/") => Ok(Self::Tags),
            _ if text.starts_with("refs/heads/") => Ok(Self::Branch(text.to_owned())),
            _ => Err(PublisherError::Ref(text.to_owned())),
        }
    }
}

impl fmt::Display for ReleaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags => f.write_str("refs/tags/*"),
            Self::Branch(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
