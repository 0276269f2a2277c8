//! What the agent says, sent on: each message by itself.
//!
//! A request waits for nobody, and nobody for it, but for `initialize`, which says which
//! session it is. Notifications and answers are sent one after another, and nothing that
//! comes after one overtakes it. Who sends more than can be under way has to wait, which
//! stops the agent's pipe in the end.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use mcpkg_core::guard::{Id, Message};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::exchange::protocol_of;
use super::lines::Said;
use super::session::Session;

/// How many requests may be without an answer at once.
const MAX_OPEN: usize = 32;

/// How many messages may wait to be sent.
const MAX_WAITING: usize = 16;

/// How long answers are waited for after the agent has hung up: a script writes all that
/// it has to say, and then reads.
const GRACE: Duration = Duration::from_secs(10);

/// Sends on what the agent says, until it hangs up. Whether it was the agent who ended it.
pub(super) async fn run(
    session: &Rc<Session>,
    mut incoming: Receiver<Said>,
    out: Sender<Vec<u8>>,
) -> bool {
    let mut traffic = Traffic::new(Rc::clone(session), out.clone());
    let mut ends_at = None;
    let is_agents_end = loop {
        traffic.start();
        if ends_at.is_some() && traffic.is_over() {
            break true;
        }
        tokio::select! {
            said = incoming.recv(), if ends_at.is_none() && traffic.has_room() => match said {
                Some(said) => traffic.take(said),
                None => ends_at = Some(Instant::now() + GRACE),
            },
            Some(done) = traffic.tasks.join_next(), if !traffic.tasks.is_empty() => {
                if !traffic.finish(done) {
                    break false;
                }
            }
            () = until(ends_at) => break true,
            () = out.closed() => break true,
        }
    };
    traffic.listening.shutdown().await;
    traffic.tasks.shutdown().await;
    session.leave().await;
    is_agents_end
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// What is under way, and what waits.
struct Traffic {
    session: Rc<Session>,
    out: Sender<Vec<u8>>,
    waiting: VecDeque<Said>,
    tasks: JoinSet<Done>,
    /// Whether something is under way that nothing overtakes.
    is_blocked: bool,
    /// How to hang up on requests that are cancelled by that: those that name their
    /// protocol themselves.
    open: HashMap<Id, AbortHandle>,
    /// What the server says on its own.
    listening: JoinSet<()>,
}

/// Something that was sent, and whether the session goes on.
enum Done {
    /// A request.
    Request(Id, bool),
    /// What nothing overtakes, and whether it was the word that the session is ready.
    InOrder(bool, bool),
}

impl Traffic {
    fn new(session: Rc<Session>, out: Sender<Vec<u8>>) -> Self {
        Self {
            session,
            out,
            waiting: VecDeque::new(),
            tasks: JoinSet::new(),
            is_blocked: false,
            open: HashMap::new(),
            listening: JoinSet::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.tasks.is_empty()
    }

    /// Takes a message. One that cancels a request of no session is done by hanging up.
    fn take(&mut self, said: Said) {
        if let Message::Notification { method, request: Some(id) } = &said.message
            && method == "notifications/cancelled"
        {
            if let Some(task) = self.open.remove(id) {
                return task.abort();
            }
            let is_it = |it: &Said| matches!(&it.message, Message::Request(it) if it.id == *id);
            if said.line.as_deref().and_then(protocol_of).is_some() {
                return self.waiting.retain(|it| !is_it(it));
            }
        }
        self.waiting.push_back(said);
    }

    /// Sends what may be sent.
    fn start(&mut self) {
        while !self.is_blocked && self.tasks.len() < MAX_OPEN {
            let Some(Said { message, line }) = self.waiting.pop_front() else { return };
            let (session, out) = (Rc::clone(&self.session), self.out.clone());
            match message {
                Message::Request(request) if request.method != "initialize" => {
                    let is_alone = line.as_deref().and_then(protocol_of).is_some();
                    let id = request.id.clone();
                    let task = self.tasks.spawn_local(async move {
                        let goes_on = session.answer(&request, line, &out).await;
                        Done::Request(request.id, goes_on)
                    });
                    if is_alone {
                        self.open.insert(id, task);
                    }
                }
                message => {
                    self.is_blocked = true;
                    self.tasks.spawn_local(async move {
                        match message {
                            Message::Request(request) => {
                                Done::InOrder(session.answer(&request, line, &out).await, false)
                            }
                            message => {
                                let goes_on = session.tell(&message, line, &out).await;
                                Done::InOrder(goes_on, goes_on && is_ready(&message))
                            }
                        }
                    });
                }
            }
        }
    }

    /// Takes note of what was sent. Whether the session goes on.
    fn finish(&mut self, done: Result<Done, JoinError>) -> bool {
        match done {
            Ok(Done::Request(id, goes_on)) => {
                self.open.remove(&id);
                goes_on
            }
            Ok(Done::InOrder(goes_on, is_ready)) => {
                self.is_blocked = false;
                if is_ready {
                    let session = Rc::clone(&self.session);
                    self.listening.spawn_local(session.listen(self.out.clone()));
                }
                goes_on
            }
            // It was hung up on. That anything else ends like this is a defect of ours.
            Err(error) => error.is_cancelled(),
        }
    }
}

fn is_ready(message: &Message) -> bool {
    matches!(message, Message::Notification { method, .. } if method == "notifications/initialized")
}
