//! `mcpkg-registry fsck`: does what is stored keep its promises?
//!
//! | | invariant | what breaks it |
//! |---|---|---|
//! | I1 | what is visible is whole, and its receipt holds | a blob that is missing or has other bytes; a row that does not parse or tells another story than the signed document; an entry that no checkpoint of the journal covers |
//! | I2 | a version is one digest for ever | an entry that publishes a version again |
//! | I3 | one root for every size | a checkpoint, a tile or an entry that does not fit the others |
//! | I4 | what no release needs goes away | a blob without a release, older than the time for that |
//! | I5 | what was begun can be ended | a guard whose tree the data folder does not have |
//! | I6 | the database is what the log amounts to | a row that the log does not have, or has otherwise |
//!
//! It reads only, and may run beside a server. [`rebuild`] makes the database
//! again, and may not.

mod check;
mod listed;
mod log;
mod rebuild;
mod source;

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use crate::config::Config;
use crate::log::LogFiles;
use crate::mirror::{DATABASE as SOURCE_DATABASE, SOURCES};
use crate::server::open_read_only;
use crate::start_error::StorageError;
use crate::store::Store;

pub use rebuild::{Rebuilt, rebuild};

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
    /// How many entries of the log.
    pub entries: u64,
    /// How many entries of the MCP registry's API nobody has signed.
    pub unsigned: u64,
    /// How many entries are signed, and not applied to the database yet. The next
    /// start does it.
    pub pending: u64,
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
    /// One root for every size of the log.
    I3,
    /// What no release needs goes away.
    I4,
    /// What was begun can be ended.
    I5,
    /// The database is what the log amounts to.
    I6,
}

/// Checks everything that the registry of `config` has stored.
///
/// Reads every blob and every entry once.
pub async fn check(config: &Config, now: SystemTime) -> Result<Report, StorageError> {
    let limits = &config.limits;
    let (store, blobs) = open_read_only(&config.data, limits.database()).await?;
    let parts = config.log.parts(&config.data);
    let mut sources = Vec::new();
    for path in crate::mirror::databases(&config.data) {
        sources.push(Store::open_read_only(&path, limits.database()).await?);
    }
    let mut copies = Vec::new();
    for source in &config.sources {
        let folder = config.data.join(SOURCES).join(source.name.as_str());
        let database = folder.join(SOURCE_DATABASE);
        if database.is_file() {
            let store = Store::open_read_only(&database, limits.database()).await?;
            let files = LogFiles::at_folder(&folder, &config.data.join("staging"));
            let (name, log_key) = (source.name.clone(), source.log_key.clone());
            copies.push(source::Copy { name, log_key, files, store });
        }
    }
    let checker = check::Checker::new(&store, &blobs, &sources);
    let report = checker.run(parts, copies, limits.sweep_after(), now).await;
    for store in sources.iter().chain([&store]) {
        store.close().await;
    }
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { invariant, subject, problem, advice } in &self.findings {
            writeln!(f, "{invariant:?}: {subject}: {problem}\n    {advice}")?;
        }
        let Self { releases, blobs, entries, pending, leftovers, unsigned, .. } = self;
        if *pending > 0 {
            writeln!(f, "{pending} entries are signed and not served yet; the next start does it")?;
        }
        if *unsigned > 0 {
            writeln!(f, "{unsigned} entries that are listed are signed by nobody")?;
        }
        let verdict = match self.findings.len() {
            0 => "all is well".to_owned(),
            1 => "1 invariant is broken".to_owned(),
            count => format!("{count} invariants are broken"),
        };
        write!(
            f,
            "{releases} releases, {blobs} blobs, {entries} entries, {leftovers} leftovers: {verdict}"
        )
    }
}
