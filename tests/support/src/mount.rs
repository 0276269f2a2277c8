//! Disks that are full or read-only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A file system of its own, which can be full or read-only.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts one of `size` (`8m`) over `path`, or says why the test is skipped:
    /// mounting wants root.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub fn over(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&path).expect("a folder can be made");
        let mount = Self(path);
        let options = format!("size={size}");
        if mount.run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"]) {
            return Some(mount);
        }
        std::mem::forget(mount);
        eprintln!("skipped: this user may not mount a file system");
        None
    }

    /// Makes it read-only, or writable again.
    pub fn set_read_only(&self, yes: bool) {
        let options = if yes { "remount,ro" } else { "remount,rw" };
        assert!(self.run("mount", &["-o", options]), "it can be mounted again");
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let output = Command::new(program).args(args).arg(&self.0).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that a failing test left behind may still use it.
        self.run("umount", &["-l"]);
    }
}
