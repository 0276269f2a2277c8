//! Why a release is given out, or is not: what was known of it, and which policy decided.

use std::fmt;

use jiff::Timestamp;
use mcpkg_core::review::Decision;
use mcpkg_core::{Code, Coded, PackageName, Version};
use serde::Serialize;
use serde_json::Value;

use super::assess::{Assessor, rule};
use super::decide::decide;
use super::{AdmissionError, Court, Stock};
use crate::config::Config;
use crate::mirror::SourceName;
use crate::policy::{Policies, PolicyError, PolicyNote};
use crate::store::StoreError;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such release.
    #[error("{0} not found")]
    Unknown(String),
    /// The policies cannot be read.
    #[error("the policies cannot be used")]
    Policy(#[from] PolicyError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Stored(#[from] Unreadable),
}

/// A failure of database or disk, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unreadable(AdmissionError);

impl<E: Into<AdmissionError>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<AdmissionError> for ExplainError {
    fn from(error: AdmissionError) -> Self {
        Self::Stored(Unreadable(error))
    }
}

impl From<StoreError> for ExplainError {
    fn from(error: StoreError) -> Self {
        Self::Stored(Unreadable(error.into()))
    }
}

/// Why a release is given out, or is not.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// As of when.
    pub at: Timestamp,
    /// What follows from policy and votes then.
    pub decision: Decision,
    /// What a running registry decided last, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<Decision>,
    /// The policies that permit it, whatever forbids it.
    pub(crate) permits: Vec<PolicyNote>,
    /// Those that forbid it.
    pub(crate) forbids: Vec<PolicyNote>,
    /// What could not be evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
    /// What they were asked about, by the names that policies use where they differ.
    pub facts: Value,
}

/// Explains the decision about a release, as of `at`. `source` is where it comes from,
/// unless it is the registry's own.
///
/// # Errors
///
/// There is no such release, or nothing can be read.
pub async fn explain(
    config: &Config,
    source: Option<&SourceName>,
    (name, version): (&PackageName, &Version),
    at: Option<Timestamp>,
) -> Result<Explanation, ExplainError> {
    let Court { assessor, stock } = Court::open(config, source).await?;
    let unknown = || ExplainError::Unknown(format!("{name}@{version}"));
    let at = at.unwrap_or_else(Timestamp::now);
    let assessed = assessor.assess(&stock, name, at).await?;
    let it = assessed.into_iter().find(|it| it.version == *version).ok_or_else(unknown)?;
    let given = stock.store.given(name).await?;
    let in_force = given.into_iter().find(|it| it.version == *version);
    Ok(Explanation {
        name: name.clone(),
        version: version.clone(),
        at,
        decision: it.judged.decision,
        in_force: in_force.and_then(|it| it.judged).map(|it| it.decision),
        permits: it.ruled.permits,
        forbids: it.ruled.forbids,
        errors: it.ruled.errors,
        facts: it.judged.facts,
    })
}

/// What other policies would say of a release whose facts are known.
pub(super) async fn again(
    policies: &Policies,
    stock: &Stock,
    facts: &super::facts::Facts,
    now: Timestamp,
) -> Result<Decision, StoreError> {
    let votes = stock.store.votes(&facts.name, &facts.version).await?;
    Ok(decide(&rule(policies, facts, now), &votes, facts.fingerprint(), now))
}

impl Court {
    /// What decides for the registry of `config`, to look only, also beside a running
    /// server.
    pub(super) async fn open(
        config: &Config,
        source: Option<&SourceName>,
    ) -> Result<Self, ExplainError> {
        let policies = Policies::read(&config.policy)?;
        let wait = config.limits.database();
        let advisories = crate::store::AdvisoryStore::open(&config.data, wait).await?;
        let assessor = Assessor {
            policies: policies.into(),
            advisories,
            rebuilders: config.rebuilders.clone().into(),
        };
        Ok(Self { assessor, stock: Stock::open_read_only(config, source).await? })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, decision, .. } = self;
        writeln!(f, "{name}@{version} is {}: {}", decision.outcome, decision.sentence)?;
        if let Some(approvals) = decision.approvals {
            let what = if approvals.is_override { "to override it" } else { "to let it in" };
            writeln!(f, "{} of {} people have approved {what}", approvals.given, approvals.needed)?;
        }
        if let Some(before) = self.in_force.as_ref().filter(|it| it.outcome != decision.outcome) {
            writeln!(
                f,
                "the registry decided at {} that it is {}",
                before.decided_at, before.outcome
            )?;
        }
        for (verb, notes) in [("permitted by", &self.permits), ("forbidden by", &self.forbids)] {
            for PolicyNote { id, file, .. } in notes {
                writeln!(f, "  {verb} `{id}` in {file}")?;
            }
        }
        for error in &self.errors {
            writeln!(f, "  could not be evaluated: {error}")?;
        }
        writeln!(f, "known of it at {}:", self.at)?;
        for (fact, value) in self.facts.as_object().into_iter().flatten() {
            writeln!(f, "  {fact}: {value}")?;
        }
        Ok(())
    }
}

impl Coded for ExplainError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::NotFound,
            Self::Policy(error) => error.code(),
            Self::Stored(Unreadable(error)) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(_) => Some("name the source that it comes from with `--source`"),
            Self::Policy(error) => error.hint(),
            Self::Stored(Unreadable(error)) => error.hint(),
        }
    }
}
