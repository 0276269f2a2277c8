//! What is between a machine and a server in a company: a proxy, and TLS.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::ca::TestCa;

/// A server of bytes on a thread of its own, until it is dropped.
struct Listening {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let address = listener.local_addr().expect("the listener is bound");
        let (stop, mut stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("the system has a poller").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener);
                let listener = listener.expect("the listener can be polled");
                loop {
                    let stream = tokio::select! {
                        accepted = listener.accept() => accepted.expect("the listener is open").0,
                        _ = &mut stopped => return,
                    };
                    // Who hangs up, hangs up.
                    tokio::spawn(serve(stream));
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            stopped.transpose().expect("the server did not panic");
        }
    }
}

/// TLS in front of a server that speaks none.
pub struct TlsFront(Listening);

impl TlsFront {
    /// Accepts TLS as `names`, and passes on what is inside to the server at `url`.
    pub fn start(ca: &TestCa, names: &[&str], url: &str) -> Self {
        let (acceptor, to) = (ca.acceptor(names), address_of(url));
        Self(Listening::start(move |stream| {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            async move { join(acceptor.accept(stream).await?, &to).await }
        }))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }
}

/// A proxy as companies have them: it knows hosts that nobody else does, and sees their
/// names and nothing of what is said.
pub struct TestProxy {
    server: Listening,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    /// Starts one that knows these hosts, each as `name:port`, and no others.
    pub fn start(hosts: &[(&str, SocketAddr)]) -> Self {
        let hosts: HashMap<String, String> =
            hosts.iter().map(|(name, to)| ((*name).to_owned(), to.to_string())).collect();
        let (hosts, asked) = (Arc::new(hosts), Arc::<Mutex<Vec<String>>>::default());
        let seen = Arc::clone(&asked);
        let server =
            Listening::start(move |stream| tunnel(stream, Arc::clone(&hosts), Arc::clone(&seen)));
        Self { server, asked }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The first line of each request, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn tunnel(
    mut stream: TcpStream,
    hosts: Arc<HashMap<String, String>>,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    let host = line.strip_prefix("CONNECT ").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    match host.and_then(|host| hosts.get(host)) {
        Some(to) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            join(stream, to).await
        }
        None => stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await,
    }
}

/// Connects a stream with the server at `to`, for as long as both want to.
async fn join(mut stream: impl AsyncRead + AsyncWrite + Unpin, to: &str) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    copy_bidirectional(&mut stream, &mut server).await.map(drop)
}

fn address_of(url: &str) -> String {
    url.strip_prefix("http://").expect("it speaks no TLS").trim_end_matches('/').to_owned()
}
