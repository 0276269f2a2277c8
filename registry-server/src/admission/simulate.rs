//! What other policies would do to what came in lately.

use std::fmt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::review::{Decision, Outcome};
use mcpkg_core::{PackageName, Version};
use serde::Serialize;

use super::Court;
use super::explain::{ExplainError, again};
use super::facts::Facts;
use crate::config::{Config, PolicyFile};
use crate::mirror::SourceName;
use crate::policy::Policies;

/// What other policies would do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Since when.
    pub since: Timestamp,
    /// How many releases were looked at.
    pub releases: usize,
    /// Those that would fare otherwise.
    pub changes: Vec<SimulatedChange>,
}

/// A release that would fare otherwise.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedChange {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What it is under the policies in force.
    pub from: Outcome,
    /// What it would be.
    pub to: Outcome,
    /// The policies that would decide.
    pub policies: Vec<String>,
    /// Why, in a sentence.
    pub sentence: String,
}

/// Decides again, with the policies in `files` instead of those in force, of every
/// release that was logged in the last `days` days. What people said counts as it does
/// now, and so does the time.
///
/// # Errors
///
/// The files are no policies, or nothing can be read.
pub async fn simulate(
    config: &Config,
    source: Option<&SourceName>,
    files: &[PathBuf],
    days: u16,
) -> Result<Simulation, ExplainError> {
    let policies = Policies::read(&PolicyFile { files: files.to_vec(), ..config.policy.clone() })?;
    let Court { assessor, stock } = Court::open(config, source).await?;
    let now = Timestamp::now();
    let age = SignedDuration::from_hours(24 * i64::from(days));
    let since = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
    let (mut releases, mut changes) = (0, Vec::new());
    for (name, given) in stock.store.judged_since(since).await? {
        let known = given.judged.as_ref().and_then(|it| {
            Some((it.decision.clone(), serde_json::from_value::<Facts>(it.facts.clone()).ok()?))
        });
        let known = if known.is_some() {
            known
        } else {
            // Nobody has decided of it, because nobody asked policy.
            let assessed = assessor.assess(&stock, &name, now).await?;
            let it = assessed.into_iter().find(|it| it.version == given.version);
            it.map(|it| (it.judged.decision, it.facts))
        };
        let Some((before, facts)) = known else { continue };
        releases += 1;
        let Decision { outcome: to, policies, sentence, .. } =
            again(&policies, &stock, &facts, now).await?;
        if to != before.outcome {
            let (version, from) = (given.version, before.outcome);
            changes.push(SimulatedChange { name, version, from, to, policies, sentence });
        }
    }
    Ok(Simulation { since, releases, changes })
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { releases, changes, since } = self;
        writeln!(
            f,
            "of {releases} releases since {since}, {} would fare otherwise",
            changes.len()
        )?;
        let label = |it: &SimulatedChange| format!("{}@{}", it.name, it.version);
        let width = changes.iter().map(|it| label(it).len()).max().unwrap_or_default();
        for change in changes {
            let SimulatedChange { from, to, sentence, .. } = change;
            let label = label(change);
            writeln!(
                f,
                "  {label:width$}  {:<11} -> {:<11}  {sentence}",
                from.as_str(),
                to.as_str()
            )?;
        }
        Ok(())
    }
}
