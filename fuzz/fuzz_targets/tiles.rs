//! Any bytes, as a bundle of entries, as the path of a tile, and as whoever
//! serves tiles.
//!
//! - Reading does not panic, and what is read is written in the same bytes.
//! - Whatever the server of the tiles does, a hash that is given out is the one
//!   of the tree, and lies do not outlast themselves: the same reader, served
//!   honestly, goes on to the true hash.
//!
//! As a server the bytes are: the size of the tree (3), the level (1) and index
//! (3) of the node that is asked for, and then for each tile that is fetched a
//! byte that says what is done to it, with what that needs.

#![no_main]

use std::cell::RefCell;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::log::{
    Frontier, Hash, Level, LogError, Node, TILE_WIDTH, TilePath, Tree, VerifiedTiles, read_bundle,
    write_bundle,
};

/// The largest tree: three levels of tiles, each of the upper two with an edge.
const LARGEST: u64 = 66_100;

struct Grove {
    // By level, from the leaves up.
    nodes: Vec<Vec<Hash>>,
}

static GROVE: LazyLock<Grove> = LazyLock::new(|| {
    let leaves = (0..LARGEST).map(|index| Hash::leaf(&index.to_be_bytes())).collect();
    let mut nodes: Vec<Vec<Hash>> = vec![leaves];
    while let Some(below) = nodes.last()
        && below.len() > 1
    {
        let (pairs, _) = below.as_chunks::<2>();
        let parents = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
        nodes.push(parents);
    }
    Grove { nodes }
});

impl Grove {
    fn node(&self, node: Node) -> Option<Hash> {
        let level = self.nodes.get(usize::from(node.level))?;
        level.get(usize::try_from(node.index).ok()?).copied()
    }

    /// The node, if the tree of the first `size` leaves has it.
    fn node_of(&self, node: Node, size: u64) -> Option<Hash> {
        let is_inside = node.index < size.checked_shr(node.level.into()).unwrap_or(0);
        self.node(node).filter(|_| is_inside)
    }

    fn tree(&self, size: u64) -> Tree {
        let mut read = |node| self.node(node).ok_or(());
        Frontier::read(size, &mut read).expect("it is not larger than the largest").tree()
    }

    fn tile(&self, path: &TilePath) -> Vec<u8> {
        let Level::Hashes(level) = path.level else { return Vec::new() };
        let first = path.index.saturating_mul(TILE_WIDTH);
        let nodes = (first..first + u64::from(path.width))
            .filter_map(|index| self.node(Node { level: level * 8, index }));
        nodes.flat_map(|hash| *hash.as_bytes()).collect()
    }
}

/// Takes numbers from the front of the bytes; zeros after their end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u64 {
        (0..3).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// What the server answers instead of `honest`.
    fn serve(&mut self, honest: Vec<u8>) -> Vec<u8> {
        let mut tile = honest;
        match self.byte() % 8 {
            1 => {
                let place = usize::try_from(self.number()).unwrap_or(0) % tile.len().max(1);
                let change = self.byte();
                if let Some(byte) = tile.get_mut(place) {
                    *byte ^= change;
                }
            }
            2 => tile = self.0.to_vec(),
            3 => tile.truncate(usize::from(self.byte()) * Hash::LEN),
            4 => tile.extend_from_slice(&[self.byte(); Hash::LEN]),
            5 => {
                let width = u16::from(self.byte()) + 1;
                let level = Level::Hashes(self.byte() % 3);
                tile = GROVE.tile(&TilePath { level, index: self.number(), width });
            }
            6 => {
                let middle = Hash::LEN.min(tile.len());
                tile.rotate_left(middle);
            }
            7 => tile.clear(),
            _ => (),
        }
        tile
    }
}

fn serve(bytes: &[u8]) {
    let mut script = Script(bytes);
    let size = script.number() % (LARGEST + 1);
    let node = Node { level: script.byte(), index: script.number() };
    // Empty once the server is honest.
    let script = RefCell::new(script);
    let mut tiles = VerifiedTiles::new(GROVE.tree(size), |path: &TilePath| {
        Ok::<_, LogError>(script.borrow_mut().serve(GROVE.tile(path)))
    });
    if let Ok(hash) = tiles.hash(node) {
        assert_eq!(Some(hash), GROVE.node_of(node, size), "it is not of the tree");
    }
    script.borrow_mut().0 = &[];
    assert_eq!(tiles.hash(node).ok(), GROVE.node_of(node, size), "it is of the tree");
}

fuzz_target!(|bytes: &[u8]| {
    serve(bytes);
    if let Ok(entries) = read_bundle(bytes) {
        assert_eq!(write_bundle(entries).as_deref(), Some(bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = text.parse::<TilePath>()
    {
        assert_eq!(path.to_string(), text);
        assert!((1..=256).contains(&path.width));
    }
});
