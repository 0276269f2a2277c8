//! What may be asked of the kernel: seccomp.
//!
//! A list of what is denied, and not of what is allowed: a server is any program in
//! any language, and a list of all that each runtime needs would be wrong on the next
//! kernel. Denied is what reaches into other processes, makes namespaces or mounts,
//! loads code into the kernel, or has a record of holes; none of it is of use to a
//! server. The answer is `EPERM`, and `ENOSYS` where libraries then use an older call.
//!
//! Source: `seccomp(2)`; the list is that of container engines, and `io_uring`, which
//! does what other calls do where no filter sees it.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter, sock_filter,
};

use super::Around;
use crate::sandbox::stage::{Failure, doing};

/// Denied whatever their arguments are.
const DENIED: &[i64] = &[
    // Into other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_fanotify_init,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_quotactl,
    // The kernel and the machine.
    libc::SYS_bpf,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Keys of the user's session.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Shared with whoever else is on this machine.
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_set_mempolicy,
];

/// The same, where there are only these.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// Denied where there is no namespace around the program: to leave the group that is
/// ended with it, and every socket, since no other rule covers those of Unix.
const DENIED_WITHOUT_NAMESPACES: &[i64] = &[libc::SYS_setsid, libc::SYS_setpgid, libc::SYS_socket];

/// The families of sockets that a program with a network of its own may use.
const FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// The kinds of namespaces that a new process may be put into.
const NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWTIME,
];

/// Controls of a terminal that type into it: `TIOCSTI` and `TIOCLINUX`, CVE-2017-5226.
const TYPES_INTO_TERMINAL: [u64; 2] = [0x5412, 0x541c];

pub(super) fn restrict(around: Around) -> Result<(), Failure> {
    // Its flags are behind a pointer, where no filter can look.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    for (rules, errno) in [(unknown, libc::ENOSYS), (denied(around)?, libc::EPERM)] {
        let filter = filter(rules, errno)?;
        apply_filter(&filter).map_err(failed)?;
    }
    Ok(())
}

fn failed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Failure {
    doing("restricting system calls")(io::Error::other(error))
}

fn denied(around: Around) -> Result<BTreeMap<i64, Vec<SeccompRule>>, Failure> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
    let if_all = |conditions| SeccompRule::new(conditions).map_err(failed);
    let argument = |index, operator, value| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value).map_err(failed)
    };
    let has = |flag: u64| SeccompCmpOp::MaskedEq(flag);
    let namespaces = NAMESPACES
        .into_iter()
        .map(bits)
        .map(|flag| if_all(vec![argument(0, has(flag), flag)?]))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_clone, namespaces);
    let terminal = TYPES_INTO_TERMINAL
        .into_iter()
        .map(|control| if_all(vec![argument(1, SeccompCmpOp::Eq, control)?]))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_ioctl, terminal);
    match around {
        Around::Namespaces => {
            let none_of = FAMILIES
                .into_iter()
                .map(|family| argument(0, SeccompCmpOp::Ne, bits(family)))
                .collect::<Result<_, _>>()?;
            rules.insert(libc::SYS_socket, vec![if_all(none_of)?]);
        }
        Around::Nothing => {
            rules.extend(DENIED_WITHOUT_NAMESPACES.iter().map(|call| (*call, Vec::new())));
        }
    }
    Ok(rules)
}

/// The bits of a constant, as the kernel compares them.
fn bits(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, Failure> {
    let answer = SeccompAction::Errno(errno.cast_unsigned());
    let here = std::env::consts::ARCH.try_into().map_err(failed)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, here).map_err(failed)?;
    let mut program: BpfProgram = filter.try_into().map_err(failed)?;
    if cfg!(target_arch = "x86_64") {
        program.splice(0..0, only_one_table());
    }
    Ok(program)
}

/// Denies the second table of system calls that x86-64 kernels may have, x32, in which
/// the same calls have other numbers. Of another architecture the filter itself makes
/// an end. Source: `seccomp(2)`, "Caveats"; `linux/filter.h`, `linux/seccomp.h`.
fn only_one_table() -> [sock_filter; 3] {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    const ERRNO: u32 = 0x0005_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    [
        // The number of the call is the first word.
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_AT_LEAST, 0, 1, X32),
        step(RETURN, 0, 0, ERRNO | libc::ENOSYS.cast_unsigned()),
    ]
}
