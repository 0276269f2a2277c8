//! What a confined process sees of this machine: a root of its own, in which
//! there is only what is named here.
//!
//! Nothing is hidden; what is needed is shown. A list of what to hide would always
//! lack the one place where somebody keeps a key. What the user granted is shown
//! too, and only in there are some places covered again.
//!
//! | where | what | |
//! |---|---|---|
//! | `/usr`, `/bin`, `/lib…`, `/opt`, `/nix`, `/gnu` | the system's programs | read-only |
//! | `/etc` | what those need: libraries, certificates of authorities, names of services | read-only |
//! | the parts | what is shown besides, in this order, or covered | as each says |
//! | `/proc`, `/dev` | its own processes; null, zero and random | |

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde::{Deserialize, Serialize};

use crate::sandbox::stage::{Failure, doing};

/// The number of the user and group that a confined process runs as.
pub(crate) const USER: u32 = 1000;

/// The folders of the system's programs, below `/`.
pub(crate) const SYSTEM: [&str; 10] =
    ["bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "usr"];

/// What those need, below `/etc`.
pub(crate) const CONFIGURATION: [&str; 17] = [
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "gai.conf",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "mime.types",
    "nsswitch.conf",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
];

/// What is needed besides where there is the network of this machine.
const NETWORK: [&str; 2] = ["hosts", "resolv.conf"];

pub(crate) const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// What of `/proc` is about the machine and not about a process. Whoever is user 0
/// outside may write it without any capability, so it is made read-only; there the
/// kernel can be told to start a program of one's choice (`core_pattern`).
const OF_THE_MACHINE: [&str; 6] = ["acpi", "bus", "fs", "irq", "sys", "sysrq-trigger"];

/// How many processes and threads there may be at once. The same is set as a limit,
/// which does not hold for whoever is user 0 outside: `kernel/fork.c`.
pub(crate) const PROCESSES: u64 = 1024;

/// A root that has yet to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Root {
    /// An empty folder, to make it in.
    pub(crate) at: PathBuf,
    /// The name of the user in there, and of the machine.
    pub(crate) name: String,
    /// The home of that user.
    pub(crate) home: PathBuf,
    /// The user's real home, which is empty if it is among the system's folders.
    pub(crate) hidden: PathBuf,
    /// What is shown besides the system, in this order.
    pub(crate) parts: Vec<Part>,
    /// Whose network it has.
    pub(crate) network: Network,
}

/// Something that is shown, or covered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Part {
    /// A folder or file of this machine.
    Show {
        /// Where it is.
        from: PathBuf,
        /// Where it is seen.
        at: PathBuf,
        /// What may be done with it.
        access: Access,
    },
    /// An empty folder that is gone afterwards.
    Temporary(PathBuf),
    /// Another name of something that is shown.
    Link {
        /// The name.
        at: PathBuf,
        /// What it leads to.
        to: PathBuf,
    },
    /// A place that is empty, if there is anything by then.
    Cover(PathBuf),
}

/// What may be done with what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Whose network a process has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Network {
    /// That of this machine.
    Machine,
    /// One of its own, and the files below `/etc` that say who is in it.
    Own(BTreeMap<String, String>),
}

impl Network {
    /// One with nobody in it.
    pub(crate) fn none() -> Self {
        Self::Own([("hosts".to_owned(), "127.0.0.1 localhost\n".to_owned())].into())
    }
}

