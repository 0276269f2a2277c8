//! The client of the conformance suite: the protocol, with a Sigstore of our
//! own; recorded bundles of others; and the suite itself, where it is at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod client;
mod protocol;
mod recorded;
mod refusals;
mod suite;
