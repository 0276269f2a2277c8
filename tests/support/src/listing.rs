//! A registry of the MCP registry's API, which lists whatever a test likes, page by page.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What it answers.
#[derive(Default)]
struct Said {
    /// The entries of each page, as they are sent.
    pages: Vec<Vec<String>>,
    /// The page at which it fails.
    fails_at: Option<usize>,
    /// What it was asked for: since when, and the cursor.
    asked: Vec<(String, String)>,
}

/// A registry that lists, until it is dropped.
pub struct TestListing {
    url: String,
    said: Arc<Mutex<Said>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestListing {
    /// Starts one that lists nothing yet.
    pub fn start() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = std::net::TcpListener::bind(loopback).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let url = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let said = Arc::new(Mutex::new(Said::default()));
        let router = Router::new().route("/v0.1/servers", get(page)).with_state(Arc::clone(&said));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("the system has a poller").block_on(async {
                let listener = TcpListener::from_std(listener).expect("it can be polled");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("it serves"),
                    _ = stopped => (),
                }
            });
        });
        Self { url, said, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lists these entries from now on, page by page.
    pub fn says(&self, pages: Vec<Vec<String>>) {
        *self.said() = Said { pages, ..Said::default() };
    }

    /// Fails at this page from now on, or no more.
    pub fn fails_at(&self, page: Option<usize>) {
        self.said().fails_at = page;
    }

    /// What it was asked for: since when, and with which cursor.
    pub fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.said().asked)
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn page(
    State(said): State<Arc<Mutex<Said>>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let text = |key: &str| query.get(key).cloned().unwrap_or_default();
    said.asked.push((text("updated_since"), text("cursor")));
    let index: usize = text("cursor").trim_start_matches("page-").parse().unwrap_or_default();
    if said.fails_at == Some(index) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let servers = said.pages.get(index).map(|page| page.join(",")).unwrap_or_default();
    let next = if index + 1 < said.pages.len() {
        format!(",\"nextCursor\":\"page-{}\"", index + 1)
    } else {
        String::new()
    };
    let body = format!("{{\"servers\":[{servers}],\"metadata\":{{\"count\":0{next}}}}}");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl Drop for TestListing {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.transpose().expect("the registry did not panic");
        }
    }
}
