//! The broker: accepts what the server connects to, and is its hand outside.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};

use super::dns::{self, Lookup};
use super::inside::{Destination, Inside};
use super::outside::{self, Pins};
use super::swap::{self, Swap};
use super::{Denial, EgressError, Plan, Reason, Sockets};

/// The most connections at once by default: two descriptors each stay below the 1024
/// that a process usually may have.
const MAX_CONNECTIONS: usize = 256;

/// How much is read at once, in bytes, each way: 256 connections then take 8 MiB.
const BUFFER_BYTES: usize = 16 * 1024;

/// The most different denials that are reported in one launch. A server that wants
/// to fill a log gets so far.
const MAX_REPORTS: usize = 256;

/// The most threads that look names up.
const MAX_LOOK_UPS: usize = 8;

/// How long to wait when no more descriptors are left.
const PAUSE: Duration = Duration::from_millis(100);

/// Is told of each connection that was not made, once each.
pub type Report = Arc<dyn Fn(&Denial) + Send + Sync>;

/// What the broker does differently for one launch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names whose addresses are known.
    pub pins: Pins,
    /// The most connections at once; those beyond wait.
    pub max_connections: usize,
    /// Secrets that the server is not to have.
    pub swap: Option<Arc<Swap>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { pins: Pins::default(), max_connections: MAX_CONNECTIONS, swap: None }
    }
}

/// Carries the connections of one server until it is dropped.
pub struct Broker {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What each connection needs to know.
struct Shared {
    inside: Inside,
    options: Options,
    journal: Journal,
    slots: Arc<Semaphore>,
}

/// Reports each denial once.
struct Journal {
    report: Report,
    reported: Mutex<BTreeSet<Denial>>,
}

impl Broker {
    /// Serves `sockets`, which were made for `plan`, on a thread of its own.
    pub fn start(
        plan: &Plan,
        sockets: Sockets,
        options: Options,
        report: Report,
    ) -> Result<Self, EgressError> {
        let shared = Arc::new(Shared {
            inside: Inside::new(plan.clone()),
            slots: Arc::new(Semaphore::new(options.max_connections)),
            options,
            journal: Journal { report, reported: Mutex::default() },
        });
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_LOOK_UPS)
            .build()
            .map_err(EgressError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let serving = {
            let _context = runtime.enter();
            Serving::new(sockets).map_err(EgressError::Start)?
        };
        let thread = std::thread::Builder::new()
            .name("egress".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    serving.start(&shared);
                    // Dropping the sender ends it as well.
                    let _ = stopped.await;
                });
                // A name that is being looked up would be waited for.
                runtime.shutdown_background();
            })
            .map_err(EgressError::Start)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic, and what it carried is over either way.
            let _ = thread.join();
        }
    }
}

/// The sockets, known to the runtime.
struct Serving {
    listeners: Vec<TcpListener>,
    name_server: UdpSocket,
}

impl Serving {
    fn new(sockets: Sockets) -> io::Result<Self> {
        let listener = |listener: std::net::TcpListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        sockets.name_server.set_nonblocking(true)?;
        Ok(Self {
            listeners: sockets.listeners.into_iter().map(listener).collect::<Result<_, _>>()?,
            name_server: UdpSocket::from_std(sockets.name_server)?,
        })
    }

    fn start(self, shared: &Arc<Shared>) {
        tokio::spawn(answer(self.name_server, Arc::clone(shared)));
        for listener in self.listeners {
            tokio::spawn(accept(listener, Arc::clone(shared)));
        }
    }
}

async fn answer(socket: UdpSocket, shared: Arc<Shared>) {
    let mut question = [0; dns::MAX_QUESTION_BYTES];
    loop {
        // An error is of an answer before, to somebody who is gone.
        let Ok((length, from)) = socket.recv_from(&mut question).await else { continue };
        let reply = dns::answer(&question[..length], |name| match shared.inside.look_up(name) {
            Ok(address) => Lookup::Address(address),
            Err(reason) => {
                shared.journal.add(&Denial { host: name.to_owned(), port: None, reason });
                if reason == Reason::NotGranted { Lookup::Absent } else { Lookup::Failed }
            }
        });
        if let Some(reply) = reply {
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Only then: a listener that nobody connects to needs no slot.
        let Ok(slot) = Arc::clone(&shared.slots).acquire_owned().await else { return };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            carry(stream, &shared).await;
            drop(slot);
        });
    }
}

/// Carries one connection from its beginning to its end.
async fn carry(mut inner: TcpStream, shared: &Arc<Shared>) {
    // It only makes small messages faster.
    let _ = inner.set_nodelay(true);
    let destination = match destination(&inner, shared) {
        Ok(destination) => destination,
        Err(denial) => return deny(&inner, &denial, shared),
    };
    if let Some(site) = shared.options.swap.as_ref().and_then(|swap| swap.site(&destination)) {
        let report = {
            let shared = Arc::clone(shared);
            Arc::new(move |denial: &Denial| shared.journal.add(denial))
        };
        return swap::serve(inner, Arc::clone(site), shared.options.pins.clone(), report).await;
    }
    match outside::connect(&destination, &shared.options.pins).await {
        Ok(mut outer) => {
            let _ = outer.set_nodelay(true);
            let (a, b) = (&mut inner, &mut outer);
            if copy_bidirectional_with_sizes(a, b, BUFFER_BYTES, BUFFER_BYTES).await.is_err() {
                reset(&inner);
                reset(&outer);
            }
        }
        Err(reason) => {
            let (host, port) = (destination.host.to_string(), Some(destination.port));
            deny(&inner, &Denial { host, port, reason }, shared);
        }
    }
}

fn destination(inner: &TcpStream, shared: &Shared) -> Result<Destination, Denial> {
    let address = inner.local_addr().map_err(|error| Denial {
        host: String::new(),
        port: None,
        reason: Reason::NoConnection(error.kind()),
    })?;
    shared.inside.destination(address)
}

fn deny(inner: &TcpStream, denial: &Denial, shared: &Shared) {
    shared.journal.add(denial);
    reset(inner);
}

/// Has the other side see that this did not end well, once the stream is dropped.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

impl Journal {
    fn add(&self, denial: &Denial) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < MAX_REPORTS && reported.insert(denial.clone()) {
            drop(reported);
            (self.report)(denial);
        }
    }
}
