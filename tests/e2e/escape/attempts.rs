//! What it tries, and what comes of it.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};

use serde_json::json;

use super::server::{Level, Tried, Victim, skipped};

/// What comes of an attempt at each level. Unconfined some would harm this machine, and
/// some fail for another reason on one machine or another: those are not tried there.
struct Row {
    attempt: String,
    strong: &'static str,
    medium: &'static str,
    unconfined: Option<&'static str>,
}

/// Somebody to reach: files, sockets and a process outside.
struct Outside {
    victim: Victim,
    port: u16,
    _unix: UnixListener,
    _abstract: UnixListener,
}

impl Outside {
    fn new() -> Self {
        let victim = Victim::of(&json!({ "run": ["env"] }), &[]);
        victim.world.file("secret", "secret\n");
        victim.world.file(".bashrc", "# mine\n");
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                // Whoever connected may be gone already.
                let _ = stream.unwrap().write_all(b"hello");
            }
        });
        let name = SocketAddr::from_abstract_name(format!("mcpkg-{port}")).unwrap();
        Self {
            port,
            _unix: UnixListener::bind(victim.world.path().join("socket")).unwrap(),
            _abstract: UnixListener::bind_addr(&name).unwrap(),
            victim,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let home = self.victim.world.path().display();
        let (port, me) = (self.port, std::process::id());
        let row = |attempt: String, strong, medium, unconfined| Row {
            attempt,
            strong,
            medium,
            unconfined,
        };
        let done = Some("done");
        let both = |attempt: &str, errno| row(attempt.to_owned(), errno, errno, None);
        vec![
            // Files of the user, of other programs, of ours and of the system.
            row(format!("read {home}/secret"), "ENOENT", "EACCES", done),
            row(format!("write {home}/made"), "EROFS", "EACCES", done),
            row(format!("write {home}/.bashrc"), "EROFS", "EACCES", done),
            row(format!("write {home}/.claude.json"), "EROFS", "EACCES", done),
            row(format!("write {home}/.config/mcpkg/mcpkg.lock"), "ENOENT", "EACCES", done),
            row(format!("write {home}/.config/mcpkg/config.toml"), "ENOENT", "EACCES", done),
            row(format!("write {home}/.local/share/mcpkg/made"), "EROFS", "EACCES", done),
            row("read /etc/shadow".to_owned(), "ENOENT", "EACCES", None),
            row("write /usr/made".to_owned(), "EROFS", "EACCES", None),
            row("open /proc/sys/kernel/core_pattern".to_owned(), "EROFS", "EACCES", None),
            // Other processes.
            row(format!("read /proc/{me}/environ"), "ENOENT", "EACCES", done),
            row(format!("read /proc/{me}/cmdline"), "ENOENT", "EACCES", done),
            row("open /proc/1/mem".to_owned(), "EACCES", "EACCES", None),
            row("processes".to_owned(), "2", "EACCES", None),
            row(format!("signal {me}"), "ESRCH", "EPERM", done),
            both(&format!("ptrace {me}"), "EPERM"),
            row(format!("read-memory {me}"), "EPERM", "EPERM", Some("EINVAL")),
            both(&format!("take-descriptor {me}"), "EPERM"),
            row("new-session".to_owned(), "done", "EPERM", None),
            // Programs.
            row("start /usr/bin/id".to_owned(), "EACCES", "EACCES", done),
            row("start /usr/bin/env".to_owned(), "done", "done", done),
            // The kernel.
            both("unshare", "EPERM"),
            both("unshare-mounts", "EPERM"),
            both("clone", "EPERM"),
            both("clone3", "ENOSYS"),
            both("setns", "EPERM"),
            both("mount", "EPERM"),
            both("umount", "EPERM"),
            both("chroot", "EPERM"),
            both("open-tree", "EPERM"),
            row("io_uring".to_owned(), "EPERM", "EPERM", Some("EFAULT")),
            both("bpf", "EPERM"),
            row("keys".to_owned(), "EPERM", "EPERM", done),
            both("add-key", "EPERM"),
            both("perf", "EPERM"),
            both("userfaultfd", "EPERM"),
            both("module", "EPERM"),
            both("kexec", "EPERM"),
            both("reboot", "EPERM"),
            both("handle", "EPERM"),
            both("second-table", "ENOSYS"),
            both("type-into-terminal", "EPERM"),
            // Sockets: netlink, packets, virtual machines, the kernel's own ciphers.
            row("datagrams 16".to_owned(), "EPERM", "EPERM", done),
            both("socket 17", "EPERM"),
            both("datagrams 40", "EPERM"),
            both("datagrams 38", "EPERM"),
            // The network, and other programs on this machine.
            row(format!("fetch 127.0.0.1:{port}"), "ECONNREFUSED", "EPERM", done),
            both("tcp 192.0.2.1:443", "ENETUNREACH").but("EPERM"),
            both("udp 192.0.2.1:53", "ENETUNREACH").but("EPERM"),
            both("fetch 169.254.169.254:80", "nothing").but("EPERM"),
            both("resolve example.com", "nothing"),
            row(format!("unix {home}/socket"), "ENOENT", "EPERM", done),
            row(format!("abstract mcpkg-{port}"), "ECONNREFUSED", "EPERM", done),
            // What it has itself. Only dumps of more than one byte are written.
            row("limits".to_owned(), "1,4294967296,4096,1024", "", None),
            both("status CapEff", "0000000000000000"),
            both("status CapPrm", "0000000000000000"),
            both("status NoNewPrivs", "1"),
            both("status Seccomp", "2"),
            both("variables", "HOME,PATH,PYTHONDONTWRITEBYTECODE,TMPDIR"),
            // Input, output, errors, and the folder that is being read.
            row("descriptors".to_owned(), "4", "4", None),
            row("memory".to_owned(), "3", "3", Some("16")),
        ]
    }

    /// What nobody changed.
    fn files(&self) -> Vec<String> {
        [".bashrc", ".claude.json", ".config/mcpkg/mcpkg.lock"]
            .map(|it| self.victim.world.read(it))
            .into()
    }
}

