//! `mcpkg-registry fsck`: does what is stored keep its promises?
//!
//! | | invariant | what breaks it |
//! |---|---|---|
//! | I1 | what is visible is whole | a blob that is missing or has other bytes; a row that does not parse or tells another story than the signed document |
//! | I2 | a version is one digest for ever | a release that the audit knows otherwise, or not |
//! | I4 | what no release needs goes away | a blob without a release, older than the time for that |
//!
//! It reads only, and may run beside a server.

mod check;

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use crate::limits::Limits;
use crate::server::{StorageError, open_read_only};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether every invariant holds.
    pub is_sound: bool,
    /// How many releases were checked.
    pub releases: u64,
    /// How many blobs of them.
    pub blobs: u64,
    /// How many blobs without a release are still within their time.
    pub leftovers: u64,
    /// What breaks an invariant.
    pub findings: Vec<Finding>,
}

/// Something that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which invariant.
    pub invariant: Invariant,
    /// What it is about: a blob's digest, a release, a file.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// What has to hold at all times, by the numbers in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Invariant {
    /// What is visible is whole.
    I1,
    /// A version is one digest for ever.
    I2,
    /// What no release needs goes away.
    I4,
}

/// Checks everything in the data folder `data`, where blobs without a release
/// the time to live that `limits` say.
///
/// Reads every blob once.
pub async fn check(data: &Path, limits: &Limits, now: SystemTime) -> Result<Report, StorageError> {
    let (store, blobs) = open_read_only(data, limits.database()).await?;
    let report = check::Checker::new(&store, &blobs).run(limits.sweep_after(), now).await;
    store.close().await;
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { invariant, subject, problem, advice } in &self.findings {
            writeln!(f, "{invariant:?}: {subject}: {problem}\n    {advice}")?;
        }
        let Self { releases, blobs, leftovers, .. } = self;
        let verdict = match self.findings.len() {
            0 => "all is well".to_owned(),
            1 => "1 invariant is broken".to_owned(),
            count => format!("{count} invariants are broken"),
        };
        write!(f, "{releases} releases, {blobs} blobs, {leftovers} leftovers: {verdict}")
    }
}
