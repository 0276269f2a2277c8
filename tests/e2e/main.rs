//! The command, as its users meet it: real binary, real registry, real Sigstore.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod agents;
mod commands;
mod daily;
mod elsewhere;
mod escape;
mod fixture;
mod forgery;
mod global;
mod guard;
mod incidents;
mod install;
mod launch;
mod life;
mod local;
mod log;
mod log_verify;
mod login;
mod mirror;
mod monitor;
mod pack;
mod program;
mod publish;
mod rebuild;
mod review;
mod secrets;
mod settings;
mod statements;
mod tamper;
mod transport;
mod trust;
mod unsigned;
mod upstream;
