//! The checks of the log, and of the database as its index.
//!
//! Every entry is read once, in order, and everything else is computed from the
//! entries: the tiles, the root of every tree that was signed, and what the
//! database should say. Nothing here believes a hash that is stored.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_core::log::{
    Entry, EntryKind, LogTrust, LoggedPackage, Publish, Replay, ReplayError, TILE_WIDTH, Tree,
};
use mcpkg_core::{Coded, PackageName};

use super::check::Checker;
use super::{Finding, Invariant};
use crate::blobs::blocking;
use crate::log::{Edge, LogError, OpenedLog, Published};
use crate::start_error::StorageError;
use crate::store::{Release, Store, StoreError};

const RESTORE_LOG: &str = "restore the log's files from a backup or a mirror";
pub(super) const REBUILD: &str =
    "`mcpkg-registry fsck --rebuild` makes the database again from the log";

/// A log, while it is read from its first entry on.
struct Walk {
    parts: OpenedLog,
    trust: LogTrust,
    /// The newest tree that is published.
    published: Tree,
    /// Its edge as it is stored.
    stored: Edge,
    /// The edge that the entries make.
    edge: Edge,
    /// How far the database is, and with which root.
    applied: Tree,
    /// Checkpoints of the journal that were not reached yet.
    notes: VecDeque<(u64, String)>,
    /// The size of the last checkpoint that was reached.
    covered: u64,
    replay: Replay,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    /// I1, I2, I3, I5 and I6, as far as they are about the log.
    pub(super) async fn log(&mut self, parts: OpenedLog) -> Result<(), StorageError> {
        // The database first: the log may grow meanwhile, and is then ahead.
        let applied = self.store().applied().await?;
        let walk = match blocking(move || Walk::start(parts, applied)).await {
            Ok(walk) => walk,
            Err(error) => {
                let problem = chain(&error);
                let advice = error.hint().unwrap_or(RESTORE_LOG);
                self.find(Invariant::I3, "the log".to_owned(), problem, advice);
                return Ok(());
            }
        };
        let mut walk = walk;
        while walk.edge.size() < walk.published.size {
            let first = walk.edge.size();
            let read = blocking(move || {
                let leaves = walk.next();
                Ok::<_, StorageError>((walk, leaves))
            });
            let (continued, leaves) = read.await?;
            walk = continued;
            let Some(leaves) = leaves else { break };
            for (index, leaf) in (first..).zip(&leaves) {
                self.report_mut().entries += 1;
                match Entry::parse(leaf) {
                    Ok(_) if index >= applied.size => (),
                    Ok(entry) => self.indexed(index, &entry).await?,
                    // The walk has found it.
                    Err(_) => (),
                }
            }
        }
        let extra = self.store().entries().await?;
        let (walk, pending) = blocking(move || Ok::<_, StorageError>(walk.finish())).await?;
        if extra != applied.size {
            let problem = format!("it has {extra} entries of the {} that it applied", applied.size);
            self.find(Invariant::I6, "the database".to_owned(), problem, REBUILD);
        }
        self.report_mut().pending = pending;
        self.packages(&walk.replay, applied.size).await?;
        self.report_mut().findings.extend(walk.findings);
        Ok(())
    }

    /// I6: the database says of an entry what the entry says.
    async fn indexed(&mut self, index: u64, entry: &Entry) -> Result<(), StorageError> {
        let problem = match (unlike(self.store(), index, entry).await, entry) {
            // What cannot be read was found among the releases.
            (Ok(None), _) | (Err(StoreError::Corrupt { .. }), Entry::Publish(_)) => return Ok(()),
            (Ok(Some(problem)), _) => problem.to_owned(),
            (Err(error @ StoreError::Corrupt { .. }), _) => error.to_string(),
            (Err(error), _) => return Err(error.into()),
        };
        self.find(Invariant::I6, subject_of(index, entry), problem, REBUILD);
        Ok(())
    }

