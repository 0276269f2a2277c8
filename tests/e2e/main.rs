//! The command, as its users meet it: real binary, real registry, real Sigstore.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod commands;
mod fixture;
mod forgery;
mod install;
mod launch;
mod log;
mod log_verify;
mod monitor;
mod pack;
mod publish;
mod settings;
mod tamper;
mod transport;
