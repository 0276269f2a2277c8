//! What stands between us and another program: this same program, started again.
//!
//! A process gives up what it may see and do before it becomes another, and in
//! Rust code that runs between fork and exec is unsafe. So `mcpkg` starts
//! `mcpkg --stage`, which has one thread and nothing to lose:
//!
//! ```text
//! mcpkg ── --stage enter ── new user, mount, process, IPC, name and (unless all
//!            │              of it is granted) network namespace
//!            └── --stage inside ── process 1 there: mounts what may be seen, makes
//!                     │            that the root, and gives up its rights in all
//!                     │            of these, and then those that it never needs
//!                     └── the program ── an ordinary user without any rights
//!
//! mcpkg ── --stage keep ── without namespaces: ends the others when it is over
//!            └── --stage plain ── gives up rights, and becomes the program
//!
//! mcpkg ── --stage attend ── the same, and ends what the program started: `attended`
//! ```
//!
//! When process 1 ends, the kernel kills whatever else is left in there, and each
//! of the three dies with the one before it. The last namespace is a user
//! namespace once more: in it the mounts belong to somebody else, so that not
//! even a program that makes itself root there can write where it should not.
//!
//! A stage is told what to do in a file, or through a pipe that stays open: what is
//! in there may be a secret, and a pipe that is closed says that whoever started
//! the stage is gone. What could not be done is said through another pipe, which
//! is closed when the program runs.
//!
//! Source: `user_namespaces(7)`, `mount_namespaces(7)` ("Restrictions on mount
//! namespaces"), `pid_namespaces(7)`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};

use super::process::{self, Charge};
use crate::ui;

/// The argument that makes this program a stage. It is no part of the command line.
const FLAG: &str = "--stage";

/// The exit status of a stage that could not do its work, as of `env` and `nice`.
const FAILED: u8 = 125;

/// In place of a pipe to say it through: what went wrong is said to the user.
const ALOUD: &str = "-";

/// Everything a stage has to know.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stage {
    /// The program and its arguments; nothing, to see whether it could be run.
    pub(crate) words: Vec<String>,
    /// What is run when whoever started it is gone; nothing, if its own end is enough.
    pub(crate) at_end: Vec<String>,
    /// The folder to run it in, as it will be seen.
    pub(crate) folder: PathBuf,
    /// All variables of its environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// The permissions that new files do not get; nothing, for the user's own.
    pub(crate) umask: Option<nix::libc::mode_t>,
    /// What it will see, if that is not the user's own.
    #[cfg(target_os = "linux")]
    pub(crate) root: Option<super::linux::root::Root>,
    /// Whom it reaches in a network of its own.
    #[cfg(target_os = "linux")]
    pub(crate) network: Option<super::linux::network::Inside>,
    /// What it may do, if that is not what the user can.
    #[cfg(target_os = "linux")]
    pub(crate) rights: Option<super::linux::Rights>,
}

/// What a stage could not do.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{what}: {reason}")]
pub(crate) struct Failure {
    what: String,
    reason: String,
    /// Whether everything was ready, and the program itself could not be started.
    pub(crate) is_of_program: bool,
}

impl Failure {
    /// All that there is to say.
    pub(crate) fn into_words(self) -> String {
        self.to_string()
    }
}

/// Says what was being done when something failed.
pub(crate) fn doing<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Failure {
    let what = what.into();
    move |source| {
        let source: io::Error = source.into();
        Failure { what, reason: source.to_string(), is_of_program: false }
    }
}

fn starting(program: &str) -> impl FnOnce(io::Error) -> Failure {
    let what = format!("starting `{program}`");
    move |source| Failure { what, reason: source.to_string(), is_of_program: true }
}

/// A stage that was started, and what it waits for.
pub(crate) struct Started {
    /// The process.
    pub(crate) child: Child,
    /// It ends when this is closed.
    pub(crate) alive: OwnedFd,
}

