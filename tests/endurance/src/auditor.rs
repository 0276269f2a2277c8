//! Whoever remembers everything that the registry ever said.
//!
//! The auditor follows the log as anybody can: it reads every entry once, builds
//! the tree from them on its own, and holds whatever the registry says to that.
//! What was acknowledged to a publisher it never forgets.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mcpkg_core::Digest;
use mcpkg_core::api::{PackageIndex, ReleaseDocument};
use mcpkg_core::log::{
    Entry, Frontier, Hash, IndexNote, Level, LogTrust, Publish, Receipt, Replay, TILE_WIDTH,
    TilePath, Tree, read_bundle, verify_consistency,
};

use crate::client::Client;
use crate::random::Random;

/// How many requests an audit sends at once.
const AT_ONCE: usize = 8;

/// What is wrong with a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Something that was acknowledged is not there as it was.
    Lost(String),
    /// Something is there in part.
    HalfVisible(String),
    /// Anything else that may not be.
    Wrong(String),
}

/// What of the older releases is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// So many.
    Sample(usize),
}

/// Everything that is known of a log.
pub(crate) struct Auditor {
    trust: LogTrust,
    frontier: Frontier,
    /// The root of the tree of each size.
    roots: Vec<Hash>,
    entries: Vec<(Vec<u8>, Publish)>,
    /// The entries of each package.
    packages: BTreeMap<String, Vec<u64>>,
    replay: Replay,
    /// The receipts that publishers hold, by entry.
    acknowledged: BTreeMap<u64, Acknowledged>,
}

/// What a publisher holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Acknowledged {
    name: String,
    version: String,
    receipt: String,
}

impl Auditor {
    pub(crate) fn new(trust: LogTrust) -> Self {
        Self {
            trust,
            frontier: Frontier::new(),
            roots: vec![Hash::empty_root()],
            entries: Vec::new(),
            packages: BTreeMap::new(),
            replay: Replay::default(),
            acknowledged: BTreeMap::new(),
        }
    }

    /// Whose signatures the log's are.
    pub(crate) fn trust(&self) -> &LogTrust {
        &self.trust
    }

    /// How many entries are known.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// How many releases were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Remembers that a publish was answered with this release.
    pub(crate) fn remember(&mut self, document: &ReleaseDocument) -> Result<(), Finding> {
        let wrong = |reason: String| Finding::Wrong(format!("an acknowledgement: {reason}"));
        let receipt: Receipt =
            document.log.receipt.parse().map_err(|error| wrong(format!("{error}")))?;
        receipt
            .verify(document.log.entry.get().as_bytes(), &self.trust)
            .map_err(|error| wrong(format!("{error}")))?;
        let acknowledged = Acknowledged {
            name: document.name.to_string(),
            version: document.version.to_string(),
            receipt: document.log.receipt.clone(),
        };
        match self.acknowledged.insert(receipt.index, acknowledged.clone()) {
            Some(before) if before != acknowledged => Err(wrong(format!(
                "entry {} was acknowledged with two receipts:\n{before:?}\n{acknowledged:?}",
                receipt.index
            ))),
            _ => Ok(()),
        }
    }

    /// Holds the registry to everything that is known: what is new since the last
    /// audit, each tree in `seen`, and of what is older, as much as `scope` says.
    pub(crate) async fn audit(
        &mut self,
        client: &Client,
        seen: &BTreeMap<u64, Hash>,
        scope: Scope,
        random: &mut Random,
    ) -> Vec<Finding> {
        let known = self.size();
        let tree = match self.follow(client).await {
            Ok(tree) => tree,
            Err(finding) => return vec![finding],
        };
        let mut findings = Vec::new();
        for (&size, root) in seen {
            let ours = self.tree_of(size).map(|tree| tree.root);
            if ours != Some(*root) {
                let reason = format!("a tree of {size} was seen with root {root}, not {ours:?}");
                findings.push(Finding::Wrong(reason));
            }
        }
        for (&index, acknowledged) in self.acknowledged.range(known..) {
            if index >= tree.size {
                findings.push(Finding::Lost(format!(
                    "{}@{}: entry {index} of a log of {}",
                    acknowledged.name, acknowledged.version, tree.size
                )));
            }
        }
        let mut entries: BTreeSet<u64> = (known..tree.size).collect();
        match scope {
            Scope::All => entries.extend(0..known),
            Scope::Sample(_) if known == 0 => (),
            Scope::Sample(count) => entries.extend((0..count).map(|_| random.within(0..known))),
        }
        let names: BTreeSet<&str> =
            entries.iter().filter_map(|&index| self.name_of(index)).collect();
        let sizes: Vec<u64> = seen.keys().copied().collect();
        let seen: Vec<u64> =
            names.iter().map(|_| random.pick(&sizes).copied().unwrap_or(0)).collect();
        let indexes = stream::iter(names.into_iter().zip(seen))
            .map(|(name, seen)| self.check_index(client, name, seen, tree))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>();
        findings.extend(indexes.await.into_iter().filter_map(Result::err));
        let releases = stream::iter(entries)
            .map(|index| self.check_release(client, index, tree))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>();
        findings.extend(releases.await.into_iter().filter_map(Result::err));
        findings
    }

