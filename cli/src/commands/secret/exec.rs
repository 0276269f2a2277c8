//! `mcpkg secret exec`: a program, with secrets in its environment and nowhere else.

use std::process::{Command, ExitCode};

use mcpkg_core::Code;
use mcpkg_core::lock::SecretReference;

use crate::args::SecretExecArgs;
use crate::error::{Error, Result};
use crate::secrets::{self, SecretError, Stores};

pub(super) fn run(args: &SecretExecArgs, stores: &Stores<'_>) -> Result<ExitCode> {
    let [program, words @ ..] = args.words.as_slice() else {
        return Err(argument("there is no program"));
    };
    let mut command = Command::new(program);
    command.args(words);
    for text in &args.env {
        // What is not understood is not repeated: it may be the secret.
        let (name, reference) = text.split_once('=').ok_or_else(|| argument("there is no `=`"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(argument("that is no name of a variable"));
        }
        let reference: SecretReference =
            reference.parse().map_err(|_| argument("that is no reference to a secret"))?;
        let secret = secrets::resolve(&reference, stores)?;
        let secret = secret.ok_or_else(|| SecretError::Nothing(Box::new(reference)))?;
        command.env(name, secret.expose());
    }
    start(&mut command)
}

fn argument(reason: &str) -> Error {
    Error::Argument {
        what: "variable with a secret",
        found: "--env …".to_owned(),
        reason: reason.to_owned(),
    }
}

/// Becomes the program: no process of ours stays between it and the agent.
#[cfg(unix)]
fn start(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let source = command.exec();
    Err(not_started(command, source))
}

#[cfg(not(unix))]
fn start(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().map_err(|source| not_started(command, source))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn not_started(command: &Command, source: std::io::Error) -> Error {
    Error::Failed {
        context: format!("`{}` could not be started", command.get_program().display()),
        code: Code::Config,
        hint: Some("install it, where your agent's PATH finds it"),
        source: Box::new(source),
    }
}
