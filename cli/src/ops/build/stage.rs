//! The command that runs a step: a stage of `sandbox`, which it shares with the launch
//! of a server. An unconfined step is one that only sets the umask.

use std::path::Path;
use std::process::Command;

#[cfg(target_os = "linux")]
use super::environment;
use super::{BuildError, Confinement, Job};
use crate::error::Error;
use crate::sandbox::stage::Stage;

/// New files are for others to read, whatever the user's own umask is.
const UMASK: nix::libc::mode_t = 0o022;

/// The command that runs `words` as a step.
pub(super) fn command(words: &[String], job: &Job<'_>) -> Result<Command, BuildError> {
    let site = job.site;
    let stage = |folder: &Path| Stage {
        words: words.to_vec(),
        at_end: Vec::new(),
        folder: folder.to_owned(),
        environment: job.environment.clone(),
        umask: Some(UMASK),
        #[cfg(target_os = "linux")]
        root: None,
        #[cfg(target_os = "linux")]
        network: None,
        #[cfg(target_os = "linux")]
        rights: None,
    };
    let stage = match job.confinement {
        #[cfg(target_os = "linux")]
        Confinement::Confined { network } => Stage {
            root: Some(super::view::of(job, *network)),
            ..stage(&Path::new(environment::SOURCE).join(site.folder))
        },
        #[cfg(not(target_os = "linux"))]
        Confinement::Confined { .. } => return Err(BuildError::not_here()),
        Confinement::Unconfined { .. } => stage(&site.source.join(site.folder)),
    };
    let path = site.scratch.join("stage.json");
    stage
        .command(&path)
        .map_err(|source| BuildError::prepare(Error::Write { path: path.clone(), source }))
}

/// Does all that confining a build takes, and then runs nothing.
#[cfg(target_os = "linux")]
pub(super) fn probe(job: &Job<'_>) -> Result<(), BuildError> {
    let failed = |source| BuildError::Run { program: "mcpkg".to_owned(), source };
    let output = command(&[], job)?.output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let reason = if said.is_empty() { super::process::in_words(output.status) } else { said };
    Err(BuildError::NotConfined { reason })
}
