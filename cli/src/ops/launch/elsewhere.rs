//! Starting a server that has no artifact: an image in a container, or a connection to a
//! server elsewhere.
//!
//! Both are pairs of streams to whoever is at the other end, as a process is, so the guard
//! and `mcpkg inspect` hold them to the same.

mod container;
mod leftover;
mod told;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mcpkg_core::Code;
use mcpkg_core::elsewhere::Elsewhere;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::server_json::ServerJson;
use url::Url;

use self::container::Container;
use super::serve::{GRACE, relay};
use super::workspace::Workspace;
use super::{cannot_be_started, config};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::login::Door;
use crate::ops::content;
use crate::ops::guard::Session;
use crate::places::Places;
use crate::remote::{Bridge, Report};
use crate::sandbox::SandboxError;
use crate::store::Store;
use crate::ui;

pub use self::container::{Engine, check as check_image, engine};

/// A server that was started or connected to. Dropped, it is ended.
pub struct Started {
    input: Option<Box<dyn Write + Send>>,
    output: Option<Box<dyn Read + Send>>,
    end: End,
    report: Report,
}

/// What there is to wait for.
enum End {
    Container(Container),
    /// The answer is whether it was the agent who ended it.
    Connection(Option<JoinHandle<bool>>),
}

/// What the signed metadata of a server names, which has to be what its lock pins.
///
/// # Errors
///
/// `E_METADATA` if the one is not the other, or the metadata is not the pinned one.
pub fn signed(server: &LockedServer, store: &Store) -> Result<Elsewhere> {
    let document = store.release(server.metadata)?;
    let metadata = ServerJson::read_strict(document.server_json.get().as_bytes())
        .map_err(Error::wrap(cannot_be_started(server)))?;
    if metadata.digest() != server.metadata {
        let (expected, found) = (server.metadata, metadata.digest());
        return Err(Error::DigestMismatch { expected, found });
    }
    let found = content::elsewhere(&metadata)?;
    let pinned = found.pinned();
    if server.elsewhere.as_ref() == Some(&pinned) {
        return Ok(found);
    }
    let locked = server.elsewhere.as_ref().map(ToString::to_string).unwrap_or_default();
    Err(Error::Failed {
        context: cannot_be_started(server),
        code: Code::Metadata,
        hint: Some("restore the lock from version control, or install it again"),
        source: format!("the lock has {locked}, and what was signed is {pinned}").into(),
    })
}

/// Where a server is reached that runs elsewhere, with what the user filled in.
///
/// # Errors
///
/// What [`signed`] says; a value or secret that is missing.
pub fn address(server: &LockedServer, places: &Places) -> Result<Option<Url>> {
    if server.elsewhere.is_none() {
        return Ok(None);
    }
    let Elsewhere::Remote(remote) = signed(server, &Store::new(places))? else { return Ok(None) };
    let (values, _) = config::of(server, remote.settings(), places)?;
    let request = remote.request(&values).map_err(Error::wrap(cannot_be_started(server)))?;
    Ok(Some(request.url))
}

/// Starts the server, or connects to it.
///
/// # Errors
///
/// What [`signed`] says; a value or secret that is missing; `E_ENGINE` where nothing
/// starts containers; `E_CONFINEMENT` where a grant cannot be held to.
pub fn start(
    server: &LockedServer,
    places: &Places,
    workspace: &Workspace,
    report: Report,
) -> Result<Started> {
    let elsewhere = signed(server, &Store::new(places))?;
    let (values, _) = config::of(server, elsewhere.settings(), places)?;
    let failed = || cannot_be_started(server);
    match elsewhere {
        Elsewhere::Remote(remote) => {
            let request = remote.request(&values).map_err(Error::wrap(failed()))?;
            let config = Config::read(places)?;
            let door = Door::of_server(server, &request.url, &config)?;
            let Bridge { input, output, session } =
                Bridge::open(&request, &door, &config, places, Arc::clone(&report))?;
            Ok(Started {
                input: Some(Box::new(input)),
                output: Some(Box::new(output)),
                end: End::Connection(Some(session)),
                report,
            })
        }
        Elsewhere::Image(image) => {
            let launch = image.launch(&values).map_err(Error::wrap(failed()))?;
            let mut container =
                Container::start(server, image.reference(), &launch, places, workspace)?;
            let (input, output) = container.streams();
            Ok(Started {
                input: input.map(|it| Box::new(it) as Box<_>),
                output: output.map(|it| Box::new(it) as Box<_>),
                end: End::Container(container),
                report,
            })
        }
    }
}

impl Started {
    /// Its streams, once.
    pub fn streams(&mut self) -> Option<(Box<dyn Write + Send>, Box<dyn Read + Send>)> {
        Some((self.input.take()?, self.output.take()?))
    }

    /// Passes on what it and the agent say, and waits for its end. The answer is its exit
    /// code.
    pub fn serve(mut self, session: Session) -> Result<u8> {
        let (from_agent, to_agent) = ui::streams();
        let talk = Arc::new(session.with(to_agent));
        let said = relay(self.streams(), &talk, from_agent);
        self.end_with_the_agent();
        let code = self.wait().map_err(|source| Error::Failed {
            context: "the server is lost".to_owned(),
            code: Code::Engine,
            hint: None,
            source: Box::new(source),
        })?;
        let _ = said.recv_timeout(GRACE);
        talk.server_ended(code);
        if let End::Container(container) = &self.end
            && let Some(notice) = container.never_began(code)
        {
            (self.report)(notice);
        }
        Ok(code)
    }

    /// Has a container end that goes on although its agent is gone. A connection ends
    /// with the session.
    fn end_with_the_agent(&self) {
        if let End::Container(container) = &self.end {
            let leash = container.leash();
            thread::spawn(move || {
                ui::until_unheard();
                // Its input has ended by now, and it may be about to go by itself.
                thread::sleep(GRACE);
                leash.cut();
            });
        }
    }

    /// Waits for its end. The answer is its exit code.
    fn wait(&mut self) -> Result<u8, SandboxError> {
        match &mut self.end {
            End::Container(container) => container.wait(),
            End::Connection(session) => {
                let is_agents_end = session.take().map(JoinHandle::join);
                Ok(u8::from(!matches!(is_agents_end, Some(Ok(true)))))
            }
        }
    }
}
