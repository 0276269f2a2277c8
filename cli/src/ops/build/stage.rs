//! What stands between us and a step of a build: this same program, started again.
//!
//! A process gives up what it may see and do before it becomes another, and in
//! Rust code that runs between fork and exec is unsafe. So `mcpkg` starts
//! `mcpkg --build-stage`, which has one thread and nothing to lose:
//!
//! ```text
//! mcpkg ── --build-stage enter ── new user, mount, process, IPC, name and
//!               │                 (unless the recipe needs it) network namespace
//!               └── --build-stage inside ── process 1 there: mounts what may be
//!                        │                  seen, makes that the root, and then
//!                        │                  gives up its rights in all of these
//!                        └── the step ── an ordinary user without any rights
//! ```
//!
//! When process 1 ends, the kernel kills whatever else is left in there, and each
//! of the three dies with the one before it. The last namespace is a user
//! namespace once more: in it the mounts belong to somebody else, so that not
//! even a step that makes itself root there can write where it should not.
//!
//! An unconfined step has the phase `plain`, which sets the umask and becomes it.
//!
//! Source: `user_namespaces(7)`, `mount_namespaces(7)` ("Restrictions on mount
//! namespaces"), `pid_namespaces(7)`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use super::environment;
use super::{BuildError, Confinement, Job, Site};
use crate::atomic;
use crate::error::Error;
use crate::ui;

/// The argument that makes this program a stage. It is no part of the command line.
const FLAG: &str = "--build-stage";

/// The exit status of a stage that could not do its work, as of `env` and `nice`.
const FAILED: u8 = 125;

/// Everything a stage has to know, handed over in a file.
#[derive(Serialize, Deserialize)]
struct Stage {
    /// The program and its arguments; nothing, to see whether it could be run.
    words: Vec<String>,
    /// The folder to run it in, as it will be seen.
    folder: PathBuf,
    /// All variables of its environment.
    environment: BTreeMap<String, String>,
    /// What it will see, if it is confined.
    #[cfg(target_os = "linux")]
    view: Option<super::view::View>,
}

/// The command that runs `words` as a step.
pub(super) fn command(words: &[String], job: &Job<'_>) -> Result<Command, BuildError> {
    let site = job.site;
    let stage = match job.confinement {
        #[cfg(target_os = "linux")]
        Confinement::Confined { network } => Stage {
            words: words.to_vec(),
            folder: Path::new(environment::SOURCE).join(site.folder),
            environment: job.environment.clone(),
            view: Some(super::view::View::of(job, *network)),
        },
        #[cfg(not(target_os = "linux"))]
        Confinement::Confined { .. } => {
            let reason = "only Linux has what mcpkg confines a build with".to_owned();
            return Err(BuildError::NotConfined { reason });
        }
        Confinement::Unconfined { .. } => Stage {
            words: words.to_vec(),
            folder: site.source.join(site.folder),
            environment: job.environment.clone(),
            #[cfg(target_os = "linux")]
            view: None,
        },
    };
    stage.command(site).map_err(BuildError::prepare)
}

/// Does all that confining a build takes, and then runs nothing.
#[cfg(target_os = "linux")]
pub(super) fn probe(job: &Job<'_>) -> Result<(), BuildError> {
    let failed = |source| BuildError::Run { program: FLAG.to_owned(), source };
    let output = command(&[], job)?.output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let reason = if said.is_empty() { super::process::in_words(output.status) } else { said };
    Err(BuildError::NotConfined { reason })
}

impl Stage {
    fn command(&self, site: &Site<'_>) -> Result<Command, Error> {
        let path = site.scratch.join("stage.json");
        atomic::write(&path, &serde_json::to_vec(self).map_err(Error::Json)?)?;
        #[cfg(target_os = "linux")]
        let phase = if self.view.is_some() { "enter" } else { "plain" };
        #[cfg(not(target_os = "linux"))]
        let phase = "plain";
        phase_of(phase, &path).map_err(|source| Error::Read { path: "mcpkg".into(), source })
    }

