//! What deciding costs, to be measured. It is behind the feature `generate`, which no
//! build of the program turns on.

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::review::Outcome;

use super::assess::rule;
use super::decide::decide;
use super::explain::ExplainError;
use super::facts::Facts;
use super::{AdmissionError, Court};
use crate::config::Config;

/// A package, and what its releases are decided with.
#[derive(Debug)]
pub struct Judging {
    court: Court,
    name: PackageName,
    facts: Facts,
}

/// Why a package cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgingError {
    /// The registry cannot be looked at.
    #[error(transparent)]
    Open(#[from] ExplainError),
    /// It could not be decided.
    #[error("could not decide")]
    Assess(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It has no release.
    #[error("there is no such package")]
    Empty,
}

impl From<AdmissionError> for JudgingError {
    fn from(error: AdmissionError) -> Self {
        Self::Assess(Box::new(error))
    }
}

impl Judging {
    /// Of a package of `config`'s own.
    pub async fn open(config: &Config, name: PackageName) -> Result<Self, JudgingError> {
        let court = Court::open(config, None).await?;
        let assessed = court.assessor.assess(&court.stock, &name, Timestamp::now()).await?;
        let first = assessed.into_iter().next().ok_or(JudgingError::Empty)?;
        Ok(Self { court, name, facts: first.facts })
    }

    /// Decides of one release of which everything is known, and says what.
    pub fn decide(&self) -> Outcome {
        let now = Timestamp::now();
        let ruled = rule(&self.court.assessor.policies, &self.facts, now);
        decide(&ruled, &[], self.facts.fingerprint(), now).outcome
    }

    /// Decides of every release, from the database on, and says of how many.
    pub async fn decide_all(&self) -> Result<usize, JudgingError> {
        let Self { court, name, .. } = self;
        Ok(court.assessor.assess(&court.stock, name, Timestamp::now()).await?.len())
    }
}
