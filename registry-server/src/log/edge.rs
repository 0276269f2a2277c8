//! The right edge of the tree: all that is needed to append to it.

use mcpkg_core::log::{
    Frontier, Hash, Level, Node, TILE_WIDTH, TilePath, Tree, read_bundle, read_tile,
};

use super::error::LogError;
use super::files::LogFiles;

const HEIGHT: u8 = 8;

/// The tiles of a tree that are not full, in memory: a few kilobytes of hashes and
/// at most 255 entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    /// Of each level of tiles, the hashes of the last tile; fewer than 256.
    levels: Vec<Vec<Hash>>,
    /// The last bundle of entries.
    bundle: Vec<u8>,
}

/// A tile that has to be written.
pub(crate) type Tile = (TilePath, Vec<u8>);

impl Edge {
    /// Reads the edge of the tree of `size` entries, and checks that its entries and
    /// its hashes agree. Whether it is the right tree, its root tells. Blocks.
    pub(crate) fn load(files: &LogFiles, size: u64) -> Result<Self, LogError> {
        let damaged =
            |path: &TilePath, reason| LogError::Damaged { path: files.tile_path(path), reason };
        let last = |level| TilePath::of_tree(level, size_at(level, size) / TILE_WIDTH, size);
        let mut edge = Self { size, ..Self::default() };
        for level in 0..HEIGHT {
            if size_at(Level::Hashes(level), size) == 0 {
                break;
            }
            let hashes = match last(Level::Hashes(level)) {
                None => Vec::new(),
                Some(path) => {
                    let bytes = files.tile(path, size)?.unwrap_or_default();
                    read_tile(&path, &bytes).map_err(|_| damaged(&path, "it is no tile"))?
                }
            };
            edge.levels.push(hashes);
        }
        if let Some(path) = last(Level::Entries) {
            edge.bundle = files.tile(path, size)?.unwrap_or_default();
            let entries =
                read_bundle(&edge.bundle).map_err(|_| damaged(&path, "it is no bundle"))?;
            let hashes: Vec<Hash> = entries.into_iter().map(Hash::leaf).collect();
            if edge.levels.first() != Some(&hashes) {
                return Err(damaged(&path, "its entries are not those of the hashes"));
            }
        }
        Ok(edge)
    }

    /// How many entries the tree has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The entries of a bundle of the tree, which is in memory or full. Blocks.
    pub(crate) fn bundle(&self, files: &LogFiles, index: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let path = TilePath { level: Level::Entries, index, width: 256 };
        let damaged = |reason| LogError::Damaged { path: files.tile_path(&path), reason };
        let bytes = if index == self.size / TILE_WIDTH {
            self.bundle.clone()
        } else {
            files.tile(path, self.size)?.ok_or_else(|| damaged("it lies beyond the log"))?
        };
        let entries = read_bundle(&bytes).map_err(|_| damaged("it is no bundle"))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The tree, if it has this size.
    pub(crate) fn tree_at(&self, size: u64) -> Option<Tree> {
        (self.size == size).then(|| self.tree())
    }

    /// Size and root of the tree.
    pub(crate) fn tree(&self) -> Tree {
        self.frontier().tree()
    }

    /// The tree, to be grown without its tiles.
    pub(crate) fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::new();
        for (level, hashes) in (0..HEIGHT).zip(&self.levels).rev() {
            for &hash in hashes {
                frontier.push_subtree(level * HEIGHT, hash);
            }
        }
        frontier
    }

    /// Appends an entry of at most 65,535 bytes, and gives the tiles that are full
    /// now.
    pub(crate) fn append(&mut self, leaf: &[u8]) -> Vec<Tile> {
        let mut full = Vec::new();
        let index = self.size / TILE_WIDTH;
        let len = u16::try_from(leaf.len()).unwrap_or(u16::MAX);
        self.bundle.extend(len.to_be_bytes());
        self.bundle.extend(&leaf[..usize::from(len)]);
        self.size += 1;
        let mut hash = Hash::leaf(leaf);
        for level in 0..HEIGHT {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < 256 {
                break;
            }
            let mut frontier = Frontier::new();
            for &hash in hashes.iter() {
                frontier.push(hash);
            }
            hash = frontier.root();
            let index = index >> (u32::from(level) * u32::from(HEIGHT));
            let path = TilePath { level: Level::Hashes(level), index, width: 256 };
            full.push((path, bytes_of(&std::mem::take(hashes))));
            if level == 0 {
                let path = TilePath { level: Level::Entries, index, width: 256 };
                full.push((path, std::mem::take(&mut self.bundle)));
            }
        }
        full
    }

    /// The tiles that are not full, from the lowest level up.
    pub(crate) fn partial(&self) -> Vec<Tile> {
        let path =
            |level| TilePath::of_tree(level, size_at(level, self.size) / TILE_WIDTH, self.size);
        let mut tiles = Vec::new();
        tiles.extend(path(Level::Entries).map(|path| (path, self.bundle.clone())));
        for (level, hashes) in (0..HEIGHT).zip(&self.levels) {
            tiles.extend(path(Level::Hashes(level)).map(|path| (path, bytes_of(hashes))));
        }
        tiles
    }

    /// The levels of tiles there are.
    pub(crate) fn levels(&self) -> impl Iterator<Item = Level> + use<> {
        let levels = u8::try_from(self.levels.len()).unwrap_or(HEIGHT);
        std::iter::once(Level::Entries).chain((0..levels).map(Level::Hashes))
    }

    /// The hash of a node that lies within the last tile of a level.
    pub(crate) fn hash(&self, node: Node) -> Option<Hash> {
        let level = node.level / HEIGHT;
        let first = node.index << (node.level % HEIGHT);
        let start = size_at(Level::Hashes(level), self.size) / TILE_WIDTH * TILE_WIDTH;
        let first = usize::try_from(first.checked_sub(start)?).ok()?;
        let hashes = self.levels.get(usize::from(level))?;
        let hashes = hashes.get(first..first + (1 << (node.level % HEIGHT)))?;
        Some(fold(hashes))
    }
}

/// The root of the tree of these leaves.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for &hash in hashes {
        frontier.push(hash);
    }
    frontier.root()
}

/// How many hashes, or entries, a level of tiles has.
fn size_at(level: Level, size: u64) -> u64 {
    match level {
        Level::Entries => size,
        Level::Hashes(level) => size >> (u32::from(level) * u32::from(HEIGHT)),
    }
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
