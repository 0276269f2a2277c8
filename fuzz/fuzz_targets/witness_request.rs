//! Any bytes, as what a log asks of a witness.
//!
//! - Reading does not panic.
//! - What is read is written in the same bytes.
//! - What is read keeps within the bounds of the specification.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::log::verify_consistency;
use mcpkg_core::log::{AddCheckpoint, MAX_ADD_CHECKPOINT_LEN, MAX_TREE_SIZE, Tree};

fuzz_target!(|bytes: &[u8]| {
    let Ok((request, checkpoint)) = AddCheckpoint::parse(bytes) else { return };
    assert_eq!(request.to_string().as_bytes(), bytes);
    assert!(bytes.len() <= MAX_ADD_CHECKPOINT_LEN);
    assert!(request.proof.len() <= 63);
    assert!(request.old_size <= MAX_TREE_SIZE && checkpoint.tree.size <= MAX_TREE_SIZE);
    assert!(request.checkpoint.text().starts_with(&checkpoint.to_text()));

    // Sizes and proof are as foreign as the rest; only a proof of nothing holds
    // from the empty tree.
    let holds = verify_consistency(&Tree::empty(), &checkpoint.tree, &request.proof).is_ok();
    assert_eq!(holds, request.proof.is_empty());
});
