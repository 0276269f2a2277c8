//! A web server on a thread of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

/// A web server at a free port of the loopback interface, until it is dropped.
///
/// It has a runtime of its own, so it serves tests with and without one.
pub struct Background {
    url: String,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Serves what `router` makes of the server's own address. It answers when
    /// this returns.
    pub fn serve(router: impl FnOnce(&str) -> Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let address = listener.local_addr().expect("the listener is bound");
        let url = format!("http://{address}");
        let router = router(&url);

        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has a poller");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener);
                let listener = listener.expect("the listener can be polled");
                // Not a graceful shutdown: that would wait for the idle
                // connections of clients.
                tokio::select! {
                    result = axum::serve(listener, router) => result.expect("the server runs"),
                    _ = stopped => (),
                }
            });
        });
        Self { url, runtime: handle, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The runtime that serves.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.transpose().expect("the server did not panic");
        }
    }
}
