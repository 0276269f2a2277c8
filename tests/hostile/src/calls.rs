//! System calls that a server has no business making.

#![expect(unsafe_code, reason = "no library makes these calls for one who should not")]

use std::io;

use libc::c_long;

/// The most processes that it starts: far more than it may.
const BOMB: usize = 3000;

/// How much memory it takes at once, and at most, in bytes. It never writes to it.
const CHUNK: usize = 256 << 20;
const MOST: usize = 16 << 30;

pub(crate) fn attempt(name: &str, argument: &str) -> io::Result<String> {
    let number = || argument.parse::<c_long>().map_err(io::Error::other);
    let done = |result: c_long| {
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok("done".to_owned()) }
    };
    let call = |number: c_long, arguments: [c_long; 3]| {
        // SAFETY: no argument is a pointer but null, for which the kernel has an error.
        done(unsafe { libc::syscall(number, arguments[0], arguments[1], arguments[2], 0, 0) })
    };
    let flags = |flags: i32| c_long::from(flags);
    match name {
        "ptrace" => call(libc::SYS_ptrace, [flags(0x4206), number()?, 0]),
        "read-memory" => call(libc::SYS_process_vm_readv, [number()?, 0, 0]),
        "take-descriptor" => call(libc::SYS_pidfd_getfd, [number()?, 0, 0]),
        "unshare" => call(libc::SYS_unshare, [flags(libc::CLONE_NEWUSER), 0, 0]),
        "unshare-mounts" => call(libc::SYS_unshare, [flags(libc::CLONE_NEWNS), 0, 0]),
        "clone" => call(libc::SYS_clone, [flags(libc::CLONE_NEWUSER), 0, 0]),
        "clone3" => call(libc::SYS_clone3, [0, 88, 0]),
        "setns" => call(libc::SYS_setns, [0, 0, 0]),
        "mount" => call(libc::SYS_mount, [0, 0, 0]),
        "umount" => call(libc::SYS_umount2, [0, 0, 0]),
        "chroot" => call(libc::SYS_chroot, [0, 0, 0]),
        "open-tree" => call(libc::SYS_open_tree, [-1, 0, 0]),
        "io_uring" => call(libc::SYS_io_uring_setup, [1, 0, 0]),
        "bpf" => call(libc::SYS_bpf, [0, 0, 0]),
        "keys" => call(libc::SYS_keyctl, [0, -3, 0]),
        "add-key" => call(libc::SYS_add_key, [0, 0, 0]),
        "perf" => call(libc::SYS_perf_event_open, [0, 0, 0]),
        "userfaultfd" => call(libc::SYS_userfaultfd, [0, 0, 0]),
        "module" => call(libc::SYS_init_module, [0, 0, 0]),
        "kexec" => call(libc::SYS_kexec_load, [0, 0, 0]),
        "reboot" => call(libc::SYS_reboot, [0, 0, 0]),
        "handle" => call(libc::SYS_open_by_handle_at, [-1, 0, 0]),
        "new-session" => call(libc::SYS_setsid, [0, 0, 0]),
        // The number of getpid in x32, the second table of system calls.
        "second-table" => call(0x4000_0000 + libc::SYS_getpid, [0, 0, 0]),
        "socket" => call(libc::SYS_socket, [number()?, flags(libc::SOCK_RAW), 0]),
        "datagrams" => call(libc::SYS_socket, [number()?, flags(libc::SOCK_DGRAM), 0]),
        "type-into-terminal" => call(libc::SYS_ioctl, [0, 0x5412, 0]),
        "bomb" => Ok(bomb()),
        "memory" => Ok(memory()),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Sends a process the signal that does nothing, which takes the right to send one.
pub(crate) fn signal(pid: i32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    if unsafe { libc::kill(pid, 0) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn signal_itself(signal: i32) {
    // SAFETY: no memory is involved; it may not return, as is wanted.
    unsafe { libc::raise(signal) };
}

/// Starts processes until it may not, and says how many those were.
fn bomb() -> String {
    let mut children = Vec::new();
    while children.len() < BOMB {
        // SAFETY: this process has one thread, and its child only waits.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: no memory is involved.
                unsafe { libc::pause() };
            },
            child if child > 0 => children.push(child),
            _ => break,
        }
    }
    for child in &children {
        // SAFETY: these are children that nobody has waited for, and null is no place.
        unsafe {
            libc::kill(*child, libc::SIGKILL);
            libc::waitpid(*child, std::ptr::null_mut(), 0);
        }
    }
    children.len().to_string()
}

/// Takes memory until it may not, and says how many GiB that was.
fn memory() -> String {
    let mut taken = 0;
    while taken < MOST {
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
        );
        // SAFETY: new memory at no place in particular, which nobody uses.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), CHUNK, access, kind, -1, 0) };
        if at == libc::MAP_FAILED {
            break;
        }
        taken += CHUNK;
    }
    (taken >> 30).to_string()
}

pub(crate) fn name_of(error: &io::Error) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EBADF, "EBADF"),
        (libc::ECHILD, "ECHILD"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EEXIST, "EEXIST"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::EROFS, "EROFS"),
        (libc::EBUSY, "EBUSY"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::EHOSTUNREACH, "EHOSTUNREACH"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::ENODEV, "ENODEV"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    ];
    let known = error.raw_os_error().and_then(|code| names.iter().find(|(it, _)| *it == code));
    known.map_or_else(|| error.to_string(), |(_, name)| (*name).to_owned())
}
