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
//! | [`content`] | says what there is to install, where there is nothing to download | what was judged |
//! | [`given`] | holds what the user gives its settings to what was signed | neither |
//! | [`install`] | prepares what goes into the lock | what was judged |
//! | [`pin`] | writes what was judged and approved into the lock | what was judged |
//! | [`link`] | edits the settings of agents | what was judged |
//! | [`launch`] | starts a server from the lock | the lock, and each file's hash |
//! | [`inspect`](mod@inspect) | reads what it shows to models | nothing that it says |
//! | [`guard`] | stands between it and the agent | what was pinned of its surface |
//! | [`failures`] | remembers what went wrong with it last | |
//! | [`faults`] | remembers what is known to be wrong with a release | the signed index, and advisories |
//!
//! A package is made and checked by these:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`source`] | brings the source of a commit | the hash that the commit is named by |
//! | [`build`] | follows a recipe | nothing that the build does |
//! | [`pack`](mod@pack) | makes an artifact of a folder | that its author means what is in it |
//! | [`publish`] | has it signed, sends it, and checks what was logged of it | neither signer nor registry |
//! | [`rebuild`](mod@rebuild) | builds a release again, and compares | the judged release |
//! | [`file`](mod@file) | checks an artifact that came without a registry | its bundles |
//!
//! What is installed is looked after by these:
//!
//! | module | does | believes |
//! |---|---|---|
//! | [`again`] | verifies again what is locked | the same as an install |
//! | [`named`] | says which of it a user means | the lock |
//! | [`standing`] | says what there is to move to, and why not to more | the signed index |
//! | [`update`] | prepares the release that takes the place of another | what was judged |
//! | [`wanted`] | compares a lock with its `mcpkg.toml` | neither: it only says so |
//! | [`entries`] | reads what agents are told to start | nothing of it |
//! | [`relink`] | makes settings what a lock says | the lock, once it was verified |
//! | [`grant`] | widens and narrows what a server may do | what was signed |
//! | [`folders`] | says which of the user's folders a server will not see | what was signed |
//! | [`audit`] | looks for what is wrong, and for what nobody verified | nothing |
//! | [`doctor`] | looks for what keeps things from working | nothing |
//! | [`change`] | compares two releases before one takes the other's place | the two judged trees |
//! | [`migrate`] | takes literal secrets out of agents' settings | nothing of them |
//!
//! [`upstream`] takes packages of other ecosystems, and believes what those attest.
//! Beside them, [`monitor`] reads the whole log of a registry, and believes its key, and
//! [`trust`] says whose signatures count, [`registries`] which registries are used.

pub mod again;
pub mod audit;
pub mod build;
pub mod change;
pub mod content;
pub mod doctor;
pub mod entries;
pub mod failures;
pub mod faults;
pub mod fetch;
pub mod file;
pub mod folders;
pub mod given;
pub mod grant;
pub mod guard;
pub mod inspect;
pub mod install;
pub mod launch;
pub mod link;
pub mod log;
pub mod managed;
pub mod migrate;
pub mod monitor;
pub mod named;
pub mod pack;
pub mod pin;
pub mod publish;
pub mod rebuild;
pub mod registries;
pub mod release;
pub mod relink;
pub mod sign;
pub mod source;
pub mod standing;
pub mod statement;
pub mod trust;
pub mod update;
pub mod upstream;
pub mod wanted;
