//! The `mcpkg` command: installs MCP servers, and proves where they came from.
//!
//! # Layers
//!
//! A command line goes down this list, and nothing calls back up it.
//!
//! | module | knows about | does not know about |
//! |---|---|---|
//! | [`args`] | the command line | what it does |
//! | [`commands`] | the order of things, and what to say | HTTP, archives, files' formats |
//! | [`ops`] | what things are made of | the command line, printing |
//! | core, verify | packages, evidence, decisions | anything outside them |
//!
//! Beside them: [`registry`] and [`login`] alone know HTTP, [`ui`] is the only one
//! that prints, [`places`] the only one that asks the environment where things
//! are, [`agents`] edits text and touches no file.

pub mod agents;
pub mod args;
pub mod atomic;
pub mod commands;
pub mod config;
pub mod egress;
pub mod error;
pub mod lock_file;
pub mod login;
pub mod ops;
pub mod places;
pub mod project_file;
pub mod registry;
pub mod remote;
pub mod request;
pub mod sandbox;
pub mod secrets;
pub mod settings;
pub mod settings_file;
pub mod show;
pub mod store;
pub mod ui;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program.
pub fn main() -> ExitCode {
    #[cfg(unix)]
    if let Some(code) = sandbox::entered() {
        return code;
    }
    let cli = args::Cli::parse();
    let is_json = cli.global.json;
    anstream::ColorChoice::from(cli.global.color).write_global();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            ui::report(&error, is_json);
            error.exit_code()
        }
    }
}
