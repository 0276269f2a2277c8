//! The log: what a registry has ever said, so that it cannot take it back.
//!
//! The state of a registry is an append-only Merkle tree of [`Entry`]s. Everything
//! here is pure: reading and checking what logs publish, and making it.
//!
//! | what | is | source |
//! |---|---|---|
//! | [`struct@Hash`], [`Tree`], proofs | RFC 6962 hashes, and proofs over them | RFC 9162 section 2.1 |
//! | [`SignedNote`] | text that keys have signed | C2SP signed-note |
//! | [`Checkpoint`] | the log's tree, signed by it and by witnesses | C2SP tlog-checkpoint, tlog-cosignature |
//! | [`Receipt`] | proof that an entry is in a checkpoint's tree | C2SP tlog-proof |
//! | [`AddCheckpoint`] | how a log asks a witness for its signature | C2SP tlog-witness |
//! | [`TilePath`], [`VerifiedTiles`] | the tree as static files | C2SP tlog-tiles |
//! | [`IndexNote`] | which entries are about a package, and that no others are | here |
//! | [`Succession`] | how a log gets a new key or a new name | here |
//! | [`Replay`] | what the entries amount to | here |
//!
//! A hash is believed when it was recomputed to a root that is signed, and never
//! because somebody sent it.

mod add_checkpoint;
mod base64;
mod checkpoint;
pub mod entry;
mod error;
mod hash;
mod index;
mod key;
mod merkle;
mod note;
mod receipt;
mod replay;
mod succession;
mod tile;

pub use add_checkpoint::{AddCheckpoint, AddCheckpointError, MAX_ADD_CHECKPOINT_LEN};
pub use checkpoint::{Checkpoint, LogTrust, Predecessor, SignedCheckpoint};
pub use entry::{BindingChange, Entry, EntryError, MAX_ENTRY_LEN, Publish, Rebuild, StatusChange};
pub use error::LogError;
pub use hash::{Hash, HashError};
pub use index::{EntryKind, IndexNote, IndexedEntry, IndexedEntryError};
pub use key::{Algorithm, KeyError, SigningKey, VerifierKey};
pub use merkle::{
    Frontier, MAX_TREE_SIZE, Node, ProofError, Tree, consistency_proof, inclusion_proof, root,
    verify_consistency, verify_inclusion,
};
pub use note::{MAX_NOTE_LEN, NoteError, SignatureLine, SignedNote, Verified};
pub use receipt::Receipt;
pub use replay::{LoggedPackage, Replay, ReplayError};
pub use succession::{Succession, follow};
pub use tile::{
    Level, TILE_WIDTH, TileError, TilePath, TilePathError, VerifiedTiles, read_bundle, read_tile,
    write_bundle,
};