impl Row {
    fn but(mut self, medium: &'static str) -> Self {
        self.medium = medium;
        self
    }

    fn expected(&self, level: Level) -> Option<&'static str> {
        match level {
            Level::Strong => Some(self.strong),
            Level::Medium => Some(self.medium).filter(|it| !it.is_empty()),
            Level::None => self.unconfined,
        }
    }
}

/// Compares what came of the attempts with the table, all of it before it stops.
fn compare(tried: &Tried, rows: &[Row], level: Level) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let (expected, found) = (row.expected(level)?, tried.came_of(&row.attempt));
            (expected != found).then(|| format!("{}: {found}, expected {expected}", row.attempt))
        })
        .collect();
    assert!(wrong.is_empty(), "at {level:?}\n{}\n{}", wrong.join("\n"), tried.outcome);
}

fn attempts(rows: &[Row], level: Level) -> Vec<&str> {
    rows.iter()
        .filter(|row| row.expected(level).is_some())
        .map(|row| row.attempt.as_str())
        .collect()
}

#[test]
fn a_confined_server_gets_nowhere_at_each_level_that_claims_it() {
    let outside = Outside::new();
    let rows = outside.rows();
    let before = outside.files();
    for level in [Level::Strong, Level::Medium] {
        let tried = outside.victim.tries(level, &attempts(&rows, level));
        if tried.was_at(level) {
            compare(&tried, &rows, level);
        }
    }
    assert_eq!(outside.files(), before);
    outside.victim.unconfine();
    let level = Level::None;
    let tried = outside.victim.tries(level, &attempts(&rows, level));
    assert!(tried.was_at(level), "{}", tried.outcome);
    compare(&tried, &rows, level);
}

#[test]
fn an_ordinary_user_is_confined_as_well_as_root() {
    const NOBODY: &str = "65534";
    let outside = Outside::new();
    let mut chown = Command::new("chown");
    chown.args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(outside.victim.world.path());
    let inner = outside.victim.command(Level::Strong);
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let can_become = || {
        let mut test = Command::new("setpriv");
        test.args([&format!("--reuid={NOBODY}"), "--clear-groups", "test", "-x"]);
        test.arg(inner.get_program()).status().is_ok_and(|status| status.success())
    };
    if !(chown.output().is_ok_and(|output| output.status.success()) && can_become()) {
        return skipped("only root can become somebody else, who has to reach the program");
    }
    let mut rows = outside.rows();
    // They may not open it, and for root it is read-only.
    for row in rows.iter_mut().filter(|row| row.attempt.ends_with("core_pattern")) {
        row.strong = "EACCES";
    }
    let level = Level::Strong;
    command.current_dir(outside.victim.world.path()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let tried = Tried::of(command, &attempts(&rows, level));
    if tried.was_at(level) {
        compare(&tried, &rows, level);
    }
}

#[test]
fn a_fork_bomb_ends_with_the_server() {
    let victim = Victim::of(&json!({}), &[]);
    let tried = victim.tries(Level::Strong, &["bomb", "processes"]);
    if !tried.was_at(Level::Strong) {
        return;
    }
    let started: u32 = tried.came_of("bomb").parse().unwrap();
    assert!((100..1024).contains(&started), "{started}");
    assert_eq!(tried.came_of("processes"), "2");
}

#[test]
fn what_is_denied_in_the_network_is_said() {
    let victim = Victim::of(&json!({}), &[]);
    let attempts = ["fetch 169.254.169.254:80", "resolve example.com"];
    let tried = victim.tries(Level::Strong, &attempts);
    if !tried.was_at(Level::Strong) {
        return;
    }
    for said in
        ["169.254.169.254:80: it is the metadata service", "example.com: it was not granted"]
    {
        assert!(tried.outcome.stderr.contains(said), "{said}\n{}", tried.outcome);
    }
}
