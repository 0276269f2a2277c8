//! In real namespaces, nested in each other:
//!
//! ```text
//! the test ── host: a network whose public internet is one address on its loopback
//!               │   interface; runs the broker
//!               └── server: a network of its own, behind the broker
//! ```
//!
//! The test starts itself again for each, by `unshare(1)`, which is a program of one
//! thread. What a server saw is what it wrote into a file.

use std::fs;
use std::net::Ipv6Addr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use nix::mount::{MsFlags, mount};

use super::super::netlink::Loopback;
use super::*;

const ROLE: &str = "MCPKG_TEST_ROLE";
const FOLDER: &str = "MCPKG_TEST_FOLDER";
const TEST: &str =
    "egress::tests::namespace::a_server_in_a_namespace_reaches_what_it_was_granted_and_no_more";

/// What stands for the public internet.
const PUBLIC: &str = "93.184.216.34";
const PORT: u16 = 8080;

const GRANTS: [&str; 6] = [
    "granted.example:8080",
    "*.below.example:8080",
    "inward.example:8080",
    "cloud.example:8080",
    "10.9.8.7:8080",
    "[2001:db8::7]:8080",
];

/// `/etc/hosts` of the host, where names lead as their owners like.
const HOSTS: &str = "\
127.0.0.1 localhost
93.184.216.34 granted.example x.below.example not-granted.example
10.9.8.7 inward.example
169.254.169.254 cloud.example
";

#[test]
fn a_server_in_a_namespace_reaches_what_it_was_granted_and_no_more() {
    match std::env::var(ROLE).as_deref() {
        Ok("host") => host(&folder()),
        Ok(_) => server(&folder()),
        Err(_) => test(),
    }
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

/// This test again, in namespaces of its own.
fn start(role: &str, folder: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(flags)
        .args(["--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder);
    command
}

fn test() {
    let can_unshare = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !can_unshare {
        eprintln!("skipped: no user namespaces here, or no `unshare`");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = start("host", folder.path(), &["--user", "--map-root-user"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    insta::assert_snapshot!(read("seen") + "\n" + &read("denied"), @r#"
    granted.example 8080: this is 93.184.216.34
    x.below.example 8080: this is 93.184.216.34
    10.9.8.7 8080: this is 10.9.8.7
    2001:db8::7 8080: this is [2001:db8::7]
    granted.example 81: ConnectionRefused
    10.9.8.7 81: ConnectionRefused
    not-granted.example 8080: no such name
    below.example 8080: no such name
    inward.example 8080: ConnectionReset
    cloud.example 8080: ConnectionReset
    93.184.216.34 8080: NetworkUnreachable
    169.254.169.254 80: ConnectionReset
    169.254.169.254 8080: ConnectionReset
    fd00:ec2::254 80: ConnectionReset
    127.0.0.1 8080: ConnectionReset
    UDP 93.184.216.34 53: NetworkUnreachable
    UDP over IPv6: NetworkUnreachable

    169.254.169.254:8080: it is the metadata service of a cloud
    169.254.169.254:80: it is the metadata service of a cloud
    [fd00:ec2::254]:80: it is the metadata service of a cloud
    below.example: it was not granted
    cloud.example:8080: it leads to 169.254.169.254, which is not on the public internet
    inward.example:8080: it leads to 10.9.8.7, which is not on the public internet
    localhost:8080: it was not granted
    not-granted.example: it was not granted
    "#);
}

/// Has programs see `text` as the file at `path`.
fn cover(path: &str, text: &str, folder: &Path) {
    let file = tempfile::NamedTempFile::new_in(folder).unwrap().into_temp_path().keep().unwrap();
    fs::write(&file, text).unwrap();
    let path = fs::canonicalize(path).unwrap();
    mount(Some(&file), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

fn host(folder: &Path) {
    let mut loopback = Loopback::open().unwrap();
    loopback.up().unwrap();
    for address in [PUBLIC, "10.9.8.7", "2001:db8::7", "169.254.169.254"] {
        loopback.add(address.parse().unwrap()).unwrap();
    }
    cover("/etc/hosts", HOSTS, folder);
    for address in [PUBLIC, "10.9.8.7", "[2001:db8::7]", "169.254.169.254"] {
        let listener = TcpListener::bind(format!("{address}:{PORT}")).unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                let answer = format!("HTTP/1.0 200 OK\r\n\r\nthis is {address}");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
    }

    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = start("server", folder, &[])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let plan = plan();
    let sockets = Sockets::receive(&ours, &plan).unwrap();
    let denied = Arc::new(Mutex::new(Vec::new()));
    let report: Report = {
        let denied = Arc::clone(&denied);
        Arc::new(move |denial| denied.lock().unwrap().push(format!("{denial}\n")))
    };
    let broker = Broker::start(&plan, sockets, Options::default(), report).unwrap();
    assert!(child.wait().unwrap().success());
    drop(broker);
    let mut denied = std::mem::take(&mut *denied.lock().unwrap());
    denied.sort();
    fs::write(folder.join("denied"), denied.concat()).unwrap();
}

fn plan() -> Plan {
    Plan::new(&GRANTS.iter().map(|grant| grant.parse().unwrap()).collect()).unwrap()
}

fn server(folder: &Path) {
    let plan = plan();
    {
        let channel = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
        Sockets::bind(&plan).unwrap().send(&channel).unwrap();
    }
    cover("/etc/hosts", &plan.hosts(), folder);
    cover("/etc/resolv.conf", &plan.resolv_conf(), folder);
    cover("/etc/nsswitch.conf", NSSWITCH_CONF, folder);

    let mut seen = Vec::new();
    for (host, port) in [
        ("granted.example", PORT),
        ("x.below.example", PORT),
        ("10.9.8.7", PORT),
        ("2001:db8::7", PORT),
        // Other ports of what was granted, another host, the name above the wildcard.
        ("granted.example", 81),
        ("10.9.8.7", 81),
        ("not-granted.example", PORT),
        ("below.example", PORT),
        // Granted names that lead inward.
        ("inward.example", PORT),
        ("cloud.example", PORT),
        // Addresses.
        (PUBLIC, PORT),
        ("169.254.169.254", 80),
        ("169.254.169.254", PORT),
        ("fd00:ec2::254", 80),
        ("127.0.0.1", PORT),
    ] {
        seen.push(format!("{host} {port}: {}\n", visit(host, port)));
    }
    let packet = UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", (PUBLIC, 53));
    seen.push(format!("UDP {PUBLIC} 53: {:?}\n", packet.unwrap_err().kind()));
    let packet =
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap().send_to(b"x", "[2606:4700::1]:53");
    seen.push(format!("UDP over IPv6: {:?}\n", packet.unwrap_err().kind()));
    fs::write(folder.join("seen"), seen.concat()).unwrap();
}

/// What a program gets that asks `host` for something: its answer, or why not.
fn visit(host: &str, port: u16) -> String {
    let answer = TcpStream::connect((host, port)).and_then(|mut stream| {
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    match answer {
        Ok(answer) => answer.lines().last().unwrap_or_default().to_owned(),
        // A name without an address has no kind of its own.
        Err(error) if error.raw_os_error().is_none() => "no such name".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}
