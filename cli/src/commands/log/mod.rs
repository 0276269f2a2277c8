//! `mcpkg log`: what a registry has ever said.

mod verify;
mod watch;

use std::process::ExitCode;

use super::Context;
use crate::args::LogCommand;
use crate::error::Result;

pub(super) fn run(command: &LogCommand, context: &Context) -> Result<ExitCode> {
    match command {
        LogCommand::Verify => verify::run(context),
        LogCommand::Watch(args) => watch::run(args, context),
    }
}