    fn name_of(&self, index: u64) -> Option<&str> {
        Some(self.entry(index)?.1.name.as_str())
    }

    fn entry(&self, index: u64) -> Option<&(Vec<u8>, Publish)> {
        self.entries.get(usize::try_from(index).ok()?)
    }

    fn tree_of(&self, size: u64) -> Option<Tree> {
        let root = *self.roots.get(usize::try_from(size).ok()?)?;
        Some(Tree { size, root })
    }

    /// Reads the entries that are new, and gives the tree that they make, which is
    /// the newest checkpoint's.
    async fn follow(&mut self, client: &Client) -> Result<Tree, Finding> {
        let wrong = |reason: String| Finding::Wrong(format!("the log: {reason}"));
        let checkpoint = client.checkpoint().await.map_err(|error| wrong(error.to_string()))?;
        let checkpoint = self
            .trust
            .verify_checkpoint(&checkpoint)
            .map_err(|error| wrong(format!("{error}: {checkpoint}")))?;
        let (tree, known) = (checkpoint.tree(), self.size());
        if tree.size < known {
            return Err(wrong(format!("it has {} entries, and had {known}", tree.size)));
        }
        let paths = (known / TILE_WIDTH..tree.size.div_ceil(TILE_WIDTH))
            .filter_map(|index| TilePath::of_tree(Level::Entries, index, tree.size));
        let bundles: Vec<(u64, Vec<u8>)> = stream::iter(paths)
            .map(|path| async move {
                let bytes = client.get(&format!("/v1/log/tile/{path}")).await;
                bytes.map(|bytes| (path.index * TILE_WIDTH, bytes))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| wrong(error.to_string()))?;
        for (first, bytes) in bundles {
            let leaves = read_bundle(&bytes).map_err(|error| wrong(error.to_string()))?;
            for (index, leaf) in (first..).zip(leaves).filter(|&(index, _)| index >= known) {
                self.append(index, leaf).map_err(wrong)?;
            }
        }
        if self.frontier.tree() == tree {
            Ok(tree)
        } else {
            Err(wrong(format!(
                "{tree:?} is signed, and its entries make {:?}",
                self.frontier.tree()
            )))
        }
    }

    fn append(&mut self, index: u64, leaf: &[u8]) -> Result<(), String> {
        let entry = Entry::parse(leaf).map_err(|error| error.to_string())?;
        self.replay.apply(index, &entry).map_err(|error| error.to_string())?;
        let Entry::Publish(publish) = entry else {
            return Err("nothing here states anything".to_owned());
        };
        self.frontier.push(Hash::leaf(leaf));
        self.roots.push(self.frontier.root());
        self.packages.entry(publish.name.to_string()).or_default().push(index);
        self.entries.push((leaf.to_vec(), publish));
        Ok(())
    }

    /// Checks that the index of a package lists its entries, all of them, and proves
    /// that nothing that was seen was taken back.
    async fn check_index(
        &self,
        client: &Client,
        name: &str,
        seen: u64,
        tree: Tree,
    ) -> Result<(), Finding> {
        let found = client.index(name, seen).await;
        let index = found.map_err(|error| Finding::HalfVisible(error.to_string()))?;
        let wrong = |reason: String| Finding::Wrong(format!("the index of {name}: {reason}"));
        let PackageIndex { releases, log, .. } = index;
        let checkpoint = self.trust.verify_checkpoint(&log.checkpoint);
        let checkpoint = checkpoint.map_err(|error| wrong(error.to_string()))?;
        let note = IndexNote::verify(&log.index, &self.trust);
        let note = note.map_err(|error| wrong(error.to_string()))?;
        if note.tree != tree || checkpoint.tree() != tree || note.name.as_str() != name {
            return Err(wrong(format!("it is of {:?}, expected {tree:?}", note.tree)));
        }
        let old = self.tree_of(seen).ok_or_else(|| wrong(format!("{seen} was never seen")))?;
        verify_consistency(&old, &tree, &log.consistency.unwrap_or_default())
            .map_err(|error| wrong(format!("from {seen}: {error}")))?;
        let mut listed: Vec<u64> = releases.iter().map(|line| line.entry).collect();
        listed.sort_unstable();
        let ours = self.packages.get(name).map_or(&[][..], Vec::as_slice);
        if note.entries.iter().map(|entry| entry.index).ne(ours.iter().copied()) || listed != ours {
            return Err(Finding::HalfVisible(format!(
                "{name} has entries {ours:?}, its index signs {:?} and lists {listed:?}",
                note.entries
            )));
        }
        Ok(())
    }

    /// Checks that a release is served whole, with the receipt that its publisher
    /// holds.
    async fn check_release(&self, client: &Client, index: u64, tree: Tree) -> Result<(), Finding> {
        let acknowledged = self.acknowledged.get(&index);
        let whole = self.whole_release(client, index, tree).await;
        match (whole, acknowledged) {
            (Ok(_), None) => Ok(()),
            (Err(reason), None) => Err(Finding::HalfVisible(reason)),
            (Err(reason), Some(_)) => Err(Finding::Lost(reason)),
            (Ok(document), Some(acknowledged)) => {
                let served = Acknowledged {
                    name: document.name.to_string(),
                    version: document.version.to_string(),
                    receipt: document.log.receipt,
                };
                if served == *acknowledged {
                    return Ok(());
                }
                Err(Finding::Lost(format!("acknowledged {acknowledged:?}, serves {served:?}")))
            }
        }
    }

    /// A release, if everything about it is there and belongs together.
    async fn whole_release(
        &self,
        client: &Client,
        index: u64,
        tree: Tree,
    ) -> Result<ReleaseDocument, String> {
        let (leaf, publish) = self.entry(index).ok_or("there is no such entry")?;
        let (name, version) = (publish.name.as_str(), publish.version.to_string());
        let document = client.release(name, &version, tree.size).await;
        let document = document.map_err(|error| error.to_string())?;
        let receipt: Receipt =
            document.log.receipt.parse().map_err(|error| format!("{name}@{version}: {error}"))?;
        let signed = receipt.verify(leaf, &self.trust);
        let signed = signed.map_err(|error| format!("{name}@{version}: {error}"))?;
        let proof = document.log.consistency.clone().unwrap_or_default();
        verify_consistency(&signed.tree(), &tree, &proof)
            .map_err(|error| format!("{name}@{version}: {error}"))?;

        let evidence: Vec<Digest> = document
            .evidence
            .iter()
            .map(|bundle| Digest::of(bundle.bundle.get().trim().as_bytes()))
            .collect();
        let is_whole = receipt.index == index
            && self.tree_of(signed.tree().size) == Some(signed.tree())
            && document.log.entry.get().as_bytes() == leaf
            && document.name == publish.name
            && document.version == publish.version
            && Digest::of(document.server_json.get().as_bytes()) == publish.metadata
            && document.artifacts == publish.artifacts
            && evidence == publish.evidence;
        if !is_whole {
            return Err(format!("{name}@{version} is not as it was logged: {document:?}"));
        }
        let artifacts = publish.artifacts.iter().map(|artifact| artifact.digest);
        for digest in artifacts.chain(evidence).chain([publish.metadata]) {
            let blob =
                client.blob(digest).await.map_err(|error| format!("{name}@{version}: {error}"))?;
            if Digest::of(&blob) != digest {
                return Err(format!("{name}@{version}: other bytes are served as {digest}"));
            }
        }
        Ok(document)
    }
}
