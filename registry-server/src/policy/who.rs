//! Who asks.

use std::collections::BTreeSet;

use cedar_policy::{Entity, EntityUid};
use mcpkg_core::publisher::{Identity, Publisher, Workflow};
use serde::{Deserialize, Serialize};

use super::entities::{Attributes, Unfit, uid};

/// Whoever wants to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Whom a token names.
    User(User),
    /// Who signed a release or a statement.
    Signer {
        /// The publisher that they are.
        publisher: Box<Publisher>,
        /// The roles that the configuration gives them.
        roles: BTreeSet<Role>,
    },
    /// Who has proven that names are theirs, and signs nothing.
    Prover(Prover),
    /// Whoever shows no token.
    Anonymous {
        /// The roles that the configuration gives everybody.
        roles: BTreeSet<Role>,
    },
    /// Another registry, of which something is to be let in.
    Source(String),
}

/// Who has proven, without a signature over what they publish, that names are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prover {
    /// With a key that this domain lists.
    Domain(String),
    /// With a token of an issuer whose people have no roles here.
    Token {
        /// The address of the issuer.
        issuer: String,
        /// What the issuer calls them.
        subject: String,
    },
}

/// Whom a token names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct User {
    /// What the configuration calls the issuer.
    pub(crate) issuer_name: String,
    /// The address of the issuer.
    pub(crate) issuer: String,
    /// What the issuer calls them.
    pub(crate) subject: String,
    /// Their address, if the issuer says it and does not doubt it.
    pub(crate) email: Option<String>,
    /// The number of the repository whose job this is, if it is a job of a CI.
    pub(crate) repository_id: Option<String>,
    /// The groups that the issuer says they are in.
    pub(crate) groups: BTreeSet<String>,
    /// The roles that the configuration gives them.
    pub(crate) roles: BTreeSet<Role>,
}

/// What a person or a machine is there for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads packages.
    Reader,
    /// Publishes, as well.
    Publisher,
    /// Yanks and deprecates, as well.
    Maintainer,
    /// Lets in what waits for a person, as well.
    Owner,
    /// Reads packages, and who did what.
    Auditor,
    /// Runs the server, and puts nothing into it.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Reader,
        Self::Publisher,
        Self::Maintainer,
        Self::Owner,
        Self::Auditor,
        Self::Operator,
    ];

    /// The role as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Publisher => "publisher",
            Self::Maintainer => "maintainer",
            Self::Owner => "owner",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// The roles that whoever has this one has, itself included.
    fn implied(self) -> &'static [Self] {
        match self {
            Self::Reader => &[Self::Reader],
            Self::Publisher => &[Self::Reader, Self::Publisher],
            Self::Maintainer => &[Self::Reader, Self::Publisher, Self::Maintainer],
            Self::Owner => &[Self::Reader, Self::Publisher, Self::Maintainer, Self::Owner],
            Self::Auditor => &[Self::Reader, Self::Auditor],
            Self::Operator => &[Self::Operator],
        }
    }
}

impl Principal {
    /// Who asks without a token, where nothing is for everybody.
    pub(crate) fn nobody() -> Self {
        Self::Anonymous { roles: BTreeSet::new() }
    }

    /// The entity that they are, and all that the schema wants to know of them.
    pub(super) fn entities(&self) -> Result<(EntityUid, Vec<Entity>), Unfit> {
        let (entity, parents) = match self {
            Self::User(user) => user.entity()?,
            Self::Signer { publisher, roles } => {
                let parents = roles_of(roles)?;
                let who = uid("Signer", &publisher.reference())?;
                (attributes_of(publisher).entity(who, parents.clone())?, parents)
            }
            Self::Prover(prover) => {
                let attributes = match prover {
                    Prover::Domain(domain) => Attributes::default().text("domain", domain),
                    Prover::Token { issuer, subject } => {
                        Attributes::default().text("issuer", issuer).text("subject", subject)
                    }
                };
                (attributes.entity(uid("Prover", &prover.id())?, [])?, Vec::new())
            }
            Self::Anonymous { roles } => {
                let parents = roles_of(roles)?;
                let who = uid("Anonymous", "anonymous")?;
                (Attributes::default().entity(who, parents.clone())?, parents)
            }
            Self::Source(name) => {
                (Attributes::default().entity(uid("Source", name)?, [])?, Vec::new())
            }
        };
        let who = entity.uid();
        let mut entities = vec![entity];
        for parent in parents {
            entities.push(Attributes::default().entity(parent, [])?);
        }
        Ok((who, entities))
    }
}

impl Prover {
    /// What policies call them: the domain, or `<issuer> <subject>`.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Domain(domain) => domain.clone(),
            Self::Token { issuer, subject } => format!("{issuer} {subject}"),
        }
    }
}

impl User {
    /// What policies call them: `<name of the issuer>/<subject>`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.issuer_name, self.subject)
    }

    fn entity(&self) -> Result<(Entity, Vec<EntityUid>), Unfit> {
        let mut parents = roles_of(&self.roles)?;
        for group in &self.groups {
            parents.push(uid("Group", &format!("{}/{group}", self.issuer_name))?);
        }
        let attributes =
            Attributes::default().text("issuer", &self.issuer).text("subject", &self.subject);
        Ok((attributes.entity(uid("User", &self.id())?, parents.clone())?, parents))
    }
}

fn roles_of(roles: &BTreeSet<Role>) -> Result<Vec<EntityUid>, Unfit> {
    let all: BTreeSet<Role> = roles.iter().flat_map(|role| role.implied()).copied().collect();
    all.into_iter().map(|role| uid("Role", role.as_str())).collect()
}

/// What the schema has of a publisher.
pub(super) fn attributes_of(publisher: &Publisher) -> Attributes {
    match publisher {
        Publisher::Identity(Identity { issuer, subject }) => {
            Attributes::default().text("issuer", issuer).text("subject", subject)
        }
        Publisher::Workflow(Workflow {
            issuer,
            repository,
            repository_id,
            owner_id,
            workflow,
            environment,
            git_ref,
        }) => Attributes::default()
            .text("issuer", issuer)
            .text("repository", repository)
            .text("repositoryId", repository_id)
            .text("ownerId", owner_id)
            .text("workflow", workflow)
            .text_if("environment", environment.as_deref())
            .text("gitRef", &git_ref.to_string()),
    }
}

impl std::fmt::Display for Principal {
    /// As in a policy: `User::"sso/alice"`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, id) = match self {
            Self::User(user) => ("User", user.id()),
            Self::Signer { publisher, .. } => ("Signer", publisher.reference()),
            Self::Prover(prover) => ("Prover", prover.id()),
            Self::Anonymous { .. } => ("Anonymous", "anonymous".to_owned()),
            Self::Source(name) => ("Source", name.clone()),
        };
        write!(f, "{kind}::\"{}\"", id.escape_debug())
    }
}
