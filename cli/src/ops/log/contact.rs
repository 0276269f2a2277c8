//! What a registry says of a package, held to what is known of its log.

use mcpkg_core::api::{PackageIndex, ReleaseDocument, Status};
use mcpkg_core::log::{
    Entry, Hash, IndexNote, IndexedEntry, Level, LogError, Node, SignedCheckpoint, TILE_WIDTH,
    TileError, TilePath, VerifiedTiles, read_bundle,
};
use mcpkg_core::{Code, PackageName, Version};

use super::evidence::Lie;
use super::held::Held;
use super::{Distrust, KnownLog, agreement, freshness};
use crate::error::{Error, Result};
use crate::registry::Registry;

/// The index of a package that was accepted, and the checkpoint it is of.
pub struct Contact<'a> {
    /// The index. Its lines are the entries of the signed index, and their status is
    /// the one that follows from it.
    pub index: PackageIndex,
    /// What the user should look at.
    pub warnings: Vec<String>,
    pub(super) known: KnownLog<'a>,
    pub(super) checkpoint: SignedCheckpoint,
    pub(super) note: IndexNote,
    registry: &'a Registry,
}

impl<'a> Contact<'a> {
    /// Asks `registry` for the index of `name`, and believes it only if its log
    /// goes on from what is known, and hides nothing that this machine has a
    /// receipt for. The checkpoint is remembered then.
    pub fn new(
        mut known: KnownLog<'a>,
        registry: &'a Registry,
        name: &PackageName,
    ) -> Result<Self> {
        let held = Held::all(known.source, known.places, name)?;
        let exclusive = known.exclusive()?;
        let index = match registry.index(name, known.seen()) {
            // Nothing is signed that would prove it, but it is as good as hidden.
            Err(Error::Problem(problem))
                if matches!(problem.code, Code::NotFound | Code::Provenance)
                    && held.iter().any(|held| held.is_locked_as(name)) =>
            {
                return Err(known.distrust(Distrust::Gone(name.clone())));
            }
            other => other?,
        };
        let log = &index.log;
        let checkpoint = known.check(&log.checkpoint, log.consistency.as_deref(), registry)?;
        if held.iter().any(|held| held.is_locked_as(name) && held.is_by_an_unknown_key(&known)) {
            known.learn(registry)?;
        }
        let note = signed_index(&index, name, &checkpoint, &known)?;
        for held in &held {
            held.check(&index, &note, &checkpoint, &known)?;
        }
        agreement::check(&index, &note).map_err(|reason| known.distrust(reason))?;
        let stale = freshness::check(&checkpoint, known.now);
        let stale = stale.map_err(|reason| known.distrust(reason))?;
        let succeeded = known.remember(Some(&checkpoint))?;
        drop(exclusive);
        let receipts = index.bindings.iter().map(|it| it.receipt.as_str());
        let learned = known.learn_signers(receipts, registry)?;
        let warnings = stale.into_iter().chain(succeeded).chain(learned).collect();
        Ok(Self { index, warnings, known, checkpoint, note, registry })
    }

    /// Asks for the document of one release, with the proof that its receipt's
    /// tree is the start of the checkpoint's.
    ///
    /// What it says is still to be checked; but if its receipt is by a key that
    /// the log had before and that is not known, that is made up for here.
    pub fn release(&mut self, version: &Version) -> Result<ReleaseDocument> {
        let size = self.checkpoint.tree().size;
        let document = self.registry.release(&self.index.name, version, Some(size))?;
        self.warnings.extend(self.known.learn_signer(&document, self.registry)?);
        Ok(document)
    }

    /// The status of a release, as the signed index has it.
    pub fn status(&self, version: &Version) -> Status {
        self.note.status(version)
    }

    /// The signed index.
    pub fn note(&self) -> &IndexNote {
        &self.note
    }

