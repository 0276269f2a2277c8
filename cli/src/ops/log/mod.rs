//! The log of a registry, as this machine knows it.
//!
//! A registry's log can be rewritten by whoever has its key, and shown to each
//! user in another version. What it cannot do is make this machine forget: here
//! the key is pinned, the newest checkpoint is kept, and whatever the registry
//! says is held to both. Nothing of it takes a request of its own, because the
//! proofs come with the index and the release document:
//!
//! | file | holds | against |
//! |---|---|---|
//! | `first_use` | the key that a registry names | its own checkpoint, and the keys before it |
//! | `known` | a checkpoint | the pinned key, witnesses, and the newest checkpoint seen |
//! | `contact` | the signed index of a package | the checkpoint |
//! | `agreement` | what the index shows | the signed index |
//! | `held` | the signed index | the receipts of what is or was installed |
//! | `freshness` | a checkpoint | the clock |
//! | `receipt` | a release | its entry in the log, and the signed index |
//! | `statement` | what was stated of it since | the same |
//! | `audit` | what is locked | all of the above |
//!
//! Where two signed statements cannot both be true, `evidence` keeps them in a
//! file. What was refused is otherwise not remembered: `memory` only advances.

pub(crate) mod agreement;
pub mod audit;
mod contact;
mod error;
pub(crate) mod evidence;
mod first_use;
mod freshness;
mod held;
mod known;
mod listed;
mod memory;
pub mod receipt;
pub mod statement;
#[cfg(test)]
mod tests;

pub use contact::Contact;
pub use error::Distrust;
pub use first_use::FirstUse;
pub use known::KnownLog;
pub use receipt::{Anchor, Logged};
