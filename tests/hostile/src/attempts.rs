//! What it tries.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::calls;

const DONE: &str = "done";

/// How long it waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries one thing. What it says is `done`, or what it found.
pub(crate) fn attempt(name: &str, argument: &str) -> io::Result<String> {
    let number = || argument.parse::<i32>().map_err(io::Error::other);
    match name {
        "read" => fs::read(argument).map(drop)?,
        "list" => return listed(argument),
        "write" => fs::File::options().create(true).append(true).open(argument)?.write_all(b"x")?,
        "open" => drop(fs::File::options().append(true).open(argument)?),
        "descriptors" => return Ok(fs::read_dir("/proc/self/fd")?.count().to_string()),
        "fetch" => {
            let nothing = "nothing".to_owned();
            // Whoever closes at once may do so before the connection is seen to be one.
            let mut stream = match TcpStream::connect_timeout(&address(argument)?, PATIENCE) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(nothing),
                other => other?,
            };
            let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            return Ok(if answer.is_empty() { nothing } else { DONE.to_owned() });
        }
        "remove" => fs::remove_file(argument)?,
        "rename" => fs::rename(argument, format!("{argument}.moved"))?,
        "link" => std::os::unix::fs::symlink("/", argument)?,
        "start" => drop(Command::new(argument).stdin(Stdio::null()).output()?),
        "tcp" => drop(TcpStream::connect_timeout(&address(argument)?, PATIENCE)?),
        "listen" => drop(TcpListener::bind(address(argument)?)?),
        "udp" => {
            let address = address(argument)?;
            let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            UdpSocket::bind(own)?.send_to(b"x", address)?;
        }
        "unix" => drop(UnixStream::connect(argument)?),
        "abstract" => {
            let address = UnixAddr::from_abstract_name(argument)?;
            drop(UnixStream::connect_addr(&address)?);
        }
        "resolve" => {
            let found = (argument, 80).to_socket_addrs();
            return Ok(if found.is_ok_and(|mut it| it.next().is_some()) {
                DONE
            } else {
                "nothing"
            }
            .to_owned());
        }
        "signal" => calls::signal(number()?)?,
        "limits" => return fs::read_to_string("/proc/self/limits").map(|text| limits(&text)),
        "status" => return status(argument),
        "variables" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            return Ok(names.join(","));
        }
        "processes" => {
            let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
            let names = fs::read_dir("/proc")?.flatten();
            let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            return Ok(names.filter(is_number).count().to_string());
        }
        "leave" => {
            // It outlives whoever started it, if nobody prevents that.
            let mut left = Command::new(std::env::current_exe()?);
            left.arg(crate::LINGER).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        }
        "end" => std::process::exit(number()?),
        "kill" => calls::signal_itself(number()?),
        name => return calls::attempt(name, argument),
    }
    Ok(DONE.to_owned())
}

fn address(text: &str) -> io::Result<SocketAddr> {
    text.parse().map_err(io::Error::other)
}

fn listed(folder: &str) -> io::Result<String> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names.join(","))
}

/// The limits that are set, of those that a test asks for.
fn limits(table: &str) -> String {
    let named = ["Max core file size", "Max data size", "Max open files", "Max processes"];
    let value = |name: &&str| {
        let line = table.lines().find(|line| line.starts_with(*name))?;
        line[name.len()..].split_whitespace().next().map(str::to_owned)
    };
    named.iter().filter_map(value).collect::<Vec<_>>().join(",")
}

/// One line of what the kernel says of this process.
fn status(name: &str) -> io::Result<String> {
    let text = fs::read_to_string("/proc/self/status")?;
    let prefix = format!("{name}:\t");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
    Ok(value.unwrap_or("nothing").to_owned())
}
