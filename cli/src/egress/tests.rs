//! On the loopback interface of this machine: its `127.71.0.1` stands for the one
//! inside, which a connection cannot tell.

mod namespace;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;

const NAME: &str = "api.example.com";
/// What stands for the host, inside.
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 71, 0, 1);

/// A broker, and what a server would connect to.
struct Egress {
    host: SocketAddr,
    other: SocketAddr,
    name_server: SocketAddr,
    denials: Receiver<String>,
    broker: Broker,
}

/// A broker for one granted host, which is `upstream`.
fn egress(upstream: SocketAddr, max_connections: usize) -> Egress {
    let plan = Plan::new(&[format!("{NAME}:{}", upstream.port()).parse().unwrap()].into()).unwrap();
    let host = SocketAddr::from((INSIDE, upstream.port()));
    let other = TcpListener::bind("127.71.0.2:0").unwrap();
    let name_server = UdpSocket::bind("127.71.0.53:0").unwrap();
    let (sender, denials) = channel();
    let report: Report = Arc::new(move |denial| sender.send(denial.to_string()).unwrap());
    let pins = Pins::default().with(NAME, upstream.ip());
    let options = Options { pins, max_connections, ..Options::default() };
    Egress {
        host,
        other: other.local_addr().unwrap(),
        name_server: name_server.local_addr().unwrap(),
        denials,
        broker: {
            let listeners = vec![TcpListener::bind(host).unwrap(), other];
            Broker::start(&plan, Sockets { listeners, name_server }, options, report).unwrap()
        },
    }
}

/// A host that does `serve` with each connection.
fn upstream(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let serve = Arc::new(serve);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn echo(mut stream: TcpStream) {
    std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
}

fn read_all(mut stream: TcpStream) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// What reading from a connection that was not made comes to.
fn outcome_of(mut stream: &TcpStream) -> ErrorKind {
    stream.read(&mut [0]).unwrap_err().kind()
}

#[test]
fn bytes_go_both_ways_and_each_way_ends_by_itself() {
    let egress = egress(upstream(echo), 8);
    let mut stream = TcpStream::connect(egress.host).unwrap();
    let sent: Vec<u8> = (0..5_000_000_u32).map(|it| it.to_le_bytes()[it as usize % 3]).collect();
    let received = read_all(stream.try_clone().unwrap());
    stream.write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(received.join().unwrap() == sent, "what came back is what was sent");

    // The host may end first, and still hear the rest.
    let (sender, heard) = channel();
    let egress = self::egress(
        upstream(move |mut stream| {
            stream.write_all(b"hello").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            sender.send(read_all(stream).join().unwrap()).unwrap();
        }),
        8,
    );
    let mut stream = TcpStream::connect(egress.host).unwrap();
    assert_eq!(read_all(stream.try_clone().unwrap()).join().unwrap(), b"hello");
    stream.write_all(b"goodbye").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(heard.recv().unwrap(), b"goodbye");
    drop(egress.broker);
    assert_eq!(egress.denials.iter().next(), None, "nothing was denied");
}

#[test]
fn a_host_that_does_not_read_stops_the_one_who_writes() {
    let egress = egress(
        upstream(|stream| {
            std::thread::park();
            drop(stream);
        }),
        8,
    );
    let mut stream = TcpStream::connect(egress.host).unwrap();
    // A write that the kernel has no room for waits for so long at most.
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let chunk = vec![0; 1 << 20];
    let mut written = 0;
    let end = loop {
        match stream.write(&chunk) {
            Ok(length) => written += length,
            Err(error) => break error.kind(),
        }
        assert!(written < 100 << 20, "somebody keeps what is not read");
    };
    assert_eq!(end, ErrorKind::WouldBlock);
}

#[test]
fn what_is_not_granted_or_not_there_is_reset_and_reported_once() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let egress = egress(gone, 8);
    for _ in 0..3 {
        for address in [egress.other, egress.host] {
            let stream = TcpStream::connect(address).unwrap();
            assert_eq!(outcome_of(&stream), ErrorKind::ConnectionReset, "{address}");
        }
    }
    let expected = [
        format!("{}: it was not granted", egress.other),
        format!("{NAME}:{}: it could not be connected to: connection refused", gone.port()),
    ];
    drop(egress.broker);
    assert_eq!(egress.denials.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_connection_too_many_waits_for_its_turn() {
    let egress = egress(upstream(echo), 2);
    let talk = |mut stream: &TcpStream| {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    };
    let [first, second] = [0, 1].map(|_| TcpStream::connect(egress.host).unwrap());
    talk(&first);
    talk(&second);
    let mut third = TcpStream::connect(egress.host).unwrap();
    third.write_all(b"x").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert_eq!(outcome_of(&third), ErrorKind::WouldBlock);
    drop(first);
    third.set_read_timeout(None).unwrap();
    third.read_exact(&mut [0]).unwrap();
    talk(&second);
}

#[test]
fn names_are_answered_from_the_grants_and_others_are_reported() {
    let egress = egress(upstream(echo), 8);
    let resolver = UdpSocket::bind("127.0.0.1:0").unwrap();
    resolver.connect(egress.name_server).unwrap();
    let ask = |name: &str| {
        let mut question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0".to_vec();
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.bytes());
        }
        question.extend(b"\0\0\x01\0\x01");
        // Nobody answers this, and nobody falls over it.
        resolver.send(b"nonsense").unwrap();
        resolver.send(&question).unwrap();
        let mut reply = [0; 512];
        let length = resolver.recv(&mut reply).unwrap();
        (reply[3] & 0x0f, reply[length - 4..length].to_vec())
    };
    assert_eq!(ask(NAME), (0, INSIDE.octets().to_vec()));
    assert_eq!(ask("secret-data.evil.example").0, 3);
    drop(egress.broker);
    let denials: Vec<String> = egress.denials.iter().collect();
    assert_eq!(denials, ["secret-data.evil.example: it was not granted"]);
}

#[test]
fn nothing_is_left_when_the_broker_ends() {
    let egress = egress(upstream(echo), 8);
    let mut stream = TcpStream::connect(egress.host).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    drop(egress.broker);
    let ended = stream.read(&mut [0]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    let refused = TcpStream::connect(egress.host).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