impl Stage {
    /// The phase that it begins with.
    fn first(&self) -> &'static str {
        #[cfg(target_os = "linux")]
        if self.root.is_some() {
            return "enter";
        }
        "plain"
    }

    /// A command that reads what to do in a file at `path`, and says aloud what it
    /// could not do.
    pub(crate) fn command(&self, path: &Path) -> io::Result<Command> {
        crate::atomic::write(path, &serde_json::to_vec(self)?).map_err(io::Error::other)?;
        phase(self.first(), path, OsStr::new(ALOUD))
    }

    /// Starts it, apart from the terminal's signals, and waits until its program runs.
    pub(crate) fn start(&self, set: impl FnOnce(&mut Command)) -> Result<Started, Failure> {
        let first = match self.first() {
            "plain" if self.at_end.is_empty() => "keep",
            "plain" => "attend",
            other => other,
        };
        let description = serde_json::to_string(self).map_err(described)?;
        let (said, say) = pipe()?;
        let started = hand_over(first, &description, Some(&say), |command| {
            command.process_group(0);
            set(command);
        })?;
        drop(say);
        let mut text = String::new();
        File::from(said).read_to_string(&mut text).map_err(doing("waiting for the program"))?;
        if text.is_empty() {
            return Ok(started);
        }
        let mut child = started.child;
        child.wait().map_err(doing("waiting for what failed"))?;
        Err(serde_json::from_str(&text).map_err(described)?)
    }

    fn target(&self) -> Option<(&str, Command)> {
        let (program, arguments) = self.words.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env_clear().envs(&self.environment);
        Some((program, command))
    }
}

fn described<E: Into<io::Error>>(error: E) -> Failure {
    doing("describing what to run")(error)
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    let (read, write) = io::pipe().map_err(doing("making a pipe"))?;
    Ok((read.into(), write.into()))
}

/// Starts a phase that is told through a pipe, and that answers through `say`.
fn hand_over(
    name: &str,
    description: &str,
    say: Option<&OwnedFd>,
    set: impl FnOnce(&mut Command),
) -> Result<Started, Failure> {
    let (read, alive) = pipe()?;
    let say = say.map_or_else(|| Ok(ALOUD.into()), inherited)?;
    let mut command =
        phase(name, &inherited(&read)?, say.as_os_str()).map_err(doing("finding this program"))?;
    set(&mut command);
    let child = command.spawn().map_err(doing("starting a stage"))?;
    drop(read);
    let mut write = File::from(alive);
    writeln!(write, "{description}").map_err(doing("telling a stage what to do"))?;
    Ok(Started { child, alive: write.into() })
}

/// The name by which the next process opens `end`, which it gets.
fn inherited(end: &OwnedFd) -> Result<PathBuf, Failure> {
    fcntl(end.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).map_err(doing("handing over a pipe"))?;
    Ok(Path::new("/dev/fd").join(end.as_raw_fd().to_string()))
}

fn phase(name: &str, stage: &Path, say: &OsStr) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([OsStr::new(FLAG), OsStr::new(name), stage.as_os_str(), say]).env_clear();
    Ok(command)
}

/// Is a stage, if this process was started as one.
///
/// To be called before anything else: what follows takes a process of one thread.
pub fn entered() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [flag, phase, stage, say] = arguments.as_slice() else { return None };
    if flag != FLAG {
        return None;
    }
    Some(match Running::begin(Path::new(stage), say) {
        Err(failure) => {
            ui::complain(&failure);
            ExitCode::from(FAILED)
        }
        Ok(mut running) => match running.phase(&phase.to_string_lossy()) {
            Ok(code) => ExitCode::from(code),
            Err(failure) => {
                running.say(&failure);
                ExitCode::from(FAILED)
            }
        },
    })
}

/// A stage in its own process.
pub(super) struct Running {
    pub(super) stage: Stage,
    description: String,
    /// What it was told through, if that is a pipe: closed when the parent is gone.
    pub(super) parent: Option<File>,
    /// What to say failures through, if not aloud.
    say: Option<OwnedFd>,
}

impl Running {
    fn begin(path: &Path, say: &OsStr) -> Result<Self, Failure> {
        let came_along: Vec<i32> =
            [path, Path::new(say)].into_iter().filter_map(number_of).collect();
        if !came_along.is_empty() {
            close_all_but(&came_along)?;
        }
        let file = File::open(path).map_err(doing("reading what to run"))?;
        let say_to = match say {
            say if say == ALOUD => None,
            say => Some(File::options().write(true).open(say).map_err(doing("opening a pipe"))?),
        };
        let mut reader = BufReader::new(file);
        let mut description = String::new();
        reader.read_line(&mut description).map_err(doing("reading what to run"))?;
        let stage = serde_json::from_str(&description).map_err(described)?;
        // What came along is ours no longer: the handles made here end with an exec.
        for number in came_along {
            nix::unistd::close(number).map_err(doing("closing a pipe"))?;
        }
        let parent = number_of(path).map(|_| reader.into_inner());
        Ok(Self { stage, description, parent, say: say_to.map(OwnedFd::from) })
    }

