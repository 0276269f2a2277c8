//! What a confined build sees of this machine: a root of its own, in which there
//! is only what is named here.
//!
//! Nothing is hidden from a build; it is shown what it needs. A list of what to
//! hide would always lack the one place where somebody keeps a key.
//!
//! | where | what | |
//! |---|---|---|
//! | `/usr`, `/bin`, `/lib…`, `/opt`, `/nix`, `/gnu` | the system's programs | read-only |
//! | `/etc` | what those need: libraries, certificates of authorities, names of services | read-only |
//! | the tools' own folders | where they are on this machine | read-only |
//! | `/build/source`, `/build/home`, `/tmp` | the source, and two empty folders | |
//! | `/proc`, `/dev` | its own processes; null, zero and random | |

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde::{Deserialize, Serialize};

use super::stage::{Failure, doing};
use super::{Job, environment, home, temporary, toolchain};

/// The number of the user and group that a build runs as.
pub(super) const USER: u32 = 1000;

const SYSTEM: [&str; 10] =
    ["bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "usr"];

const CONFIGURATION: [&str; 17] = [
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

/// What is needed besides where there is a network.
const NETWORK: [&str; 2] = ["hosts", "resolv.conf"];

const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// A root that has yet to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct View {
    /// An empty folder, to make it in.
    root: PathBuf,
    source: PathBuf,
    home: PathBuf,
    temporary: PathBuf,
    /// Folders that are seen where they are.
    tools: Vec<PathBuf>,
    /// The user's home, which is empty if it is in a folder that is seen.
    hidden: PathBuf,
    /// Whether the network is that of this machine.
    pub(super) network: bool,
}

impl View {
    /// What the steps of a build are to see.
    pub(super) fn of(job: &Job<'_>, network: bool) -> Self {
        let site = job.site;
        let is_shown = |path: &PathBuf| {
            let mut parts = path.components().skip(1);
            !parts.next().is_some_and(|first| SYSTEM.iter().any(|name| first.as_os_str() == *name))
        };
        let found = job.tools.values().flat_map(|tool| toolchain::folders(tool, site.home));
        let mut tools: Vec<PathBuf> =
            found.chain(site.toolchains.iter().cloned()).filter(is_shown).collect();
        tools.sort();
        tools.dedup();
        Self {
            root: site.scratch.join("root"),
            source: site.source.to_owned(),
            home: home(site),
            temporary: temporary(site),
            tools,
            hidden: fs::canonicalize(site.home).unwrap_or_else(|_| site.home.to_owned()),
            network,
        }
    }

    /// Makes the root, and makes it the root of this process.
    ///
    /// The process has to be the first in its own process namespace, and have all
    /// rights in its own mount namespace.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.root).map_err(doing("making a root"))?;
        // The kernel's table of mounts has no link in its paths.
        let root = fs::canonicalize(&self.root).map_err(doing("making a root"))?;
        Self { root, ..self.clone() }.make()
    }

    fn make(&self) -> Result<(), Failure> {
        let nothing: Option<&str> = None;
        // Nothing that is mounted from here on is seen outside.
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
            .map_err(doing("keeping mounts to ourselves"))?;
        Self::temporary_system(&self.root, "mode=755,size=16m")?;
        for name in SYSTEM {
            self.show_system(name)?;
        }
        self.hide_home()?;
        self.configure()?;
        for (from, at) in self.writable() {
            self.bind(from, Path::new(at))?;
        }
        // After those, since a tool may be below one of them.
        for tool in &self.tools {
            self.bind(tool, tool)?;
        }
        self.read_only()?;
        self.devices()?;
        self.become_root()
    }

    /// What a build may write, and where it finds that.
    fn writable(&self) -> [(&Path, &'static str); 3] {
        [
            (&self.source, environment::SOURCE),
            (&self.home, environment::HOME),
            (&self.temporary, environment::TEMPORARY),
        ]
    }

    /// Where `path` of the new root is in the old one.
    fn within(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn temporary_system(at: &Path, options: &str) -> Result<(), Failure> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
            .map_err(doing(format!("mounting {}", at.display())))
    }

    /// Shows a folder or file of this machine at `at` of the new root.
    fn bind(&self, from: &Path, at: &Path) -> Result<(), Failure> {
        let what = || format!("showing {}", at.display());
        let target = self.within(at);
        if fs::metadata(from).map_err(doing(what()))?.is_dir() {
            fs::create_dir_all(&target).map_err(doing(what()))?;
        } else {
            let folder = target.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&target, []))
                .map_err(doing(what()))?;
        }
        let nothing: Option<&str> = None;
        // With what is mounted below it: a part alone cannot be shown, because that
        // would uncover what the mount hides.
        mount(Some(from), &target, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)
            .map_err(doing(what()))
    }

    fn show_system(&self, name: &str) -> Result<(), Failure> {
        let path = Path::new("/").join(name);
        match fs::symlink_metadata(&path) {
            // `/bin` is a link to `usr/bin` on most systems.
            Ok(metadata) if metadata.is_symlink() => fs::read_link(&path)
                .and_then(|link| symlink(link, self.root.join(name)))
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
        let at = self.within(&self.hidden);
        if is_below && at.is_dir() {
            return Self::temporary_system(&at, "mode=755,size=1m");
        }
        Ok(())
    }

    fn configure(&self) -> Result<(), Failure> {
        let etc = self.root.join("etc");
        let write = |name: &str, text: &[u8]| {
            fs::write(etc.join(name), text).map_err(doing(format!("writing /etc/{name}")))
        };
        fs::create_dir_all(&etc).map_err(doing("making /etc"))?;
        for name in CONFIGURATION {
            let path = Path::new("/etc").join(name);
            if path.exists() {
                self.bind(&path, &path)?;
            }
        }
        // The names of this machine's users are nobody's business.
        let user = format!("build:x:{USER}:{USER}::{}:/bin/sh\n", environment::HOME);
        write("passwd", user.as_bytes())?;
        write("group", format!("build:x:{USER}:\n").as_bytes())?;
        if self.network {
            for name in NETWORK {
                // It is often a link to where only the system's own services look.
                match fs::read(Path::new("/etc").join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                    other => write(name, &other.map_err(doing(format!("reading /etc/{name}")))?)?,
                }
            }
        } else {
            write("hosts", b"127.0.0.1 localhost\n")?;
        }
        Ok(())
    }

    /// Makes all that is mounted so far read-only, also what came along, but for
    /// the root itself and what a build may write.
    fn read_only(&self) -> Result<(), Failure> {
        let writable = self.writable().map(|(_, at)| self.within(Path::new(at)));
        let table = fs::read_to_string("/proc/self/mountinfo").map_err(doing("reading mounts"))?;
        let nothing: Option<&str> = None;
        for (path, options) in table.lines().filter_map(mounted) {
            if !path.starts_with(&self.root) || path == self.root || writable.contains(&path) {
                continue;
            }
            let flags = kept(&options)
                | MsFlags::MS_NOSUID
                | MsFlags::MS_BIND
                | MsFlags::MS_REMOUNT
                | MsFlags::MS_RDONLY;
            mount(nothing, &path, nothing, flags, nothing)
                .map_err(doing(format!("making {} read-only", path.display())))?;
        }
        Ok(())
    }

    fn devices(&self) -> Result<(), Failure> {
        let dev = self.root.join("dev");
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
        Self::temporary_system(&shared, "mode=1777")?;
        let processes = self.root.join("proc");
        fs::create_dir(&processes).map_err(doing("making /proc"))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let nothing: Option<&str> = None;
        mount(Some("proc"), &processes, Some("proc"), flags, nothing)
            .map_err(doing("mounting /proc"))
    }

    /// Leaves the old root for good. Source: `pivot_root(2)`.
    fn become_root(&self) -> Result<(), Failure> {
        let old = self.root.join("old");
        fs::create_dir(&old).map_err(doing("making the root"))?;
        nix::unistd::pivot_root(&self.root, &old).map_err(doing("changing the root"))?;
        nix::unistd::chdir("/").map_err(doing("changing the root"))?;
        umount2("/old", MntFlags::MNT_DETACH).map_err(doing("leaving the old root"))?;
        fs::remove_dir("/old").map_err(doing("leaving the old root"))?;
        let nothing: Option<&str> = None;
        let flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV;
        mount(nothing, "/", nothing, flags, nothing).map_err(doing("making the root read-only"))
    }
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
