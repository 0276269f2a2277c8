//! `mcpkg run`: start an installed server, as agents do.

use std::process::ExitCode;

use super::Context;
use crate::agents::Scope;
use crate::args::RunArgs;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::launch;
use crate::store::Store;

pub(super) fn run(args: &RunArgs, context: &Context) -> Result<ExitCode> {
    // The project's lock is used only where the settings say so: a server that
    // the user installed must not change with the folder an agent starts in.
    let lock = if args.project {
        LockFile::read_project(&context.places.project)?
    } else {
        LockFile::read(Scope::User, &context.places)?
    };
    let server = super::list::one(&lock.lock, &args.name)?;
    let mut command = launch::command(server, &Store::new(&context.places), &context.places)?;
    start(&mut command)
}

/// Becomes the server: no process of ours stays between it and the agent.
#[cfg(unix)]
fn start(command: &mut std::process::Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let source = command.exec();
    Err(not_started(command, source))
}

#[cfg(not(unix))]
fn start(command: &mut std::process::Command) -> Result<ExitCode> {
    let status = command.status().map_err(|source| not_started(command, source))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn not_started(command: &std::process::Command, source: std::io::Error) -> Error {
    Error::Failed {
        context: format!("`{}` could not be started", command.get_program().display()),
        code: mcpkg_core::Code::Config,
        hint: Some(
            "install the interpreter that the server needs, where your agent's PATH finds it",
        ),
        source: Box::new(source),
    }
}
