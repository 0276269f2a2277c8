//! `mcpkg completions`: a completion script for a shell.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::error::Result;
use crate::ui::Ui;

pub(super) fn run(args: &CompletionsArgs) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mcpkg", &mut script);
    Ui::default().raw(&script)?;
    Ok(ExitCode::SUCCESS)
}