    /// The registry.
    pub fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// The log, as it is known now.
    pub fn known(&self) -> &KnownLog<'a> {
        &self.known
    }

    /// The newest entry about the package.
    pub fn newest(&self) -> Result<&IndexedEntry> {
        let newest = self.note.entries.last();
        newest.ok_or_else(|| self.known.distrust(Distrust::Empty("an entry of the package")))
    }

    /// The bytes of the newest entry about the package, from what the log serves: they
    /// are those that the signed tree has, and say what the index says.
    pub fn newest_leaf(&self) -> Result<Vec<u8>> {
        let entry = self.newest()?;
        let (index, size) = (entry.index, self.checkpoint.tree().size);
        let wrong = || self.known.distrust(Distrust::Entry(index));
        let path = TilePath::of_tree(Level::Entries, index / TILE_WIDTH, size).ok_or_else(wrong)?;
        let bundle = self.registry.tile(&path)?;
        let entries = read_bundle(&bundle).map_err(|_| wrong())?;
        let place = usize::try_from(index % TILE_WIDTH).ok();
        let leaf = place.and_then(|place| entries.get(place).copied()).ok_or_else(wrong)?;
        let fetch = |path: &TilePath| self.registry.tile(path).map_err(Unserved::Asking);
        let mut tiles = VerifiedTiles::new(self.checkpoint.tree(), fetch);
        let signed = tiles.hash(Node { level: 0, index }).map_err(|failure| match failure {
            Unserved::Asking(error) => error,
            Unserved::Tile(error) => Error::wrap(self.known.label())(LogError::from(error)),
        })?;
        let is_it = signed == Hash::leaf(leaf)
            && Entry::parse(leaf).is_ok_and(|found| {
                IndexedEntry::of(index, &found) == *entry && *found.name() == self.note.name
            });
        if is_it { Ok(leaf.to_vec()) } else { Err(wrong()) }
    }

    /// If a receipt is by a key that is not known, asks the registry once how its log
    /// came to it.
    pub fn learn_signer(&mut self, receipt: &str) -> Result<()> {
        self.warnings.extend(self.known.learn_signers([receipt], self.registry)?);
        Ok(())
    }

    /// The entry that published a release.
    pub(super) fn entry(&self, version: &Version) -> Option<u64> {
        self.index.releases.iter().find(|line| line.version == *version).map(|line| line.entry)
    }
}

/// Why a tile could not be had.
enum Unserved {
    Asking(Error),
    Tile(TileError),
}

impl From<TileError> for Unserved {
    fn from(error: TileError) -> Self {
        Self::Tile(error)
    }
}

/// Checks the signed index: of this package, and of the checkpoint's tree.
fn signed_index(
    index: &PackageIndex,
    name: &PackageName,
    checkpoint: &SignedCheckpoint,
    known: &KnownLog<'_>,
) -> Result<IndexNote> {
    let log = &index.log;
    if log.index.is_empty() {
        return Err(known.distrust(Distrust::Empty("a signed index")));
    }
    let note = IndexNote::verify(&log.index, known.trust()).map_err(Error::wrap(known.label()))?;
    for found in [&note.name, &index.name] {
        if found != name {
            let (expected, found) = (name.clone(), found.clone());
            return Err(known.distrust(Distrust::OtherPackage { expected, found }));
        }
    }
    let tree = checkpoint.tree();
    if note.tree.size != tree.size {
        let sizes = Distrust::OtherTree { index: note.tree.size, checkpoint: tree.size };
        return Err(known.distrust(sizes));
    }
    if note.tree.root != tree.root {
        return Err(known.found().keep(&Lie {
            code: Code::LogFork,
            what: format!("the log has two different trees of {} entries", tree.size),
            proves: "The log has signed two roots for one size, one in a checkpoint and one in\n\
                     the index of a package. No honest log ever does."
                .to_owned(),
            parts: vec![("checkpoint", checkpoint.note()), ("signed index", &log.index)],
        }));
    }
    Ok(note)
}
