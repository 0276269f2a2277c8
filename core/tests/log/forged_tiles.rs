//! Tiles of which one byte is another one.
//!
//! A reader that believes the tiles it is given has been a hole elsewhere
//! (CVE-2026-56865), so this is about what [`VerifiedTiles`] gives out, and not
//! only about whether it fails.

use std::cell::Cell;

use mcpkg_core::log::{Level, LogError, Node, TileError, TilePath, VerifiedTiles};
use mcpkg_core::{Code, Coded as _};

use crate::grove::{Grove, LARGEST, flipped, sizes};

/// Around powers of two and the boundaries of tiles.
const SOME: [u64; 12] = [1, 2, 3, 5, 9, 17, 33, 65, 129, 255, 256, 257];

/// A node for whose hash the tile has to be read: the middle one of its hashes.
fn node_in(path: &TilePath, level: u8) -> Node {
    Node { level: level * 8, index: path.index * 256 + u64::from(path.width) / 2 }
}

fn level_of(path: &TilePath) -> u8 {
    match path.level {
        Level::Hashes(level) => level,
        Level::Entries => panic!("{path} has no hashes"),
    }
}

#[test]
fn no_byte_of_any_tile_can_be_another() {
    let grove = Grove::of_size(LARGEST);
    let (mut refused, mut unread) = (0_u64, 0_u64);
    for size in sizes(&SOME) {
        for path in Grove::tile_paths(size) {
            let honest = grove.tile(&path);
            let node = node_in(&path, level_of(&path));
            for place in 0..honest.len() {
                let was_read = Cell::new(false);
                let mut tiles = VerifiedTiles::new(*grove.tree(size), |asked: &TilePath| {
                    was_read.set(was_read.get() || *asked == path);
                    let is_forged = *asked == path;
                    let bytes = if is_forged { flipped(&honest, place) } else { grove.tile(asked) };
                    Ok::<_, LogError>(bytes)
                });
                match tiles.hash(node) {
                    Err(error) => {
                        assert!(matches!(error, LogError::Tile(TileError::Hash(_))), "{error:?}");
                        assert_eq!(error.code(), Code::LogTile);
                        refused += 1;
                    }
                    // The tile above a single full one repeats what is below it.
                    Ok(hash) => {
                        assert!(!was_read.get(), "byte {place} of {path} at {size}");
                        assert_eq!(hash, grove.node(node));
                        unread += 1;
                    }
                }
            }
        }
    }
    eprintln!("{refused} changed bytes refused, {unread} in tiles that nothing needs");
    assert!(refused > 32 * unread);
}

#[test]
fn every_hash_read_from_honest_tiles_is_the_true_one() {
    let grove = Grove::of_size(LARGEST);
    for size in 1..=LARGEST {
        let fetch = |path: &TilePath| Ok::<_, LogError>(grove.tile(path));
        let mut tiles = VerifiedTiles::new(*grove.tree(size), fetch);
        for node in grove.nodes(size) {
            assert_eq!(tiles.hash(node).unwrap(), grove.node(node), "{node:?} of {size}");
        }
    }
}

/// What was refused is not remembered: the same reader goes on with the honest
/// tile, asks for it anew, and has the true hash.
#[test]
fn a_refused_tile_is_not_kept() {
    let grove = Grove::of_size(LARGEST);
    for path in Grove::tile_paths(LARGEST) {
        let asks = Cell::new(0);
        let mut tiles = VerifiedTiles::new(*grove.tree(LARGEST), |asked: &TilePath| {
            let honest = grove.tile(asked);
            if *asked != path {
                return Ok::<_, LogError>(honest);
            }
            asks.set(asks.get() + 1);
            Ok(if asks.get() == 1 { flipped(&honest, 0) } else { honest })
        });
        let node = node_in(&path, level_of(&path));
        assert_eq!(tiles.hash(node).unwrap_err().code(), Code::LogTile, "{path}");
        assert_eq!(tiles.hash(node).unwrap(), grove.node(node), "{path}");
        assert_eq!(asks.get(), 2, "{path}");
    }
}

type Change = fn(&mut Vec<u8>);

#[test]
fn tiles_of_another_shape_are_refused() {
    let grove = Grove::of_size(LARGEST);
    let rows: [(&str, Change, Code); 6] = [
        ("empty", |tile| tile.clear(), Code::LogEmpty),
        ("a byte too few", |tile| tile.truncate(tile.len() - 1), Code::LogTile),
        ("a byte too many", |tile| tile.push(0), Code::LogTile),
        ("a hash too few", |tile| tile.truncate(tile.len() - 32), Code::LogTile),
        ("a hash too many", |tile| tile.extend([0; 32]), Code::LogTile),
        ("its first two hashes swapped", |tile| tile[..64].rotate_left(32), Code::LogTile),
    ];
    for path in Grove::tile_paths(LARGEST) {
        let node = node_in(&path, level_of(&path));
        for (what, change, code) in rows {
            let mut tiles = VerifiedTiles::new(*grove.tree(LARGEST), |asked: &TilePath| {
                let mut bytes = grove.tile(asked);
                if *asked == path {
                    change(&mut bytes);
                }
                Ok::<_, LogError>(bytes)
            });
            assert_eq!(tiles.hash(node).unwrap_err().code(), code, "{path} is {what}");
        }
    }
}

/// The tile of one place at another, each of them honest.
#[test]
fn a_tile_from_elsewhere_is_refused() {
    let grove = Grove::of_size(LARGEST);
    let first: TilePath = "0/000".parse().unwrap();
    let second: TilePath = "0/001".parse().unwrap();
    for (asked_for, served) in [(first, second), (second, first)] {
        let mut tiles = VerifiedTiles::new(*grove.tree(LARGEST), |asked: &TilePath| {
            Ok::<_, LogError>(grove.tile(if *asked == asked_for { &served } else { asked }))
        });
        let error = tiles.hash(node_in(&asked_for, 0)).unwrap_err();
        assert_eq!(error.code(), Code::LogTile, "{asked_for}");
    }
}

#[test]
fn a_node_that_the_tree_has_not_is_refused_unread() {
    let grove = Grove::of_size(LARGEST);
    let unread = |path: &TilePath| -> Result<Vec<u8>, LogError> { panic!("{path} was read") };
    for (size, level, index) in [
        (0, 0, 0),
        (1, 0, 1),
        (1, 1, 0),
        (600, 0, 600),
        (600, 3, 75),
        (600, 9, 1),
        (600, 10, 0),
        (600, 53, 0),
        (600, 64, 0),
        (600, u8::MAX, 0),
        (600, 0, u64::MAX),
        // Shifted left, the end of these is a number within the tree.
        (600, 4, 1 << 60),
        (600, 8, 1 << 56),
        (600, 9, (1 << 55) - 1),
        (600, 52, 1 << 12),
    ] {
        let error = VerifiedTiles::new(*grove.tree(size), unread).hash(Node { level, index });
        let error = error.unwrap_err();
        let is_outside =
            matches!(error, LogError::Tile(TileError::Node { size: of }) if of == size);
        assert!(is_outside, "{level}, {index} of {size}: {error:?}");
    }
}
