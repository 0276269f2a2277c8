//! Someone who reads, and believes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcpkg_core::Digest;
use mcpkg_core::log::{
    Hash, IndexNote, Level, LogTrust, Receipt, TILE_WIDTH, TilePath, Tree, read_bundle, read_tile,
    verify_consistency,
};

use crate::catalogue::{Catalogue, Known};
use crate::client::{Client, Failure};
use crate::random::Random;

/// A reader that keeps the newest tree it was shown, as a client does.
pub(crate) struct Reader {
    client: Client,
    trust: LogTrust,
    catalogue: Arc<Catalogue>,
    random: Random,
    tree: Tree,
    /// Every tree that it was shown, by size.
    seen: BTreeMap<u64, Hash>,
}

/// Why a reader is not content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Complaint {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("a reader was told {0}")]
    Lie(String),
}

impl Reader {
    pub(crate) fn new(
        client: Client,
        trust: LogTrust,
        catalogue: Arc<Catalogue>,
        random: Random,
    ) -> Self {
        let (tree, seen) = (Tree::empty(), BTreeMap::new());
        Self { client, trust, catalogue, random, tree, seen }
    }

    /// Every tree that it was shown, by size.
    pub(crate) fn into_seen(self) -> BTreeMap<u64, Hash> {
        self.seen
    }

    /// Reads something, and checks it.
    pub(crate) async fn read(&mut self) -> Result<(), Complaint> {
        let Some(known) = self.catalogue.pick(&mut self.random) else {
            return self.checkpoint().await;
        };
        match self.random.within(0..10) {
            0..5 => self.index(&known).await,
            5..7 => self.release(&known).await,
            7 => self.blob(&known).await,
            8 => self.checkpoint().await,
            _ => self.tile().await,
        }
    }

    /// Notes a tree that was shown; one size has one root.
    fn see(&mut self, tree: Tree) -> Result<(), Complaint> {
        match self.seen.insert(tree.size, tree.root) {
            Some(root) if root != tree.root => Err(lie(format!(
                "two roots of the tree of {}: {root} and {}",
                tree.size, tree.root
            ))),
            _ if tree.size < self.tree.size => {
                Err(lie(format!("a tree of {} after one of {}", tree.size, self.tree.size)))
            }
            _ => Ok(()),
        }
    }

    async fn index(&mut self, known: &Known) -> Result<(), Complaint> {
        let index = self.client.index(&known.name, self.tree.size).await?;
        let checkpoint = self.trust.verify_checkpoint(&index.log.checkpoint).map_err(lie)?;
        let note = IndexNote::verify(&index.log.index, &self.trust).map_err(lie)?;
        self.see(checkpoint.tree())?;
        let proof = index.log.consistency.ok_or_else(|| {
            lie(format!("no proof from {} to {}", self.tree.size, checkpoint.tree().size))
        })?;
        verify_consistency(&self.tree, &checkpoint.tree(), &proof).map_err(lie)?;
        self.tree = checkpoint.tree();
        let mut listed: Vec<u64> = index.releases.iter().map(|line| line.entry).collect();
        listed.sort_unstable();
        if note.tree != self.tree
            || note.entries.iter().map(|entry| entry.index).ne(listed.iter().copied())
        {
            return Err(lie(format!("an index that is not what it signs: {note:?}, {listed:?}")));
        }
        if index.releases.iter().all(|line| line.version.to_string() != known.version) {
            return Err(lie(format!("nothing of {}@{}", known.name, known.version)));
        }
        Ok(())
    }

    async fn release(&mut self, known: &Known) -> Result<(), Complaint> {
        let Known { name, version, .. } = known;
        let log = self.client.release(name, version, self.tree.size).await?.log;
        let receipt: Receipt = log.receipt.parse().map_err(lie)?;
        let signed = receipt.verify(log.entry.get().as_bytes(), &self.trust).map_err(lie)?;
        // A receipt of a tree that is newer than ours waits for the next contact.
        if signed.tree().size <= self.tree.size {
            let proof = log.consistency.ok_or_else(|| lie("a receipt without a proof"))?;
            verify_consistency(&signed.tree(), &self.tree, &proof).map_err(lie)?;
        }
        self.seen.insert(signed.tree().size, signed.tree().root);
        Ok(())
    }

    async fn blob(&mut self, known: &Known) -> Result<(), Complaint> {
        let found = Digest::of(&self.client.blob(known.blob).await?);
        if found == known.blob {
            Ok(())
        } else {
            Err(lie(format!("that {found} is {}", known.blob)))
        }
    }

    async fn checkpoint(&mut self) -> Result<(), Complaint> {
        let note = self.client.checkpoint().await?;
        let checkpoint = self.trust.verify_checkpoint(&note).map_err(lie)?;
        self.see(checkpoint.tree())
    }

    /// A bundle of entries and the hashes of it, which have to be of the same width
    /// as in the tree that was seen, however large the tree is by now.
    async fn tile(&mut self) -> Result<(), Complaint> {
        let size = self.tree.size;
        let Some(last) = size.checked_sub(1) else { return Ok(()) };
        let index = self.random.within(0..last / TILE_WIDTH + 1);
        let [Some(entries), Some(hashes)] =
            [Level::Entries, Level::Hashes(0)].map(|level| TilePath::of_tree(level, index, size))
        else {
            return Ok(());
        };
        let bundle = self.client.get(&format!("/v1/log/tile/{entries}")).await?;
        let tile = self.client.get(&format!("/v1/log/tile/{hashes}")).await?;
        let made: Vec<Hash> =
            read_bundle(&bundle).map_err(lie)?.into_iter().map(Hash::leaf).collect();
        let told = read_tile(&hashes, &tile).map_err(lie)?;
        if made == told { Ok(()) } else { Err(lie(format!("{hashes} and {entries} differ"))) }
    }
}

fn lie(what: impl std::fmt::Display) -> Complaint {
    Complaint::Lie(what.to_string())
}