    fn target(&self) -> Option<Command> {
        let (program, arguments) = self.words.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env_clear().envs(&self.environment);
        Some(command)
    }
}

fn phase_of(phase: &str, stage: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([OsStr::new(FLAG), OsStr::new(phase), stage.as_os_str()]).env_clear();
    Ok(command)
}

/// Is a stage, if this process was started as one.
///
/// To be called before anything else: what follows takes a process of one thread.
pub fn entered() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [flag, phase, stage] = arguments.as_slice() else { return None };
    if flag != FLAG {
        return None;
    }
    Some(run(&phase.to_string_lossy(), Path::new(stage)).unwrap_or_else(|failure| {
        ui::complain(&failure);
        ExitCode::from(FAILED)
    }))
}

/// What a stage could not do.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub(super) struct Failure {
    what: String,
    source: io::Error,
}

/// Says what was being done when something failed.
pub(super) fn doing<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Failure {
    let what = what.into();
    move |source| Failure { what, source: source.into() }
}

fn run(phase: &str, path: &Path) -> Result<ExitCode, Failure> {
    let bytes = fs::read(path).map_err(doing("reading what to run"))?;
    let stage: Stage = serde_json::from_slice(&bytes).map_err(doing("reading what to run"))?;
    umask(Mode::from_bits_truncate(0o022));
    match phase {
        "plain" => {
            let Some(mut command) = stage.target() else { return Ok(ExitCode::SUCCESS) };
            die_with_parent()?;
            // It only comes back if it failed.
            Err(doing(format!("starting `{}`", stage.words[0]))(command.exec()))
        }
        #[cfg(target_os = "linux")]
        "enter" => enter(&stage, path),
        #[cfg(target_os = "linux")]
        "inside" => inside(&stage),
        _ => Err(doing("starting")(io::Error::from(io::ErrorKind::InvalidInput))),
    }
}

#[cfg(target_os = "linux")]
fn enter(stage: &Stage, path: &Path) -> Result<ExitCode, Failure> {
    use nix::sched::{CloneFlags, unshare};
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if stage.view.as_ref().is_none_or(|view| !view.network) {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    become_in_namespace(flags, 0, || unshare(flags))?;
    die_with_parent()?;
    let status = phase_of("inside", path)
        .and_then(|mut command| command.status())
        .map_err(doing("starting the first process"))?;
    Ok(code_of(status))
}

#[cfg(target_os = "linux")]
fn inside(stage: &Stage) -> Result<ExitCode, Failure> {
    use nix::sched::{CloneFlags, unshare};
    let Some(view) = &stage.view else { return Ok(ExitCode::SUCCESS) };
    view.enter()?;
    nix::unistd::sethostname("build").map_err(doing("naming the machine"))?;
    let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS;
    become_in_namespace(flags, super::view::USER, || unshare(flags))?;
    nix::sys::prctl::set_no_new_privs().map_err(doing("giving up new rights"))?;
    die_with_parent()?;
    let Some(mut command) = stage.target() else { return Ok(ExitCode::SUCCESS) };
    let status = command.status().map_err(doing(format!("starting `{}`", stage.words[0])))?;
    Ok(code_of(status))
}

/// Enters namespaces in which this user has the number `user`.
#[cfg(target_os = "linux")]
fn become_in_namespace(
    flags: nix::sched::CloneFlags,
    user: u32,
    unshare: impl FnOnce() -> nix::Result<()>,
) -> Result<(), Failure> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare().map_err(doing(format!("entering new namespaces ({flags:?})")))?;
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(doing(format!("writing {file}")))
    };
    // Without this an unprivileged process may map no group: user_namespaces(7).
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {uid} 1"))?;
    write("gid_map", format!("{user} {gid} 1"))
}

/// Has the kernel kill this process when the one that started it is gone.
fn die_with_parent() -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .map_err(doing("tying this process to its parent"))?;
    Ok(())
}

/// The exit code that says what a status says, as a shell does.
#[cfg(target_os = "linux")]
fn code_of(status: std::process::ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
