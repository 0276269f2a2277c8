//! What stands between an agent and a running server: [`mcpkg_core::guard`] on two
//! streams.
//!
//! Each direction is a relay in a thread of its own, so neither waits for the other.
//! A relay reads no more than it can send on, so whoever is slow slows down whoever
//! sends. Of a message, at most [`mcpkg_core::guard::MAX_LOOK`] bytes are held.

mod known;
mod outlet;
mod refuse;
mod relay;

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::guard::{Guard, Notice, Terms, ToClient, ToServer, others_tools};
use mcpkg_core::lock::{Lock, LockedServer};

use self::known::Known;
use self::outlet::Outlet;
use self::relay::{Passage, Seen, relay};
use crate::agents::Scope;
use crate::error::Result;
use crate::ops::failures::{self, Failure};
use crate::places::Places;
use crate::ui::Ui;

pub use self::known::forget as forget_known;
pub use self::refuse::tell_agent;

/// A session with an agent.
pub struct Talk<W> {
    session: Session,
    to_agent: Outlet<W>,
}

impl<W: Write + Send + 'static> Talk<W> {
    /// Passes on what may pass, both ways, until the server has no more to say.
    ///
    /// `input` is what the server reads, and `output` what it writes. The thread that
    /// waits for the agent is left behind, and ends with the process.
    pub fn run(
        self: &Arc<Self>,
        from_agent: impl Read + Send + 'static,
        (input, output): (impl Write + Send + 'static, impl Read),
    ) -> io::Result<()> {
        let theirs = Arc::clone(self);
        thread::spawn(move || {
            let (session, back) = (&theirs.session, &theirs.to_agent);
            // A server that reads no more is about to end, and its output says so; and
            // an agent that is gone closes the server's input by this thread's end.
            let _ = relay(from_agent, &Outlet::new(input), |seen| session.agent_says(seen, back));
        });
        relay(output, &self.to_agent, |seen| self.session.server_says(seen))
    }

    /// Answers what the server has left unanswered, which ended with this exit code.
    pub fn server_ended(&self, code: u8) {
        // As shells count, and as we do.
        let how = match code.checked_sub(128) {
            Some(signal) if signal > 0 => format!("exit code {code}, by signal {signal}"),
            _ => format!("exit code {code}"),
        };
        let lines = self.session.decide(|guard| guard.server_ended(&how));
        // An agent that is gone has nothing open.
        let _ = self.to_agent.line(&lines);
    }
}

/// A guard, and where it leaves what the user should know.
pub struct Session {
    guard: Mutex<Guard>,
    server: PackageName,
    known: Option<Known>,
    places: Places,
    ui: Ui,
}

impl Session {
    /// A session of `server`, held to what `lock` says of it.
    pub fn new(
        server: &LockedServer,
        lock: &Lock,
        scope: Scope,
        places: &Places,
        ui: Ui,
    ) -> Result<Self> {
        let known = if server.surface.is_empty() { Some(Known::of(server, places)) } else { None };
        let terms = Terms {
            server: server.name.to_string(),
            options: match scope {
                Scope::User | Scope::Local => "",
                Scope::Project => " --scope project",
            },
            pinned: server.surface.clone(),
            known: known.as_ref().map(Known::read).transpose()?.unwrap_or_default(),
            rules: server.tools.clone(),
            others: others_tools(lock, &server.name),
        };
        let (guard, places) = (Mutex::new(Guard::new(terms)), places.clone());
        Ok(Self { guard, server: server.name.clone(), known, places, ui })
    }

    /// Whether nothing was pinned of the server.
    pub fn is_unpinned(&self) -> bool {
        self.known.is_some()
    }

    /// The session with an agent, which reads `to_agent`.
    pub fn with<W: Write>(self, to_agent: W) -> Talk<W> {
        Talk { session: self, to_agent: Outlet::new(to_agent) }
    }

    fn agent_says<W: Write>(&self, seen: Seen<'_>, back: &Outlet<W>) -> Passage {
        let passage = self.decide(|guard| match seen {
            Seen::Message(message, line) => guard.from_client(message, line),
            Seen::Fault(fault) => guard.fault_from_client(fault),
        });
        match passage {
            ToServer::Pass => Passage::Pass,
            ToServer::Release(line) => Passage::Replace(line),
            ToServer::Answer(line) => {
                // An agent that no longer reads is told nothing more.
                let _ = back.line(&line);
                Passage::Drop
            }
        }
    }

    fn server_says(&self, seen: Seen<'_>) -> Passage {
        let passage = self.decide(|guard| match seen {
            Seen::Message(message, line) => guard.from_server(message, line),
            Seen::Fault(fault) => guard.fault_from_server(fault),
        });
        match passage {
            ToClient::Pass => Passage::Pass,
            ToClient::Replace(line) => Passage::Replace(line),
            ToClient::Drop => Passage::Drop,
        }
    }

    fn decide<T>(&self, decide: impl FnOnce(&mut Guard) -> T) -> T {
        let (decision, notices, known) = {
            let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
            let decision = decide(&mut guard);
            let known = guard.take_known().map(<[_]>::to_vec);
            (decision, guard.take_notices(), known)
        };
        // What cannot be written down is still held to, and the session goes on.
        if let (Some(store), Some(known)) = (&self.known, known)
            && let Err(error) = store.write(&known)
        {
            self.ui.warn(error);
        }
        for notice in notices {
            self.tell(notice);
        }
        decision
    }

    fn tell(&self, notice: Notice) {
        let Notice { code, sentence, hint } = notice;
        self.ui.warn(format!("{sentence} ({code})"));
        let failure = Failure { time: Timestamp::now(), code, sentence, hint };
        if let Err(error) = failures::record(&self.places, &self.server, &failure) {
            self.ui.warn(error);
        }
    }
}
