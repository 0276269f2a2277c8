//! A server that runs elsewhere, as if it were a process here: lines in, lines out.
//!
//! An agent starts `mcpkg run` and speaks over pipes, as with any server; the guard stands
//! between as ever; and what passes it is sent on from here, over Streamable HTTP. So what
//! was pinned of the server's tools holds although it runs elsewhere, every agent can use
//! it, and a secret header is in no settings file: it is put in here.
//!
//! | module | does |
//! |---|---|
//! | `lines` | the two pipes |
//! | `traffic` | sends each message on, in the order in which that matters |
//! | `session` | what a session has agreed on, and what comes of it on its own |
//! | `exchange` | one request of HTTP, and what is made of its answer |
//! | `failure` | what the agent is told where there is no answer |
//!
//! What a remote server answers is read by the same [`Scanner`] that the guard uses, and
//! goes on as one line or not at all. No redirect is followed: the address is what was
//! signed. A message is bounded, and whoever is slow slows down whoever sends.
//!
//! Sources: MCP 2025-11-25, "Transports"; 2026-07-28, "Streamable HTTP".
//!
//! [`Scanner`]: mcpkg_core::guard::Scanner

mod exchange;
mod failure;
mod lines;
mod session;
mod traffic;

use std::io::{PipeReader, PipeWriter};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mcpkg_core::Code;
use mcpkg_core::elsewhere::Request;
use mcpkg_core::guard::Notice;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;
use tokio::task::LocalSet;
use url::Url;

use self::session::Session;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::login::{self, Door};
use crate::places::Places;
use crate::registry::{check_address, connection};

/// The longest message, in bytes: an image or a document in base64, and more than any
/// client takes as text.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// How long a server may be silent within an answer. A tool may take minutes, and its
/// agent says so when it no longer waits.
const READ_TIMEOUT: Duration = Duration::from_mins(15);

/// Where what went wrong is said, beside the answer to the agent.
pub type Report = Arc<dyn Fn(Notice) + Send + Sync>;

/// A connection to a remote server.
pub struct Bridge {
    /// What is sent to it: lines. Closed, it ends the session.
    pub input: PipeWriter,
    /// What it says: lines.
    pub output: PipeReader,
    /// The end of the session: whether it was the agent who ended it.
    pub session: JoinHandle<bool>,
}

impl Bridge {
    /// Opens one. Nothing is sent before the agent says something.
    ///
    /// # Errors
    ///
    /// [`Error::Insecure`] unless the address is https, or http on loopback.
    pub fn open(
        request: &Request,
        door: &Door,
        config: &Config,
        places: &Places,
        report: Report,
    ) -> Result<Self> {
        check_address(&request.url)?;
        let url = request.url.clone();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Failed {
            context: format!("the remote server at {} cannot be connected to", host(&url)),
            code: Code::Remote,
            hint: None,
            source,
        };
        let http = connection::to_remote(Some(&door.source), places)?
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(|error| failed(Box::new(error.without_url())))?;
        let headers = headers(request).map_err(|name| {
            // Without its value, which may be a secret.
            failed(format!("the value of the header `{name}` cannot be sent").into())
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(Box::new(error)))?;
        let pipe = || std::io::pipe().map_err(|error| failed(Box::new(error)));
        let (from_agent, input) = pipe()?;
        let (output, to_agent) = pipe()?;
        // What the user gives it as a secret is not replaced by anything.
        let login = (!headers.contains_key(AUTHORIZATION))
            .then(|| login::Session::new(door, config, places));
        let name = door.name().to_owned();
        let session = thread::spawn(move || {
            let login = login.map(Mutex::new);
            let session = Rc::new(Session::new(http, name, url, headers, login, report));
            // A log-in is for one thread.
            LocalSet::new().block_on(&runtime, async {
                let incoming = lines::reader(from_agent);
                traffic::run(&session, incoming, lines::writer(to_agent)).await
            })
        });
        Ok(Self { input, output, session })
    }
}

/// The host of an address, with the port where it is not the usual one.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The headers of the server's own. None of them is shown by anything that is printed.
fn headers(request: &Request) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        let (Some(header), Ok(mut value)) = (parsed, HeaderValue::from_str(value)) else {
            return Err(name.clone());
        };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}
