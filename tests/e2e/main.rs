//! The command, as its users meet it: real binary, real registry, real Sigstore.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod agents;
mod commands;
mod daily;
mod escape;
mod fixture;
mod forgery;
mod guard;
mod install;
mod launch;
mod life;
mod log;
mod log_verify;
mod monitor;
mod pack;
mod publish;
mod rebuild;
mod secrets;
mod settings;
mod statements;
mod tamper;
mod transport;
mod trust;
