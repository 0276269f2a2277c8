//! What the broker costs, beside the same without it.
//!
//! It starts itself again by `unshare(1)`, since what it binds belongs into a network
//! namespace and not onto this machine.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: only Linux has network namespaces");
}

#[cfg(target_os = "linux")]
#[expect(clippy::unwrap_used, reason = "a measurement that fails stops")]
mod linux {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::process::Command;
    use std::sync::Arc;
    use std::time::Instant;

    use mcpkg_cli::egress::{Broker, Options, Pins, Plan, Sockets};

    const BYTES: u64 = 2 << 30;
    const CONNECTIONS: u32 = 2000;
    /// The port of a host that sends [`BYTES`], and of one that says a byte.
    const PORTS: [u16; 2] = [8080, 8081];

    /// Says that this process is in a namespace of its own.
    const INSIDE: &str = "MCPKG_BENCH_INSIDE";

    pub(super) fn main() {
        if std::env::var_os(INSIDE).is_some() {
            return measure();
        }
        let status = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "--"])
            .arg(std::env::current_exe().unwrap())
            .env(INSIDE, "1")
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("skipped: no user namespaces here, or no `unshare`");
        }
    }

    fn measure() {
        let grants = PORTS
            .map(|port| format!("bench.example:{port}").parse().unwrap())
            .into_iter()
            .collect();
        let plan = Plan::new(&grants).unwrap();
        let before = memory();
        let begin = Instant::now();
        let sockets = Sockets::bind(&plan).unwrap();
        let pins = Pins::default().with("bench.example", Ipv4Addr::LOCALHOST.into());
        let options = Options { pins, ..Options::default() };
        let broker = Broker::start(&plan, sockets, options, Arc::new(|_| ())).unwrap();
        println!("start: {:?}", begin.elapsed());
        hosts();

        let [direct, through] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 71, 0, 1)];
        for (what, address) in [("direct", direct), ("through the broker", through)] {
            let speed = throughput(SocketAddr::from((address, PORTS[0])));
            let time = set_up(SocketAddr::from((address, PORTS[1])));
            println!("{what}: {speed} MB/s, {time:.1} µs a connection");
        }
        println!("memory: {} KiB before, {} KiB after", before, memory());
        drop(broker);
    }

    fn hosts() {
        let listen = |port, serve: fn(TcpStream)| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
        };
        listen(PORTS[0], |mut stream| {
            let piece = vec![0; 1 << 20];
            for _ in 0..BYTES >> 20 {
                stream.write_all(&piece).unwrap();
            }
        });
        listen(PORTS[1], |mut stream| stream.write_all(b"x").unwrap());
    }

    fn throughput(address: SocketAddr) -> u128 {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        let mut piece = vec![0; 1 << 18];
        let mut total = 0;
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            total += length as u64;
        }
        assert_eq!(total, BYTES);
        u128::from(total) / begin.elapsed().as_micros()
    }

    fn set_up(address: SocketAddr) -> f64 {
        let begin = Instant::now();
        for _ in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(CONNECTIONS)
    }

    /// The memory of this process, in KiB.
    fn memory() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}
