//! The log, proved from outside: against other implementations, against every
//! byte changed, and against the vectors of the specifications.
//!
//! | module | what it shows |
//! |---|---|
//! | `crosscheck` | every proof of every small tree, made and checked by others too |
//! | `forged_tiles`, `forged_proofs`, `forged_receipts` | no changed byte passes |
//! | `proofs` | proofs of another shape, and sizes at the limits |
//! | `notes`, `keys`, `checkpoints`, `statements` | what they look like, and who has to sign |
//! | `subjects` | a record of something else, and text that nobody signed |
//! | `round_trips` | what is written is read as itself, and any bytes are survived |
//! | `vectors` | the files of `tests/vectors/log` |
//! | `fuzz_seeds` | the first inputs of the fuzz targets hold |
//! | `interop` | Go's `sumdb` packages read what we write |
//!
//! The `forged_*` tests change every byte of everything at chosen sizes: around
//! powers of two, where proofs change their shape; around the boundaries of
//! tiles; and a few that are neither. `MCPKG_EVERY_SIZE=1` makes it all sizes to
//! 600, and is for a release build:
//!
//! ```text
//! MCPKG_EVERY_SIZE=1 cargo test --release -p mcpkg-core --test log forged
//! ```

#![expect(clippy::disallowed_methods, reason = "the tests read files; the crate does not")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is test code")]

mod checkpoints;
mod crosscheck;
mod forged_proofs;
mod forged_receipts;
mod forged_tiles;
mod fuzz_seeds;
mod grove;
mod interop;
mod keys;
mod notes;
mod proofs;
mod round_trips;
mod signers;
mod statements;
mod subjects;
mod vectors;
