//! Tiles: the tree, and the entries, as static files.
//!
//! Whoever serves a tile can put anything into it. [`VerifiedTiles`] therefore
//! gives out only hashes that were recomputed to a root that was signed: first
//! the tiles of the right edge, which together give the root, and then every
//! other one from the hash that stands for it in the tile above.
//!
//! Source: C2SP tlog-tiles.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::merkle::{Frontier, Node};
use super::note::number;
use super::{Hash, MAX_TREE_SIZE, Tree};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// The height of the subtree that a full tile is.
const TILE_HEIGHT: u8 = 8;

/// What a tile is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Entries, each after its length.
    Entries,
    /// Hashes: of leaves at level 0, and above that, of the full tiles below.
    Hashes(u8),
}

/// Which tile, as the last part of its address: `0/x001/x234/067`, `1/000.p/17`,
/// `entries/000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it is made of.
    pub level: Level,
    /// Which of its level.
    pub index: u64,
    /// How wide it is: 256, or less for one that is not full.
    pub width: u16,
}

/// A text that is no address of a tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the path of a tile, such as `0/x001/x234/067` or `entries/000.p/17`")]
pub struct TilePathError;

/// Why a tile is not the one that belongs to the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// There is nothing in it.
    #[error("the tile `{0}` is empty")]
    Empty(String),
    /// It is not as long as its width says.
    #[error("the tile `{path}` has {found} bytes, expected {expected}")]
    Length {
        /// Which tile.
        path: String,
        /// How many bytes it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// Its hashes do not give the hash that stands for it.
    #[error("the tile `{0}` does not belong to the tree")]
    Hash(String),
    /// The bytes are not entries with their lengths.
    #[error("the bundle of entries ends within an entry")]
    Bundle,
    /// The node is not within the tree.
    #[error("the tree of {size} entries has no such node")]
    Node {
        /// How many entries there are.
        size: u64,
    },
}

impl TilePath {
    /// The tile at `index` of `level` of a tree of `size`, as wide as it is there;
    /// `None` where the tree has none.
    pub fn of_tree(level: Level, index: u64, size: u64) -> Option<Self> {
        let hashes = match level {
            Level::Entries => size,
            Level::Hashes(level) => hashes_at(level, size),
        };
        let width = hashes.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH);
        let width = u16::try_from(width).ok().filter(|&width| width > 0)?;
        Some(Self { level, index, width })
    }

    /// Whether it can still get wider.
    pub fn is_partial(&self) -> bool {
        u64::from(self.width) < TILE_WIDTH
    }

    /// The same tile when it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: u16::try_from(TILE_WIDTH).unwrap_or(u16::MAX), ..self }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Entries => f.write_str("entries")?,
            Level::Hashes(level) => write!(f, "{level}")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            let mark = if place == 0 { "" } else { "x" };
            write!(f, "/{mark}{group:03}")?;
        }
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        let (path, width) = match text.split_once(".p/") {
            None => (text, TILE_WIDTH),
            Some((path, width)) => {
                let width = number(width).filter(|width| (1..TILE_WIDTH).contains(width));
                (path, width.ok_or(TilePathError)?)
            }
        };
        let (level, path) = path.split_once('/').ok_or(TilePathError)?;
        let level = match level {
            "entries" => Level::Entries,
            level => {
                let level = number(level).filter(|&level| level < 64).ok_or(TilePathError)?;
                Level::Hashes(u8::try_from(level).map_err(|_| TilePathError)?)
            }
        };
        let mut index: u64 = 0;
        let groups: Vec<&str> = path.split('/').collect();
        for (place, group) in groups.iter().rev().enumerate().rev() {
            let digits = if place == 0 { Some(*group) } else { group.strip_prefix('x') };
            let is_group =
                |digits: &&str| digits.len() == 3 && digits.bytes().all(|c| c.is_ascii_digit());
            let group: u64 =
                digits.filter(is_group).and_then(|it| it.parse().ok()).ok_or(TilePathError)?;
            index = index
                .checked_mul(1000)
                .and_then(|it| it.checked_add(group))
                .ok_or(TilePathError)?;
        }
        let width = u16::try_from(width).map_err(|_| TilePathError)?;
        let path = Self { level, index, width };
        // `x000/001` is `001` with a zero in front.
        if index > MAX_TREE_SIZE || path.to_string() != text {
            Err(TilePathError)
        } else {
            Ok(path)
        }
    }
}

/// Takes a bundle of entries apart.
pub fn read_bundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>().ok_or(TileError::Bundle)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (entry, rest) = rest.split_at_checked(len).ok_or(TileError::Bundle)?;
        entries.push(entry);
        bytes = rest;
    }
    Ok(entries)
}

/// Puts entries into a bundle; `None` if one is longer than 65,535 bytes.
pub fn write_bundle<T: AsRef<[u8]>>(entries: impl IntoIterator<Item = T>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        bytes.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend(entry);
    }
    Some(bytes)
}