    /// I6: names are bound to whom the log binds them, and releases have the status
    /// that the log gives them.
    async fn packages(&mut self, replay: &Replay, applied: u64) -> Result<(), StorageError> {
        let now = Timestamp::now();
        for package in replay.packages() {
            // Where the log is ahead, the database is about an earlier state.
            if package.entries.last().is_none_or(|last| last.index >= applied) {
                continue;
            }
            let name: &PackageName = &package.name;
            self.statuses(package).await?;
            let problem = match self.store().bound_publisher(name, now).await {
                Ok(Some(bound)) if bound == *package.bound_at(now) => continue,
                Ok(Some(_)) => "the database binds it to somebody else than the log".to_owned(),
                Ok(None) => "the database does not have it".to_owned(),
                Err(error @ StoreError::Corrupt { .. }) => error.to_string(),
                Err(error) => return Err(error.into()),
            };
            self.find(Invariant::I6, name.to_string(), problem, REBUILD);
        }
        Ok(())
    }
}

impl Checker<'_> {
    async fn statuses(&mut self, package: &LoggedPackage) -> Result<(), StorageError> {
        let mut statuses = BTreeMap::new();
        for entry in &package.entries {
            match &entry.kind {
                EntryKind::Publish(version) => statuses.insert(version, Status::Active),
                EntryKind::Status(version, status) => statuses.insert(version, *status),
                EntryKind::Binding | EntryKind::Rebuild(..) => None,
            };
        }
        for (version, status) in statuses {
            // What cannot be read was found among the releases.
            let found = match self.store().find_release(&package.name, version).await {
                Ok(found) => found,
                Err(StoreError::Corrupt { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            if found.is_some_and(|release| release.status != status) {
                let subject = format!("{}@{version}", package.name);
                let problem = format!("the database says otherwise than the log: it is {status}");
                self.find(Invariant::I6, subject, problem, REBUILD);
            }
        }
        Ok(())
    }
}

impl Walk {
    fn start(parts: OpenedLog, applied: Tree) -> Result<Self, LogError> {
        let Published { trust, tree: published, edge: stored, .. } = parts.published()?;
        Ok(Self {
            parts,
            trust,
            published,
            stored,
            edge: Edge::default(),
            applied,
            notes: VecDeque::new(),
            covered: 0,
            replay: Replay::new(),
            findings: Vec::new(),
        })
    }

    /// The leaves of the next bundle; `None` if it cannot be read.
    fn next(&mut self) -> Option<Vec<Vec<u8>>> {
        let bundle = self.edge.size() / TILE_WIDTH;
        let read = self.stored.bundle(&self.parts.files, bundle);
        let leaves = match read {
            Ok(leaves) => leaves,
            Err(error) => {
                self.find(Invariant::I3, format!("entries {bundle}"), chain(&error), RESTORE_LOG);
                return None;
            }
        };
        match self.parts.files.checkpoints(bundle) {
            Ok(notes) => {
                let sized = |note: String| (crate::log::size_of(&note), note);
                self.notes.extend(notes.into_iter().map(sized));
            }
            Err(error) => {
                self.find(Invariant::I1, "receipts".to_owned(), chain(&error), RESTORE_LOG);
            }
        }
        for leaf in &leaves {
            self.entry(leaf);
        }
        Some(leaves)
    }

    fn entry(&mut self, leaf: &[u8]) {
        let index = self.edge.size();
        for (path, bytes) in self.edge.append(leaf) {
            match self.parts.files.tile(path, self.published.size) {
                Ok(Some(stored)) if stored == bytes => (),
                Ok(_) => self.find(
                    Invariant::I3,
                    format!("tile {path}"),
                    "it is not the one that the entries make".to_owned(),
                    RESTORE_LOG,
                ),
                Err(error) => {
                    self.find(Invariant::I3, format!("tile {path}"), chain(&error), RESTORE_LOG);
                }
            }
        }
        while let Some((_, note)) = self.notes.pop_front_if(|(size, _)| *size <= index + 1) {
            self.checkpoint(&note);
        }
        let tree = self.edge.tree_at(self.applied.size);
        if tree.is_some_and(|tree| tree != self.applied) {
            let problem = "it has applied entries that are not the log's".to_owned();
            self.find(Invariant::I6, "the database".to_owned(), problem, REBUILD);
        }
        let problem = match Entry::parse(leaf) {
            Err(error) => Some((Invariant::I6, chain(&error))),
            Ok(entry) => self.replay.apply(index, &entry).err().map(|error| {
                let is_again = matches!(error, ReplayError::Again { .. });
                (if is_again { Invariant::I2 } else { Invariant::I6 }, chain(&error))
            }),
        };
        if let Some((invariant, problem)) = problem {
            self.replay.skip();
            let advice = "the entry stays in the log for ever; say publicly what happened";
            self.find(invariant, format!("entry {index}"), problem, advice);
        }
    }

    /// I3: every tree that was signed is the tree of the entries.
    fn checkpoint(&mut self, note: &str) {
        let tree = self.edge.tree();
        let problem = match self.trust.verify_checkpoint(note) {
            Ok(signed) if signed.tree() == tree => None,
            Ok(_) => Some("it was signed with another root, or is out of order".to_owned()),
            Err(error) => Some(chain(&error)),
        };
        if let Some(problem) = problem {
            let subject = format!("the checkpoint of {} entries", tree.size);
            self.find(Invariant::I3, subject, problem, RESTORE_LOG);
        }
        self.covered = tree.size;
    }

    /// What is known when every entry was read, and how many entries are signed and
    /// not applied.
    fn finish(mut self) -> (Self, u64) {
        let log = || "the log".to_owned();
        if self.edge.size() == self.published.size {
            if self.edge.tree() != self.published || self.edge != self.stored {
                let problem = "its newest checkpoint is not of its entries".to_owned();
                self.find(Invariant::I3, log(), problem, RESTORE_LOG);
            }
            if self.covered != self.published.size {
                let problem = format!(
                    "its receipts end at entry {}, of {}",
                    self.covered, self.published.size
                );
                self.find(Invariant::I1, log(), problem, RESTORE_LOG);
            }
        }
        if self.applied.size > self.published.size {
            let problem =
                format!("it has applied {} entries of {}", self.applied.size, self.published.size);
            self.find(Invariant::I6, "the database".to_owned(), problem, REBUILD);
        }
        // What was begun can be ended: the guard's tree is there.
        let guarded = self.parts.open(false).and_then(|log| self.parts.committed(&log));
        let pending = match guarded {
            Ok(tree) => tree.size.saturating_sub(self.applied.size),
            Err(error) => {
                let advice = error.hint().unwrap_or(RESTORE_LOG);
                self.find(Invariant::I5, "the guard".to_owned(), chain(&error), advice);
                0
            }
        };
        (self, pending)
    }

    fn find(
        &mut self,
        invariant: Invariant,
        subject: String,
        problem: String,
        advice: &'static str,
    ) {
        self.findings.push(Finding { invariant, subject, problem, advice });
    }
}

/// What an entry is called.
pub(super) fn subject_of(index: u64, entry: &Entry) -> String {
    match entry {
        Entry::Publish(publish) => format!("{}@{}", publish.name, publish.version),
        _ => format!("entry {index}"),
    }
}

/// How what a database has of an entry differs from what the entry says.
pub(super) async fn unlike(
    store: &Store,
    index: u64,
    entry: &Entry,
) -> Result<Option<&'static str>, StoreError> {
    let (kind, word, signer, bundle) = match entry {
        Entry::Publish(publish) => {
            let found = store.find_release(&publish.name, &publish.version).await?;
            return Ok(difference(found.map(|release| is_same(&release, index, publish))));
        }
        Entry::Status(change) => {
            let word = change.status.to_string();
            ("status", Some(word), &change.publisher, change.evidence)
        }
        Entry::Binding(change) => ("binding", None, &change.signer, change.evidence),
        Entry::Rebuild(rebuild) => {
            let word = rebuild.result.to_string();
            ("rebuild", Some(word), &rebuild.rebuilder, rebuild.evidence)
        }
    };
    let logged = (kind.to_owned(), word, Some(signer.clone()), bundle);
    Ok(difference(store.statement_row(index).await?.map(|row| row == logged)))
}

/// What it means that a row is there and the same, or not.
fn difference(is_same: Option<bool>) -> Option<&'static str> {
    match is_same {
        Some(true) => None,
        Some(false) => Some("the database says otherwise than the log"),
        None => Some("the database does not have it"),
    }
}

/// Whether the database has what the log says.
fn is_same(release: &Release, index: u64, publish: &Publish) -> bool {
    let mut artifacts = release.artifacts.clone();
    artifacts.sort_by_key(|artifact| artifact.platform.to_string());
    release.entry == index
        && release.name == publish.name
        && release.version == publish.version
        && release.metadata == publish.metadata
        && artifacts == publish.artifacts
        && release.bundles == publish.evidence
        && release.publisher == publish.publisher
        && release.published_at == publish.time
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
