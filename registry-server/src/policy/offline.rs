//! `mcpkg-registry policy`: asking the policies without a server.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Coded};
use serde::Serialize;

use super::load::Policies;
use super::{
    Action, Circumstances, PolicyError, PolicyNote, Possession, Principal, Prover, Resource, Role,
    Ruling, User,
};
use crate::config::{Config, PolicyFile};

/// A question, as somebody types it.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks: `user:<issuer>/<subject>`, `signer:<reference>`, `prover:<domain>`,
    /// `source:<name>` or `anonymous`.
    pub principal: String,
    /// The roles that they have.
    pub roles: Vec<Role>,
    /// The groups of a user.
    pub groups: Vec<String>,
    /// What they would do.
    pub action: String,
    /// With what: a package's name, `registry`, `registry:<name>` or `source:<name>`.
    pub resource: String,
    /// Whether they prove that their token is theirs.
    pub has_proof: bool,
    /// Where they ask from.
    pub address: Option<IpAddr>,
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The policies cannot be used.
    #[error("the policies cannot be used")]
    Policies(#[from] PolicyError),
    /// A part of the question is none.
    #[error("{0}")]
    Malformed(String),
}

/// The answer to a question.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    principal: String,
    action: String,
    resource: String,
    #[serde(flatten)]
    ruling: Ruling,
}

/// Policies that can be used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    policies: Vec<PolicyNote>,
}

/// Checks policies as a server would at its start.
pub fn check_policies(source: &PolicyFile) -> Result<Checked, PolicyError> {
    Ok(Checked { policies: Policies::read(source)?.notes().to_vec() })
}

/// Answers `question` with the policies of `config`.
pub fn ask(config: &Config, question: &Question) -> Result<Answer, QuestionError> {
    let policies = Policies::read(&config.policy)?;
    let malformed = |error: &dyn fmt::Display| QuestionError::Malformed(error.to_string());
    let principal = question.principal()?;
    let action: Action = question.action.parse().map_err(|error| malformed(&error))?;
    let resource: Resource = question.resource.parse().map_err(|error| malformed(&error))?;
    let possession = if question.has_proof { Possession::Proven } else { Possession::Bearer };
    let circumstances = Circumstances { possession, address: question.address };
    Ok(Answer {
        principal: principal.to_string(),
        action: action.to_string(),
        resource: resource.to_string(),
        ruling: policies.decide(&principal, action, &resource, &circumstances),
    })
}

impl Question {
    fn principal(&self) -> Result<Principal, QuestionError> {
        let text = &self.principal;
        let unknown = || {
            QuestionError::Malformed(format!(
                "`{}` is no principal, expected `user:<issuer>/<subject>`, `signer:<reference>`, \
                 `prover:<domain>`, `source:<name>` or `anonymous`",
                text.escape_debug()
            ))
        };
        let roles: BTreeSet<Role> = self.roles.iter().copied().collect();
        match text.split_once(':') {
            None if text == "anonymous" => Ok(Principal::Anonymous { roles }),
            Some(("user", id)) => {
                let (issuer, subject) = id.split_once('/').ok_or_else(unknown)?;
                Ok(Principal::User(User {
                    issuer_name: issuer.to_owned(),
                    issuer: String::new(),
                    subject: subject.to_owned(),
                    email: None,
                    repository_id: None,
                    groups: self.groups.iter().cloned().collect(),
                    roles,
                }))
            }
            Some(("signer", reference)) => {
                let publisher = Publisher::from_reference(reference);
                let publisher = Box::new(publisher.map_err(|_| unknown())?);
                Ok(Principal::Signer { publisher, roles })
            }
            Some(("prover", domain)) => Ok(Principal::Prover(Prover::Domain(domain.to_owned()))),
            Some(("source", name)) => Ok(Principal::Source(name.to_owned())),
            _ => Err(unknown()),
        }
    }
}

impl Answer {
    /// Whether they may.
    pub fn is_allowed(&self) -> bool {
        self.ruling.allowed
    }

    /// The answer in a word, for those who do not ask why.
    pub fn word(&self) -> &'static str {
        if self.ruling.allowed { "yes" } else { "no" }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, action, resource, ruling } = self;
        let may = if ruling.allowed { "may" } else { "may not" };
        writeln!(f, "{principal} {may} {action} {resource}")?;
        let why = if ruling.allowed { "permitted by" } else { "forbidden by" };
        for policy in &ruling.policies {
            writeln!(f, "  {why} `{}`, in {}", policy.id, policy.file)?;
            for (key, value) in policy.annotations.iter().filter(|(key, _)| *key != "id") {
                writeln!(f, "    {key}: {value}")?;
            }
        }
        for error in &ruling.errors {
            writeln!(f, "  could not be evaluated: {error}")?;
        }
        if ruling.policies.is_empty() && ruling.errors.is_empty() {
            writeln!(f, "  nothing permits it")?;
        }
        Ok(())
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for policy in &self.policies {
            writeln!(f, "{}  ({})", policy.id, policy.file)?;
        }
        write!(f, "{} policies can be used", self.policies.len())
    }
}

impl Coded for QuestionError {
    fn code(&self) -> Code {
        match self {
            Self::Policies(error) => error.code(),
            Self::Malformed(_) => Code::Request,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Policies(error) => error.hint(),
            Self::Malformed(_) => None,
        }
    }
}
