//! Being between a process and whoever started us: signals go in, the exit code
//! comes out, and nothing is left of either when one of them ends.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Child;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::stage::{Failure, doing};

/// The signals that are for the program and not for us.
const FORWARDED: [Signal; 6] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// What a process is in charge of, besides the one that it started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// Nothing.
    Process,
    /// The group that it leads: what is left of it is killed.
    Group,
    /// All processes of a namespace, in which we are the first: we take in those
    /// whose parents are gone, and the kernel kills the rest when we end.
    Namespace,
}

/// Keeps the signals that are for the program from ending this process. Threads
/// that are started from now on keep them too.
pub(super) fn hold_signals() -> Result<SigSet, Failure> {
    let mut signals: SigSet = FORWARDED.into_iter().collect();
    signals.add(Signal::SIGCHLD);
    signals.thread_block().map_err(doing("holding signals"))?;
    Ok(signals)
}

/// Waits for `child` and passes signals on to it. What it returns is the exit code,
/// or 128 and the number of the signal that ended it, as a shell says it.
///
/// If `parent` is closed the one who started us is gone, and the child goes too.
pub(super) fn supervise(
    child: &Child,
    charge: Charge,
    parent: Option<&File>,
) -> Result<u8, Failure> {
    // A signal between the child's start and this ends us, and so the child.
    let signals = hold_signals()?;
    let pid = Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX));
    let end = || {
        if charge == Charge::Group {
            // It fails if nobody is left, which is what was wanted.
            let _ = killpg(pid, Signal::SIGKILL);
        }
    };
    loop {
        if let Some(code) = reap(pid, charge)? {
            end();
            return Ok(code);
        }
        let signal = signals.wait().map_err(doing("waiting for a signal"))?;
        if parent.is_some_and(is_closed) {
            let _ = kill(pid, Signal::SIGKILL);
            end();
        } else if signal != Signal::SIGCHLD {
            // It may have ended just now, which the next round finds out.
            let _ = kill(pid, signal);
        }
    }
}

/// Takes in what has ended, and says how `child` did, if it did.
fn reap(child: Pid, charge: Charge) -> Result<Option<u8>, Failure> {
    let whom = if charge == Charge::Namespace { None } else { Some(child) };
    loop {
        match waitpid(whom, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => {
                return Ok(Some(u8::try_from(code).unwrap_or(u8::MAX)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Some(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX)));
            }
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => (),
            Err(error) => return Err(doing("waiting for a process")(error)),
        }
    }
}

/// Whether nobody has the other end of a pipe any more.
pub(super) fn is_closed(pipe: &File) -> bool {
    let mut watched = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut watched, PollTimeout::ZERO).is_ok_and(|_| {
        watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
    })
}

/// Ends a stage whose pipe was closed, and what it started, and waits for that.
pub(super) fn end(stage: &mut Child) {
    let pid = Pid::from_raw(stage.id().try_into().unwrap_or(i32::MAX));
    // It looks at its pipe when it gets a signal.
    let _ = kill(pid, Signal::SIGTERM);
    let _ = stage.wait();
}
