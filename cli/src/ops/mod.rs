//! What the commands are made of. Nothing here prints but progress, and nothing
//! here asks.
//!
//! An install goes down this list:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`release`] | checks a release document and its evidence, and judges it | nothing that came in |
//! | [`fetch`] | downloads the artifact into staging and unpacks it there | the digests that were signed |
//! | [`link`] | edits the settings of agents | what was judged |
//! | [`launch`] | starts a server from the lock | the lock, and each file's hash |

pub mod fetch;
pub mod launch;
pub mod link;
pub mod pack;
pub mod release;
pub mod sign;
