//! Systems that we have nothing to confine a server with: Windows above all.
//!
//! A server gets an environment made from nothing there, and that is all. A job object
//! would end its processes with it and limit them, and keep it from no file and no
//! host, so it would be no confinement and is not called one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{Confined, Found, Level, Plan, SandboxError, Wanted};
use crate::egress::Report;

const REASON: &str = "only Linux and macOS have what mcpkg confines with";

pub(super) fn probe(_root: PathBuf) -> Found {
    Found { level: Level::None, reason: Some(REASON.to_owned()) }
}

pub(super) fn spawn(
    plan: &Plan,
    wanted: Wanted,
    _report: Report,
) -> Result<Confined, SandboxError> {
    match wanted {
        Wanted::Best => Err(SandboxError::Unavailable { reason: REASON.to_owned() }),
        Wanted::None => {
            let mut command = Command::new(&plan.program);
            command.args(&plan.args).current_dir(&plan.folder).env_clear().envs(&plan.environment);
            let child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| SandboxError::Program { reason: error.to_string() })?;
            Ok(Confined { child, found: Found { level: Level::None, reason: None }, ended: None })
        }
    }
}
