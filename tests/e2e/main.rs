//! The command, as its users meet it: real binary, real registry, real Sigstore.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod commands;
mod fixture;
mod install;
mod launch;
mod pack;
mod publish;
mod settings;
mod tamper;
mod transport;