/// Takes a tile of hashes apart, which has to be as wide as its path says.
pub fn read_tile(path: &TilePath, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    if bytes.is_empty() {
        return Err(TileError::Empty(path.to_string()));
    }
    let expected = usize::from(path.width) * Hash::LEN;
    if bytes.len() != expected {
        let (path, found) = (path.to_string(), bytes.len());
        return Err(TileError::Length { path, found, expected });
    }
    let (hashes, _) = bytes.as_chunks::<{ Hash::LEN }>();
    Ok(hashes.iter().copied().map(Hash::from_bytes).collect())
}

/// The hashes of a tree, read from tiles that anybody may have made up.
///
/// `fetch` gives the bytes of a tile. Tiles are kept once they are proved, and
/// never before.
#[derive(Debug)]
pub struct VerifiedTiles<F> {
    tree: Tree,
    fetch: F,
    tiles: HashMap<(u8, u64), Vec<Hash>>,
    has_edge: bool,
}

impl<F, E> VerifiedTiles<F>
where
    F: FnMut(&TilePath) -> Result<Vec<u8>, E>,
    E: From<TileError>,
{
    /// The tiles of `tree`, whose root was signed.
    pub fn new(tree: Tree, fetch: F) -> Self {
        Self { tree, fetch, tiles: HashMap::new(), has_edge: false }
    }

    /// The hash of a complete subtree of the tree.
    ///
    /// # Errors
    ///
    /// What `fetch` fails with, and [`TileError`] if a tile on the way is not the
    /// one that belongs to the tree.
    pub fn hash(&mut self, node: Node) -> Result<Hash, E> {
        let outside = || TileError::Node { size: self.tree.size };
        // What the shift would lose is compared too: such an index has no end.
        let end = node.index.checked_add(1);
        let trees = self.tree.size.checked_shr(node.level.into()).unwrap_or(0);
        if end.is_none_or(|end| end > trees) {
            return Err(outside().into());
        }
        // The tile whose hashes make the node, and which of them do.
        let level = (node.level / TILE_HEIGHT).min(top_level(self.tree.size));
        let height = node.level - level * TILE_HEIGHT;
        let first = node.index << height;
        let (tile, offset) = (first / TILE_WIDTH, first % TILE_WIDTH);
        let hashes = self.tile(level, tile)?;
        let mut frontier = Frontier::new();
        for hash in hashes.iter().skip(usize::try_from(offset).unwrap_or(0)).take(1 << height) {
            frontier.push(*hash);
        }
        Ok(frontier.root())
    }

    /// A tile that was proved.
    fn tile(&mut self, level: u8, index: u64) -> Result<&Vec<Hash>, E> {
        if !self.has_edge {
            self.prove_edge()?;
        }
        // From the tile that is known down to the one that is wanted.
        let (mut known_level, mut known) = (level, index);
        while !self.tiles.contains_key(&(known_level, known)) {
            known_level += 1;
            known /= TILE_WIDTH;
        }
        while known_level > level {
            let below = known_level - 1;
            let child = index >> (u32::from(TILE_HEIGHT) * u32::from(below - level));
            let expected = self.tiles[&(known_level, known)]
                .get(usize::try_from(child % TILE_WIDTH).unwrap_or(usize::MAX))
                .copied()
                .ok_or(TileError::Node { size: self.tree.size })?;
            let path = TilePath { level: Level::Hashes(below), index: child, width: 256 };
            let hashes = read_tile(&path, &(self.fetch)(&path)?)?;
            let mut frontier = Frontier::new();
            for &hash in &hashes {
                frontier.push(hash);
            }
            if frontier.root() != expected {
                return Err(TileError::Hash(path.to_string()).into());
            }
            self.tiles.insert((below, child), hashes);
            (known_level, known) = (below, child);
        }
        Ok(&self.tiles[&(level, index)])
    }

    /// Reads the last tile of every level that is not full, which together give
    /// the root. A full one is a hash in the tile above, and the top tile counts.
    fn prove_edge(&mut self) -> Result<(), E> {
        let size = self.tree.size;
        let mut edge = Vec::new();
        let mut frontier = Frontier::new();
        for level in (0..=top_level(size)).rev() {
            let index = (hashes_at(level, size) - 1) / TILE_WIDTH;
            let path = TilePath::of_tree(Level::Hashes(level), index, size)
                .ok_or(TileError::Node { size })?;
            if !path.is_partial() && index != 0 {
                continue;
            }
            let hashes = read_tile(&path, &(self.fetch)(&path)?)?;
            for &hash in &hashes {
                frontier.push_subtree(level * TILE_HEIGHT, hash);
            }
            edge.push((path, (level, index), hashes));
        }
        if frontier.tree() != self.tree {
            let paths: Vec<String> = edge.iter().map(|(path, ..)| path.to_string()).collect();
            return Err(TileError::Hash(paths.join("`, `")).into());
        }
        self.tiles.extend(edge.into_iter().map(|(_, key, hashes)| (key, hashes)));
        self.has_edge = true;
        Ok(())
    }
}

/// How many hashes a level of tiles has for a tree of `size`.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

/// The lowest level that is a single tile for a tree of `size`.
fn top_level(size: u64) -> u8 {
    (0..u8::MAX).find(|&level| hashes_at(level, size) <= TILE_WIDTH).unwrap_or(u8::MAX)
}
