//! The guard between an agent and a running server.
//!
//! `mcpkg run` sits on the stdio of a server. Each line is one JSON-RPC message; it is
//! read as it passes by a [`Scanner`], and a [`Guard`] says what becomes of it. The
//! guard is a function of what it has seen: it reads no stream and writes none, which
//! is what `cli/src/ops/guard` does.
//!
//! # What it holds a server to
//!
//! - What reaches a model (see [`crate::surface`]) is what was pinned. A tool that is
//!   not is left out of the list, and a call of it is answered with an error.
//! - An answer counts only for the request that has its id, and once. So nobody can
//!   pass off a list of tools as the answer to something that is not looked at.
//! - Every line is one message to all readers, or none: see [`Scanner`]. A line that is
//!   not goes no further.
//!
//! # What it believes
//!
//! The agent is the user's, and may be steered by what it reads. So its framing is
//! trusted no more than the server's, and it can call no tool that is denied.
//!
//! # What it does not do
//!
//! What a tool answers is not looked at: that text comes from the world, and nothing
//! could have pinned it. Neither are requests of a server's own (sampling, elicitation,
//! roots), which the client asks its user about.

mod answer;
mod client;
mod deep;
mod facts;
mod message;
mod run;
mod scan;
mod server;
mod stateless;
mod utf8;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::lock::Lock;
use crate::surface::{Kind, Surface, ToolRules, folded};
use crate::{Code, PackageName};

pub use self::answer::not_started;
pub use self::client::ToServer;
pub use self::message::{Fault, Id, Message, Request, Subject};
pub use self::scan::{Event, Line, Scanner};
pub use self::server::ToClient;

/// The longest message that is looked at as a whole, in bytes. Lists of tools are
/// shorter: the longest that we know, of a hundred tools, has a tenth of it. Longer
/// messages that need no look pass as a stream.
pub const MAX_LOOK: usize = 1 << 20;

/// How many requests may be without an answer at once.
const MAX_OPEN: usize = 4096;

/// How many calls may wait for the user's word at once.
const MAX_ASKED: usize = 16;

/// What a server is held to.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What to call the server in sentences.
    pub server: String,
    /// What a command of ours needs to find it, beside its name.
    pub options: &'static str,
    /// What was pinned of it.
    pub pinned: Vec<Surface>,
    /// What it has shown before, where nothing was pinned.
    pub known: Vec<Surface>,
    /// Which tools may be called.
    pub rules: ToolRules,
    /// The tools of other servers, each with whose it is, see [`others_tools`].
    pub others: BTreeMap<String, String>,
}

/// The tools of all servers in `lock` but one, as they were pinned: names in one case,
/// each with whose it is.
pub fn others_tools(lock: &Lock, server: &PackageName) -> BTreeMap<String, String> {
    let others = lock.servers().filter(|other| other.name != *server);
    let tools = others.flat_map(|other| {
        let names = other.surface.iter().flat_map(|surface| surface.items(Kind::Tool).keys());
        names.map(|tool| (folded(tool), other.name.to_string()))
    });
    tools.collect()
}

/// A surface as its author signed it, without the tools that have the name of another
/// server's and that no rule names: nobody has seen them.
pub fn without_shadows(
    signed: &[Surface],
    others: &BTreeMap<String, String>,
    rules: &ToolRules,
) -> Vec<Surface> {
    let mut kept = signed.to_vec();
    for surface in &mut kept {
        let names: Vec<_> = surface.items(Kind::Tool).keys().cloned().collect();
        let is_refused = |name: &&String| shadowed(others, name).is_some() && !rules.names(name);
        for name in names.iter().filter(is_refused) {
            surface.remove(Kind::Tool, name);
        }
    }
    kept
}

/// Whose tool a name is, if it is one of [`others_tools`].
pub fn shadowed<'a>(others: &'a BTreeMap<String, String>, tool: &str) -> Option<&'a String> {
    others.get(&folded(tool))
}

/// Something that the user should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its stable code.
    pub code: Code,
    /// What happened.
    pub sentence: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What becomes of the messages between one agent and one server.
