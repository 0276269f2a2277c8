//! What a server is kept in.
//!
//! | level | files | network | the rest | where |
//! |---|---|---|---|---|
//! | *strong* | a root with nothing in it but what was granted, and Landlock over it | a network of its own, with the granted hosts in it | own processes, no rights, seccomp, limits | Linux with user namespaces |
//! | *medium* | Landlock over the user's own | none: a list of hosts cannot be held to | no rights, seccomp, limits | Linux 6.7 and newer without them; macOS (Seatbelt, untested) |
//! | *none* | the user's | the user's | an environment made from nothing | anywhere, if the user asks for it by name |
//!
//! The best level that this machine has is taken, and said. A grant that it cannot
//! enforce refuses the launch: a server that was promised less than it gets is worse
//! than one that does not start.
//!
//! What holds at every level but *none*:
//!
//! - What is in [`denied`] is denied although it was granted.
//! - Only the server's program, its own files and the programs that it was granted can
//!   be started. That keeps it from using what is there, and not from computing: see
//!   `linux/files.rs`.
//! - Whatever it starts is confined as it is.
//!
//! What does not: at *medium* a server sees which processes there are, counts its
//! processes together with the user's, and can hide none of what a granted folder
//! holds, so a grant around a denied place is refused there.
//!
//! | module | does |
//! |---|---|
//! | `attended` | has somebody stay who ends what a program has started elsewhere |
//! | [`denied`] | says what no server gets |
//! | `programs` | says which files it takes to start a program |
//! | `stage` | is between us and a program |
//! | `process` | passes signals in and the exit code out, and leaves nothing behind |
//! | `linux`, `macos`, `elsewhere` | what each system has for it |

mod attended;
pub mod denied;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod elsewhere;
mod error;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(unix)]
mod process;
pub mod programs;
#[cfg(unix)]
pub(crate) mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Arc;

use mcpkg_core::permissions::HostPort;
use serde::Serialize;

pub use self::attended::{Attended, Charge, Leash};
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
use self::elsewhere as here;
pub use self::error::SandboxError;
#[cfg(target_os = "linux")]
use self::linux as here;
#[cfg(target_os = "macos")]
use self::macos as here;
#[cfg(unix)]
pub use self::stage::entered;
use crate::egress::Report;
use crate::egress::swap::Swap;

/// How well a server is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not at all.
    None,
    /// In what it may do.
    Medium,
    /// In what it may do and in what it sees.
    Strong,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Medium => "medium",
            Self::Strong => "strong",
        })
    }
}

/// How a server is to be confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// As well as this machine can.
    Best,
    /// Not at all, as the user asked by name.
    None,
}

/// A program to start, and what it may have. All paths are absolute, with every link
/// in them resolved.
#[derive(Clone)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// All variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// A folder of its own: where it starts, and its home.
    pub folder: PathBuf,
    /// An empty folder that is always there, for a root to be made in.
    pub root: PathBuf,
    /// The user's real home.
    pub home: PathBuf,
    /// What it may do with files.
    pub sight: Sight,
    /// The hosts that it may connect to.
    pub hosts: BTreeSet<HostPort>,
    /// The secrets that are put into its requests to these hosts, if there are any.
    pub swap: Option<Arc<Swapping>>,
}

/// Secrets that a program does not have, and the files that make it trust whoever puts
/// them in. They are gone with this.
pub struct Swapping {
    /// Puts them in.
    pub swap: Arc<Swap>,
    /// The folder of the files.
    pub files: tempfile::TempDir,
}

/// What a program may do with files, besides the system's and its own folder.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// What it may read.
    pub read: Vec<PathBuf>,
    /// What it may write.
    pub write: Vec<PathBuf>,
    /// Other names of those, and what they lead to.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// What is denied of those.
    pub denied: Vec<PathBuf>,
    /// What it may read of those, and not write.
    pub frozen: Vec<PathBuf>,
    /// What it may read although it is in what was denied: its own files.
    pub own: Vec<PathBuf>,
    /// What it may write there: its own data.
    pub own_writable: Vec<PathBuf>,
    /// The programs that it may start, or folders of them.
    pub execute: Vec<PathBuf>,
}

/// How well this machine can confine a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The best level.
    pub level: Level,
    /// Why it is not a better one.
    pub reason: Option<String>,
}

/// Finds out how well a server can be confined here, by doing it to nothing.
pub fn probe(root: PathBuf) -> Found {
    here::probe(root)
}

/// Starts a program, confined.
///
/// The thread that calls this has to stay: when it ends, the kernel ends the program.
/// Threads that are started afterwards get no signals that are for the program. `report`
/// is told of every connection that the program tried and did not get, where there is
/// somebody who notices: at level strong.
///
/// # Errors
///
/// See [`SandboxError`]; nothing was started then.
pub fn spawn(plan: &Plan, wanted: Wanted, report: Report) -> Result<Confined, SandboxError> {
    here::spawn(plan, wanted, report)
}

/// A running program, ended when this is dropped.
pub struct Confined {
    child: Child,
    found: Found,
    ended: Option<u8>,
    /// Carries its connections until then.
    #[cfg(target_os = "linux")]
    _broker: Option<crate::egress::Broker>,
    /// Closing it ends the program.
    #[cfg(unix)]
    alive: Option<std::os::fd::OwnedFd>,
}

impl Confined {
    /// How it is confined, and why not better.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// What it reads from. To be taken once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// What it writes to. To be taken once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end, and passes signals on to it until then. The answer is its
    /// exit code, or 128 and the number of the signal that ended it.
    pub fn wait(&mut self) -> Result<u8, SandboxError> {
        if let Some(code) = self.ended {
            return Ok(code);
        }
        #[cfg(unix)]
        let code = process::supervise(&self.child, process::Charge::Process, None)
            .map_err(SandboxError::of)?;
        #[cfg(not(unix))]
        let code = {
            let status = self.child.wait().map_err(SandboxError::Wait)?;
            status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
        };
        self.ended = Some(code);
        Ok(code)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        #[cfg(unix)]
        {
            self.alive = None;
            process::end(&mut self.child);
        }
        #[cfg(not(unix))]
        {
            // It fails if it has ended, which is what was wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
