//! What holds for any tree, and for any change of one byte.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{Tree, noise, pack, tree_digest, unpack};
use crate::{Digest, TreeHasher};

fn trees() -> impl Strategy<Value = Tree> {
    let content = prop_oneof![
        vec(any::<u8>(), 0..200),
        // Compresses, and crosses the buffers.
        (any::<u32>(), 0_usize..150_000).prop_map(|(seed, len)| {
            noise(seed | 1).flat_map(|x| [b"abcd"[x as usize % 4]; 3]).take(len).collect()
        }),
        (0_usize..100_000).prop_map(|len| vec![0; len]),
    ];
    let name = "[a-e][a-c.é日-]{0,3}[a-c]";
    btree_map((name, name), (content, any::<bool>()), 0..8).prop_map(|files| {
        // A prefix for folders and a suffix for files keep them apart.
        files
            .into_iter()
            .map(|((folder, file), content)| (format!("{folder}_d/{file}_f"), content))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_tree_comes_back_from_its_archive(tree in trees()) {
        let mut hasher = TreeHasher::default();
        for (name, (content, is_executable)) in &tree {
            hasher.add(name.as_str(), Digest::of(content), *is_executable);
        }
        let packed = pack(&tree);
        prop_assert!(unpack(&packed.output).unwrap() == tree);
        prop_assert_eq!(packed.tree, hasher.finish());
        prop_assert_eq!(tree_digest(&packed.output).unwrap(), packed.tree);
    }
}

/// The only bytes of an archive that nothing else repeats are those of the
/// mode, so a change of one may make a file executable. Any other change must
/// not go unnoticed, unless it means nothing.
#[test]
fn no_change_of_one_byte_gives_another_tree() {
    let tree = Tree::from(
        [
            (
                "manifest.json",
                &br#"{"manifest_version":"0.3","name":"a","version":"1.0.0"}"#[..],
                false,
            ),
            ("server/index.js", &b"console.log('hello');".repeat(9), false),
            ("server/run", b"#!/bin/sh", true),
        ]
        .map(|(name, content, is_executable)| (name.to_owned(), (content.to_vec(), is_executable))),
    );
    let bytes = pack(&tree).output;
    let modes = mode_bytes(&bytes);
    for at in 0..bytes.len() {
        for change in 1..=255 {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let Ok(mut changed) = unpack(&bytes) else { continue };
            if modes.contains(&at) {
                for (file, original) in changed.values_mut().zip(tree.values()) {
                    file.1 = original.1;
                }
            }
            assert!(changed == tree, "byte {at} ^ {change:#04x} gave another tree");
        }
    }
}

/// Where the Unix modes of an archive are, the lower byte of each.
fn mode_bytes(bytes: &[u8]) -> Vec<usize> {
    bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| window == b"PK\x01\x02")
        .map(|(at, _)| at + 40)
        .collect()
}