impl Root {
    /// Makes the root, and makes it the root of this process.
    ///
    /// The process has to be the first in its own process namespace, and have all
    /// rights in its own mount namespace.
    pub(crate) fn enter(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.at).map_err(doing("making a root"))?;
        // The kernel's table of mounts has no link in its paths.
        let at = fs::canonicalize(&self.at).map_err(doing("making a root"))?;
        Self { at, ..self.clone() }.make()
    }

    fn make(&self) -> Result<(), Failure> {
        let nothing: Option<&str> = None;
        // Nothing that is mounted from here on is seen outside.
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
            .map_err(doing("keeping mounts to ourselves"))?;
        Self::temporary_system(&self.at, "mode=755,size=16m")?;
        for name in SYSTEM {
            self.show_system(name)?;
        }
        self.hide_home()?;
        self.configure()?;
        for part in &self.parts {
            match part {
                Part::Show { from, at, .. } => self.bind(from, at)?,
                Part::Temporary(at) => {
                    let target = self.within(at);
                    fs::create_dir_all(&target).map_err(doing(showing(at)))?;
                    Self::temporary_system(&target, "mode=1777,size=1g")?;
                }
                Part::Link { at, to } => self.link(at, to)?,
                Part::Cover(at) => self.cover(at)?,
            }
        }
        self.read_only()?;
        self.devices()?;
        self.become_root()
    }

    /// What may be written.
    fn writable(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Show { at, access: Access::Write, .. } | Part::Temporary(at) => Some(&**at),
            _ => None,
        })
    }

    /// Where `path` of the new root is in the old one.
    fn within(&self, path: &Path) -> PathBuf {
        self.at.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn temporary_system(at: &Path, options: &str) -> Result<(), Failure> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
            .map_err(doing(format!("mounting {}", at.display())))
    }

    /// Shows a folder or file of this machine at `at` of the new root.
    fn bind(&self, from: &Path, at: &Path) -> Result<(), Failure> {
        let target = self.within(at);
        if fs::metadata(from).map_err(doing(showing(at)))?.is_dir() {
            fs::create_dir_all(&target).map_err(doing(showing(at)))?;
        } else if !target.exists() {
            let folder = target.parent().unwrap_or(&self.at);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&target, []))
                .map_err(doing(showing(at)))?;
        }
        let nothing: Option<&str> = None;
        // With what is mounted below it: a part alone cannot be shown, because that
        // would uncover what the mount hides.
        mount(Some(from), &target, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)
            .map_err(doing(showing(at)))
    }

    /// Puts an empty folder or file over what is at `at`.
    fn cover(&self, at: &Path) -> Result<(), Failure> {
        let target = self.within(at);
        match fs::metadata(&target) {
            Err(_) => Ok(()),
            Ok(metadata) if metadata.is_dir() => {
                Self::temporary_system(&target, "mode=755,size=1m")
            }
            Ok(_) => {
                let empty = self.at.join(".empty");
                fs::write(&empty, []).map_err(doing("making an empty file"))?;
                self.bind(&empty, at)
            }
        }
    }

    fn link(&self, at: &Path, to: &Path) -> Result<(), Failure> {
        let target = self.within(at);
        if fs::symlink_metadata(&target).is_ok() {
            return Ok(());
        }
        fs::create_dir_all(target.parent().unwrap_or(&self.at))
            .and_then(|()| symlink(to, &target))
            .map_err(doing(showing(at)))
    }

    fn show_system(&self, name: &str) -> Result<(), Failure> {
        let path = Path::new("/").join(name);
        match fs::symlink_metadata(&path) {
            // `/bin` is a link to `usr/bin` on most systems.
            Ok(metadata) if metadata.is_symlink() => fs::read_link(&path)
                .and_then(|link| symlink(link, self.at.join(name)))
                .map_err(doing(format!("showing /{name}"))),
            Ok(metadata) if metadata.is_dir() => self.bind(&path, &path),
            _ => Ok(()),
        }
    }

    /// Covers the user's home where it is among the system's folders, as that of
    /// an account for services may be: `/opt/runner`.
    fn hide_home(&self) -> Result<(), Failure> {
        let is_below = SYSTEM.iter().any(|name| {
            let folder = Path::new("/").join(name);
            self.hidden.starts_with(&folder) && self.hidden != folder
        });
        if is_below { self.cover(&self.hidden) } else { Ok(()) }
    }

    fn configure(&self) -> Result<(), Failure> {
        let etc = self.at.join("etc");
        let write = |name: &str, text: &[u8]| {
            fs::write(etc.join(name), text).map_err(doing(format!("writing /etc/{name}")))
        };
        fs::create_dir_all(&etc).map_err(doing("making /etc"))?;
        let is_ours = |name: &str| match &self.network {
            Network::Machine => false,
            Network::Own(files) => files.contains_key(name),
        };
        for name in CONFIGURATION {
            let path = Path::new("/etc").join(name);
            if path.exists() && !is_ours(name) {
                self.bind(&path, &path)?;
            }
        }
        // The names of this machine's users are nobody's business.
        let (name, home) = (&self.name, self.home.display());
        write("passwd", format!("{name}:x:{USER}:{USER}::{home}:/bin/sh\n").as_bytes())?;
        write("group", format!("{name}:x:{USER}:\n").as_bytes())?;
        match &self.network {
            Network::Machine => {
                for name in NETWORK {
                    // It is often a link to where only the system's own services look.
                    match fs::read(Path::new("/etc").join(name)) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                        other => {
                            write(name, &other.map_err(doing(format!("reading /etc/{name}")))?)?;
                        }
                    }
                }
            }
            Network::Own(files) => {
                for (name, text) in files {
                    write(name, text.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Makes all that is mounted so far read-only, also what came along, but for
    /// the root itself and what may be written.
    fn read_only(&self) -> Result<(), Failure> {
        let writable: Vec<PathBuf> = self.writable().map(|at| self.within(at)).collect();
        let table = fs::read_to_string("/proc/self/mountinfo").map_err(doing("reading mounts"))?;
        for (path, options) in table.lines().filter_map(mounted) {
            if path.starts_with(&self.at) && path != self.at && !writable.contains(&path) {
                freeze(&path, kept(&options))?;
            }
        }
        Ok(())
    }

    fn devices(&self) -> Result<(), Failure> {
        let dev = self.at.join("dev");
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            self.bind(&path, &path)?;
        }
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            symlink(target, dev.join(name)).map_err(doing(format!("making /dev/{name}")))?;
        }
        let shared = dev.join("shm");
        fs::create_dir(&shared).map_err(doing("making /dev/shm"))?;
        Self::temporary_system(&shared, "mode=1777,size=1g")?;
        self.processes()
    }

    fn processes(&self) -> Result<(), Failure> {
        let processes = self.at.join("proc");
        fs::create_dir(&processes).map_err(doing("making /proc"))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let nothing: Option<&str> = None;
        mount(Some("proc"), &processes, Some("proc"), flags, nothing)
            .map_err(doing("mounting /proc"))?;
        // Before Linux 6.14 it is one number for all of the machine, which nobody in
        // here may change; the limit has to do then.
        let _ = fs::write(processes.join("sys/kernel/pid_max"), PROCESSES.to_string());
        for name in OF_THE_MACHINE {
            let path = processes.join(name);
            if path.exists() {
                mount(Some(&path), &path, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)
                    .map_err(doing(format!("covering /proc/{name}")))?;
                freeze(&path, flags)?;
            }
        }
        Ok(())
    }

    /// Leaves the old root for good. Source: `pivot_root(2)`.
    fn become_root(&self) -> Result<(), Failure> {
        let old = self.at.join("old");
        fs::create_dir(&old).map_err(doing("making the root"))?;
        nix::unistd::pivot_root(&self.at, &old).map_err(doing("changing the root"))?;
        nix::unistd::chdir("/").map_err(doing("changing the root"))?;
        umount2("/old", MntFlags::MNT_DETACH).map_err(doing("leaving the old root"))?;
        fs::remove_dir("/old").map_err(doing("leaving the old root"))?;
        freeze(Path::new("/"), MsFlags::MS_NODEV)
    }
}

fn showing(at: &Path) -> String {
    format!("showing {}", at.display())
}

/// Makes one mount read-only, and keeps `flags` of it.
fn freeze(path: &Path, flags: MsFlags) -> Result<(), Failure> {
    let nothing: Option<&str> = None;
    let flags =
        flags | MsFlags::MS_NOSUID | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(nothing, path, nothing, flags, nothing)
        .map_err(doing(format!("making {} read-only", path.display())))
}

/// Where something is mounted and how: two fields of a line of `mountinfo`.
///
/// Source: `proc_pid_mountinfo(5)`.
fn mounted(line: &str) -> Option<(PathBuf, String)> {
    let mut fields = line.split(' ').skip(4);
    let path = fields.next()?;
    // Spaces, tabs, line ends and backslashes are written in octal.
    let path = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(path.to_owned(), |path, (octal, character)| path.replace(octal, character));
    Some((PathBuf::from(path), fields.next()?.to_owned()))
}

/// The flags of a mount that nobody here may take away.
///
/// Source: `mount_namespaces(7)`.
fn kept(options: &str) -> MsFlags {
    options
        .split(',')
        .map(|option| match option {
            "nodev" => MsFlags::MS_NODEV,
            "noexec" => MsFlags::MS_NOEXEC,
            "noatime" => MsFlags::MS_NOATIME,
            "nodiratime" => MsFlags::MS_NODIRATIME,
            "relatime" => MsFlags::MS_RELATIME,
            _ => MsFlags::empty(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_of_mounts_says_where_and_how() {
        let line = "36 35 98:0 /mnt1 /my\\040disk rw,noatime,nodev shared:1 - ext3 /dev/root rw";
        let (path, options) = mounted(line).unwrap();
        assert_eq!(path, Path::new("/my disk"));
        assert_eq!(kept(&options), MsFlags::MS_NOATIME | MsFlags::MS_NODEV);
        assert_eq!(mounted("36 35"), None);
    }
}
