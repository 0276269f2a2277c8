//! What the commands are made of. Nothing here prints but progress, and nothing
//! here asks.
//!
//! An install goes down this list:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`log`] | checks what the registry says against its log | the pinned key, and what was seen |
//! | [`release`] | checks a release document and its evidence, and judges it | nothing that came in |
//! | [`statement`] | checks what was stated about a package since | the same |
//! | [`fetch`] | downloads the artifact into staging and unpacks it there | the digests that were signed |
//! | [`link`] | edits the settings of agents | what was judged |
//! | [`launch`] | starts a server from the lock | the lock, and each file's hash |
//!
//! A package is made and checked by these:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`source`] | brings the source of a commit | the hash that the commit is named by |
//! | [`build`] | follows a recipe | nothing that the build does |
//! | [`pack`](mod@pack) | makes an artifact of a folder | that its author means what is in it |
//! | [`rebuild`](mod@rebuild) | builds a release again, and compares | the judged release |
//!
//! Beside them, [`monitor`] reads the whole log of a registry, and believes its key, and
//! [`trust`] says whose signatures count.

pub mod build;
pub mod fetch;
pub mod launch;
pub mod link;
pub mod log;
pub mod monitor;
pub mod pack;
pub mod rebuild;
pub mod release;
pub mod sign;
pub mod source;
pub mod statement;
pub mod trust;
