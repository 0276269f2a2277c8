//! A program whose end is not enough: the client of a container engine, whose container
//! runs on without it, in the care of somebody else.
//!
//! Somebody has to be there who ends the container after us, also when we are killed and
//! can do nothing any more. That is a stage of its own:
//!
//! ```text
//! mcpkg ──pipe── --stage attend ── the client ····· the container
//!                      └── when the pipe is closed: ends the client, and then runs what
//!                          ends the container
//! ```
//!
//! The kernel closes the pipe, whatever we die of. The stage is in a group of its own, so
//! that what ends ours does not end it. Where both are killed, nobody is left, and it is
//! for the next start to clean up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::SandboxError;

/// A program, and what ends what it has started.
pub struct Charge {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What is run when nobody waits for the program any more.
    pub at_end: Vec<String>,
    /// All variables of both.
    pub environment: BTreeMap<String, String>,
    /// The folder that both run in.
    pub folder: PathBuf,
}

/// A program that was started. Dropped, it is ended, with what it has started.
pub struct Attended {
    child: Child,
    leash: Leash,
}

/// What holds a program: cut, it is ended, with what it has started.
#[derive(Clone)]
pub struct Leash(Arc<Mutex<Option<here::Held>>>);

impl Leash {
    /// Lets go of the program. The second time there is nothing to do.
    pub fn cut(&self) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = held {
            here::end(held);
        }
    }
}

impl Attended {
    /// Starts it.
    ///
    /// The thread that calls this has to stay: when it ends, the kernel ends the program.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Program`] if the program cannot be started, and `Unavailable` if
    /// what would be between us and it cannot.
    pub fn start(charge: &Charge) -> Result<Self, SandboxError> {
        let (child, held) = here::start(charge)?;
        Ok(Self { child, leash: Leash(Arc::new(Mutex::new(Some(held)))) })
    }

    /// Its input and its output, once.
    pub fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        (self.child.stdin.take(), self.child.stdout.take())
    }

    /// What holds it.
    pub fn leash(&self) -> Leash {
        self.leash.clone()
    }

    /// Waits for its end. The answer is its exit code, or 128 and the number of the signal
    /// that ended it.
    pub fn wait(&mut self) -> Result<u8, SandboxError> {
        let status = self.child.wait().map_err(SandboxError::Wait)?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(128))
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let is_over = matches!(self.child.try_wait(), Ok(Some(_)));
        if !is_over {
            self.leash.cut();
            #[cfg(not(unix))]
            let _ = self.child.kill();
            // It fails if it has ended, which is what was wanted.
            let _ = self.child.wait();
        }
    }
}

fn piped(command: &mut std::process::Command) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
}

#[cfg(unix)]
pub(super) use self::here::attend;

#[cfg(unix)]
mod here {
    use std::fs::File;
    use std::os::fd::{AsFd as _, OwnedFd};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};
    use std::thread;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::super::process::{self, Charge as Care};
    use super::super::stage::{Failure, Running, Stage, doing};
    use super::{Charge, SandboxError, piped};

    /// Our end of the stage's pipe.
    pub(super) type Held = OwnedFd;

    pub(super) fn start(charge: &Charge) -> Result<(Child, Held), SandboxError> {
        let stage = Stage {
            words: charge.words.clone(),
            at_end: charge.at_end.clone(),
            folder: charge.folder.clone(),
            environment: charge.environment.clone(),
            umask: None,
            #[cfg(target_os = "linux")]
            root: None,
            #[cfg(target_os = "linux")]
            network: None,
            #[cfg(target_os = "linux")]
            rights: None,
        };
        let started = stage.start(piped).map_err(SandboxError::of)?;
        Ok((started.child, started.alive))
    }

    pub(super) fn end(held: Held) {
        drop(held);
    }

    /// Starts the program, waits for it, and ends what it has started if whoever waits for
    /// us is gone before it is over.
    pub(in super::super) fn attend(running: &mut Running) -> Result<u8, Failure> {
        // For the threads, too: one that does not hold them would be ended by them.
        process::hold_signals()?;
        running.die_with_parent(Signal::SIGTERM)?;
        let started = running.next("plain", |command| _ = command.process_group(0))?;
        let Some(parent) = &running.parent else { return Ok(0) };
        watch(parent)?;
        let code = process::supervise(&started.child, Care::Group, Some(parent))?;
        if process::is_closed(parent)
            && let Some((program, arguments)) = running.stage.at_end.split_first()
        {
            Command::new(program)
                .args(arguments)
                .current_dir(&running.stage.folder)
                .env_clear()
                .envs(&running.stage.environment)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .map_err(doing(format!("starting `{program}`")))?;
        }
        Ok(code)
    }

    /// Sends this process a signal when the other end of its pipe is closed: it looks at
    /// the pipe then. Where there is no signal for the end of a parent, it is the only one.
    fn watch(parent: &File) -> Result<(), Failure> {
        let parent = parent.try_clone().map_err(doing("watching a pipe"))?;
        thread::spawn(move || {
            let mut watched = [PollFd::new(parent.as_fd(), PollFlags::empty())];
            while poll(&mut watched, PollTimeout::NONE) == Err(Errno::EINTR) {}
            // To oneself, it cannot fail.
            let _ = kill(Pid::this(), Signal::SIGTERM);
        });
        Ok(())
    }
}

#[cfg(not(unix))]
mod here {
    use std::process::{Child, Command, Stdio};

    use super::{Charge, SandboxError, piped};

    /// What is run at the end: without anybody in between, by us.
    pub(super) type Held = Command;

    pub(super) fn start(charge: &Charge) -> Result<(Child, Held), SandboxError> {
        let command = |words: &[String]| {
            let (program, arguments) = words.split_first()?;
            let mut command = Command::new(program);
            command.args(arguments).current_dir(&charge.folder);
            command.env_clear().envs(&charge.environment);
            Some(command)
        };
        let unusable = |reason: String| SandboxError::Program { reason };
        let (mut client, mut held) = command(&charge.words)
            .zip(command(&charge.at_end))
            .ok_or_else(|| unusable("there is none".to_owned()))?;
        piped(&mut client);
        held.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = client.spawn().map_err(|error| unusable(error.to_string()))?;
        Ok((child, held))
    }

    pub(super) fn end(mut held: Held) {
        // The client ends with what it has started. That it is gone already is no failure.
        let _ = held.status();
    }
}
