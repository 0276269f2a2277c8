//! Any bytes, as a receipt.
//!
//! - Reading does not panic, and what is read is read again as itself.
//! - Nothing but the seed's index, proof and signed checkpoint proves the seed's
//!   entry, and nothing at all proves another one.
//!
//! Bytes that are changed at random are rarely base64, so the same bytes are
//! also tried as the hashes of a proof, at an index that they choose.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::log::{Hash, LogTrust, Receipt, SignedNote};

const LEAF: &[u8] = include_bytes!("../seeds/receipt/leaf");

static SEED: LazyLock<Receipt> = LazyLock::new(|| {
    let seed = include_str!("../seeds/receipt/plain").parse();
    let seed: Receipt = seed.expect("it is a receipt");
    assert!(seed.verify(LEAF, &TRUST).is_ok(), "the seed verifies");
    seed
});

static TRUST: LazyLock<LogTrust> = LazyLock::new(|| {
    LogTrust::new(include_str!("../seeds/note/vkey").parse().expect("it is a key"))
});

/// The signed part of a receipt's checkpoint.
fn signed(receipt: &Receipt) -> String {
    let note = SignedNote::parse(receipt.checkpoint.as_bytes()).expect("what verifies is a note");
    note.text().to_owned()
}

fn check(receipt: &Receipt, bytes: &[u8]) {
    if receipt.verify(LEAF, &TRUST).is_ok() {
        assert_eq!((receipt.index, &receipt.proof), (SEED.index, &SEED.proof));
        assert_eq!(signed(receipt), signed(&SEED));
    }
    // The log has other entries, and these bytes are none of them.
    assert!(bytes == LEAF || receipt.verify(bytes, &TRUST).is_err());
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(receipt) = text.parse::<Receipt>()
    {
        assert_eq!(receipt.to_string().parse().as_ref(), Ok(&receipt));
        check(&receipt, bytes);
    }
    let Some((&index, hashes)) = bytes.split_first() else { return };
    let (hashes, _) = hashes.as_chunks::<{ Hash::LEN }>();
    let proof = hashes.iter().copied().map(Hash::from_bytes).collect();
    let index = u64::from(index);
    check(&Receipt { index, proof, checkpoint: SEED.checkpoint.clone() }, bytes);
});
