//! A server that tries to get out: of its files, its network, its processes and its
//! limits, at every level that claims to hold it.
//!
//! Each attempt is made confined and, where that harms nobody, unconfined as well: what
//! fails there too would show nothing.

mod attempts;
mod denied;
mod hosts;
mod leftovers;
mod python;
pub(crate) mod server;
