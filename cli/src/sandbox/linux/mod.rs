//! Confinement on Linux.
//!
//! | module | does |
//! |---|---|
//! | `root` | what is seen: a root of its own, in a mount namespace |
//! | `files` | what may be done with what is seen: Landlock |
//! | `calls` | what may be asked of the kernel: seccomp |
//! | `levels` | what is tried first, and which of these a plan takes |
//! | `network` | whom it reaches: the sockets of `egress`, made inside and served outside |
//! | `limits` | how much of everything: processes, memory, open files |

mod calls;
mod files;
mod levels;
mod limits;
pub(crate) mod network;
pub(crate) mod root;

use std::fs;
use std::path::PathBuf;

use caps::CapSet;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub(super) use self::levels::{probe, spawn};
use self::root::Network;
use super::process::{self, Charge};
use super::stage::{Failure, Running, doing};

/// What a program may do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rights {
    /// Whether there are namespaces around it.
    pub(crate) around: Around,
    /// The folders and files that it may read.
    pub(crate) read: Vec<PathBuf>,
    /// Those that it may write.
    pub(crate) write: Vec<PathBuf>,
    /// Those that it may start programs from.
    pub(crate) execute: Vec<PathBuf>,
}

/// What is around a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Around {
    /// Namespaces: what it cannot see it need not be denied.
    Namespaces,
    /// Nothing.
    Nothing,
}

/// Enters new namespaces, and starts the first process in there.
pub(super) fn enter(running: &mut Running) -> Result<u8, Failure> {
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if running.stage.root.as_ref().is_none_or(|root| root.network != Network::Machine) {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    become_in_namespace(flags, 0)?;
    running.die_with_parent(Signal::SIGKILL)?;
    let started = running.next("inside", |_| ())?;
    process::supervise(&started.child, Charge::Process, running.parent.as_ref())
}

/// Makes the root, gives up all rights, and starts the program.
pub(super) fn inside(running: &mut Running) -> Result<u8, Failure> {
    let Some(root) = &running.stage.root else { return Ok(0) };
    if let Some(network) = &running.stage.network {
        network.set_up()?;
    }
    root.enter()?;
    nix::unistd::sethostname(&root.name).map_err(doing("naming the machine"))?;
    become_in_namespace(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS, root::USER)?;
    nix::sys::prctl::set_no_new_privs().map_err(doing("giving up new rights"))?;
    if let Some(rights) = &running.stage.rights {
        limits::set_processes()?;
        restrict(rights)?;
    }
    running.die_with_parent(Signal::SIGKILL)?;
    let Some(child) = running.start_program()? else { return Ok(0) };
    process::supervise(&child, Charge::Namespace, running.parent.as_ref())
}

/// Gives up, for this process and all that it starts, what `rights` does not name.
pub(super) fn restrict(rights: &Rights) -> Result<(), Failure> {
    limits::set()?;
    drop_capabilities()?;
    nix::sys::prctl::set_no_new_privs().map_err(doing("giving up new rights"))?;
    files::restrict(rights)?;
    calls::restrict(rights.around)
}

/// Drops every capability, and those that a program could bring along.
fn drop_capabilities() -> Result<(), Failure> {
    let dropped = |error: caps::errors::CapsError| {
        doing("dropping capabilities")(std::io::Error::other(error))
    };
    // An ordinary user may not change this set, and gets nothing from it.
    if caps::has_cap(None, CapSet::Effective, caps::Capability::CAP_SETPCAP).map_err(dropped)? {
        caps::clear(None, CapSet::Bounding).map_err(dropped)?;
    }
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(dropped)?;
    }
    Ok(())
}

/// Enters namespaces in which this user has the number `user`.
fn become_in_namespace(flags: CloneFlags, user: u32) -> Result<(), Failure> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(flags).map_err(doing("making namespaces"))?;
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(doing(format!("writing {file}")))
    };
    // Without this an unprivileged process may map no group: user_namespaces(7).
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {uid} 1"))?;
    write("gid_map", format!("{user} {gid} 1"))
}
