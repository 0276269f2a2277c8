//! Keys that never change, and what they sign.

use mcpkg_core::log::{Checkpoint, LogTrust, Receipt, SignedNote, SigningKey, Tree, VerifierKey};

use crate::grove::Grove;

/// The log of these tests.
pub(crate) const ORIGIN: &str = "registry.example/log";

/// 2026-08-01T00:00:00Z, in seconds since 1970.
pub(crate) const TIME_S: u64 = 1_785_542_400;

/// The key that the log of these tests signs with.
pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

/// The key of the witness of that number.
pub(crate) fn witness(number: u8) -> SigningKey {
    let name = format!("witness{number}.example");
    SigningKey::from_seed(&name, [100 + number; 32]).unwrap()
}

pub(crate) fn cosigner(key: &SigningKey) -> VerifierKey {
    key.verifier().as_cosigner()
}

/// Trust in the log, and in one of two witnesses.
pub(crate) fn trust() -> LogTrust {
    LogTrust {
        witnesses: vec![cosigner(&witness(1)), cosigner(&witness(2))],
        quorum: 1,
        ..LogTrust::new(log_key().verifier())
    }
}

/// A checkpoint of `tree` as a log publishes it, with one witness.
pub(crate) fn checkpoint(tree: Tree) -> String {
    let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
    let key = log_key();
    let lines = [key.sign(&text), key.cosign(&text, TIME_S), witness(1).cosign(&text, TIME_S)];
    SignedNote::new(text, lines.to_vec()).to_string()
}

/// The receipt of the leaf at `index` in the tree of `size`.
pub(crate) fn receipt(grove: &Grove, index: u64, size: u64) -> Receipt {
    let checkpoint = checkpoint(*grove.tree(size));
    Receipt { index, proof: grove.inclusion(index, size), checkpoint }
}
