//! What the commands are made of. Nothing here prints but progress, and nothing
//! here asks.
//!
//! An install goes down this list:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`log`] | checks what the registry says against its log | the pinned key, and what was seen |
//! | [`release`] | checks a release document and its evidence, and judges it | nothing that came in |
//! | [`fetch`] | downloads the artifact into staging and unpacks it there | the digests that were signed |
//! | [`link`] | edits the settings of agents | what was judged |
//! | [`launch`] | starts a server from the lock | the lock, and each file's hash |
//!
//! Beside it, [`monitor`] reads the whole log of a registry, and believes its key.

pub mod fetch;
pub mod launch;
pub mod link;
pub mod log;
pub mod monitor;
pub mod pack;
pub mod release;
pub mod sign;
