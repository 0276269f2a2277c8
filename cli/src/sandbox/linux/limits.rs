//! How much a program may use.
//!
//! A limit of memory counts for each process alone: to count them together takes a
//! control group, which most systems let no ordinary user make. What a process may
//! reserve without using it is not limited, since several runtimes reserve terabytes.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::root::PROCESSES;
use crate::sandbox::stage::{Failure, doing};

/// How much memory one process may write to, in bytes. Source: `getrlimit(2)`,
/// `RLIMIT_DATA`, which counts private writable memory since Linux 4.7.
pub(super) const MEMORY: u64 = 4 << 30;

/// How many files one process may have open.
pub(super) const FILES: u64 = 4096;

/// The largest core dump, in bytes. With 0 the kernel still hands all of the memory
/// to whoever takes dumps through a pipe; with 1 it does not: `fs/coredump.c`.
const CORE: u64 = 1;

/// Sets what holds for every process.
pub(super) fn set() -> Result<(), Failure> {
    lower(Resource::RLIMIT_CORE, CORE)?;
    lower(Resource::RLIMIT_DATA, MEMORY)?;
    lower(Resource::RLIMIT_NOFILE, FILES)
}

/// Sets how many processes there may be. It counts those of the user namespace, and
/// without one all that the user has, for which no number would be right.
pub(super) fn set_processes() -> Result<(), Failure> {
    lower(Resource::RLIMIT_NPROC, PROCESSES)
}

fn lower(resource: Resource, limit: u64) -> Result<(), Failure> {
    let what = || format!("setting a limit ({resource:?})");
    let (_, hard) = getrlimit(resource).map_err(doing(what()))?;
    let limit = limit.min(hard);
    setrlimit(resource, limit, limit).map_err(doing(what()))
}