    fn say(&mut self, failure: &Failure) {
        match self.say.take() {
            None => ui::complain(failure),
            // Whoever would read it may be gone, and with them whoever would know.
            Some(say) => _ = serde_json::to_writer(File::from(say), failure),
        }
    }

    fn phase(&mut self, name: &str) -> Result<u8, Failure> {
        if let Some(mode) = self.stage.umask {
            umask(Mode::from_bits_truncate(mode));
        }
        match name {
            "keep" => {
                self.die_with_parent(Signal::SIGTERM)?;
                let started = self.next("plain", |command| _ = command.process_group(0))?;
                process::supervise(&started.child, Charge::Group, self.parent.as_ref())
            }
            "attend" => super::attended::attend(self),
            "plain" => {
                #[cfg(target_os = "linux")]
                if let Some(rights) = &self.stage.rights {
                    super::linux::restrict(rights)?;
                }
                self.die_with_parent(Signal::SIGKILL)?;
                let Some((program, mut command)) = self.stage.target() else { return Ok(0) };
                // It only comes back if it failed.
                Err(starting(program)(command.exec()))
            }
            #[cfg(target_os = "linux")]
            "enter" => super::linux::enter(self),
            #[cfg(target_os = "linux")]
            "inside" => super::linux::inside(self),
            _ => Err(doing("starting")(io::Error::from(io::ErrorKind::InvalidInput))),
        }
    }

    /// Starts the next stage, which is told the same, and says the rest.
    pub(super) fn next(
        &mut self,
        name: &str,
        set: impl FnOnce(&mut Command),
    ) -> Result<Started, Failure> {
        let started = hand_over(name, &self.description, self.say.as_ref(), set)?;
        self.say = None;
        let_go()?;
        Ok(started)
    }

    /// Starts the program, after which there is nothing left to say. Where a process has
    /// no others in its charge, it becomes the program instead.
    #[cfg(target_os = "linux")]
    pub(super) fn start_program(&mut self) -> Result<Option<Child>, Failure> {
        let Some((program, mut command)) = self.stage.target() else { return Ok(None) };
        let child = command.spawn().map_err(starting(program))?;
        self.say = None;
        self.description.clear();
        let_go()?;
        Ok(Some(child))
    }

    /// Has the kernel send this process `signal` when the one that started it is gone.
    pub(super) fn die_with_parent(&self, signal: Signal) -> Result<(), Failure> {
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_pdeathsig(signal)
            .map_err(doing("tying this process to its parent"))?;
        #[cfg(not(target_os = "linux"))]
        let _ = signal;
        // It may have been gone before that.
        match &self.parent {
            Some(parent) if process::is_closed(parent) => {
                Err(doing("starting")(io::Error::from(io::ErrorKind::BrokenPipe)))
            }
            _ => Ok(()),
        }
    }
}

/// Lets go of the program's input and output, which would otherwise stay open when it
/// closes them.
fn let_go() -> Result<(), Failure> {
    let nothing = File::options().read(true).write(true).open("/dev/null");
    let nothing = nothing.map_err(doing("opening /dev/null"))?;
    nix::unistd::dup2_stdin(&nothing)
        .and_then(|()| nix::unistd::dup2_stdout(&nothing))
        .map_err(doing("letting go of the program's input and output"))
}

/// Closes what whoever started `mcpkg` left open, and the program must not have.
fn close_all_but(kept: &[i32]) -> Result<(), Failure> {
    let numbers: Vec<i32> = fs::read_dir("/dev/fd")
        .map_err(doing("looking for open files"))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers.into_iter().filter(|number| *number > 2 && !kept.contains(number)) {
        // One of them was the folder that was just read.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// The number of a pipe that came along.
fn number_of(path: &Path) -> Option<i32> {
    path.strip_prefix("/dev/fd").ok()?.to_str()?.parse().ok()
}