#[derive(Debug)]
pub struct Guard {
    terms: Terms,
    /// The version of the protocol that both agreed on, in the generation that has
    /// `initialize`.
    protocol: String,
    can_ask: bool,
    /// Requests of the client without an answer, by the key of their id.
    open: HashMap<String, Open>,
    /// Calls that wait for the user's word, by the number of the question.
    asked: HashMap<String, Asked>,
    /// The same, where a call is answered and comes again, by the number of the question.
    worded: BTreeMap<u64, Asked>,
    questions: u64,
    /// The server has ended, and how.
    ended: Option<Notice>,
    /// What is not shown, and why.
    withheld: BTreeMap<(Kind, String), Notice>,
    is_known_new: bool,
    notices: Vec<Notice>,
    told: BTreeSet<String>,
}

/// A request without an answer.
#[derive(Clone, Debug)]
struct Open {
    id: Id,
    look: Look,
}

/// What is looked at in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Nothing,
    Initialize,
    Discover,
    List {
        kind: Kind,
        /// As the request says it, in the generation without `initialize`.
        protocol: Option<String>,
    },
}

/// A call that waits for the user's word.
#[derive(Debug)]
struct Asked {
    id: Id,
    tool: String,
    line: Vec<u8>,
}

/// What the ids of our own questions start with.
const QUESTION: &str = "mcpkg/ask/";

impl Guard {
    /// A guard that has seen nothing yet.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            protocol: String::new(),
            can_ask: false,
            open: HashMap::new(),
            asked: HashMap::new(),
            worded: BTreeMap::new(),
            questions: 0,
            ended: None,
            withheld: BTreeMap::new(),
            is_known_new: false,
            notices: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// What there is to tell since the last time.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What an unpinned server has shown, if that is more than the last time.
    pub fn take_known(&mut self) -> Option<&[Surface]> {
        std::mem::take(&mut self.is_known_new).then_some(self.terms.known.as_slice())
    }

    /// The server has ended, in the way that `how` says. These lines answer what it left
    /// unanswered; what is asked from now on is answered alike.
    pub fn server_ended(&mut self, how: &str) -> Vec<u8> {
        let Terms { server, options, .. } = &self.terms;
        let notice = Notice {
            code: Code::ServerEnded,
            sentence: format!("{server} has ended before it answered: {how}"),
            hint: Some(format!(
                "what it said last is on stderr; `mcpkg inspect {server}{options}` starts it again"
            )),
        };
        let asked = self.asked.drain().map(|(_, asked)| asked.id);
        let mut left: Vec<Id> = self.open.drain().map(|(_, open)| open.id).chain(asked).collect();
        left.sort_by_key(Id::key);
        let line = |id| answer::error(Some(id), answer::Error::Internal, &notice);
        let lines = left.iter().flat_map(line).collect();
        if !left.is_empty() {
            self.tell(notice.clone());
        }
        self.ended = Some(notice);
        lines
    }

    /// A line that is no message was left out.
    pub fn refuse_line(&mut self, sender: &str, fault: Fault) {
        let sentence = format!("a line of {sender} was left out: {fault}");
        self.tell(Notice { code: Code::Message, sentence, hint: None });
    }

    /// Each thing is told once: a server may repeat itself.
    fn tell(&mut self, notice: Notice) {
        // A thousand is more than anybody reads, and bounds what a server can fill.
        if self.told.len() < 1000 && self.told.insert(notice.sentence.clone()) {
            self.notices.push(notice);
        }
    }

    /// Why a tool, prompt or resource may not be used, if that is so.
    fn refusal(&self, kind: Kind, name: &str) -> Option<Notice> {
        if let Some(notice) = self.withheld.get(&(kind, name.to_owned())) {
            return Some(notice.clone());
        }
        let is_pinned = |surface: &Surface| surface.items(kind).contains_key(name);
        // A resource may be read by an address that a template makes.
        let is_listed = self.terms.pinned.is_empty() || kind == Kind::Resource;
        if is_listed || self.terms.pinned.iter().any(is_pinned) {
            return None;
        }
        let what = format!("it has no {} `{}`", kind.word(), name.escape_debug());
        Some(self.changed(&what))
    }

    fn changed(&self, what: &str) -> Notice {
        let Terms { server, options, pinned, .. } = &self.terms;
        let inspect = format!("`mcpkg inspect {server}{options}`");
        let (held_to, hint) = if pinned.is_empty() {
            ("what it showed at first", format!("{inspect} shows what it shows now, and pins it"))
        } else {
            let accept = "with `--accept-surface` it pins what there is now";
            ("what was pinned", format!("{inspect} shows the difference; {accept}"))
        };
        Notice {
            code: Code::SurfaceChanged,
            sentence: format!("{server} is not {held_to}: {what}"),
            hint: Some(hint),
        }
    }
}
