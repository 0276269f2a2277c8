//! What becomes of what an agent says.

use serde_json::{Value, json};

use super::answer::{self, Error};
use super::{
    Asked, Code, Fault, Guard, Id, Look, MAX_ASKED, MAX_LOOK, MAX_OPEN, Message, Notice, Open,
    QUESTION, Request, Subject, Terms,
};
use crate::json;
use crate::surface::{Kind, ToolDecision};

/// What becomes of a line of the agent's.
#[derive(Debug, PartialEq, Eq)]
pub enum ToServer {
    /// It passes as it is.
    Pass,
    /// It does not pass, and the agent gets these lines.
    Answer(Vec<u8>),
    /// It was for us. This line, which waited for it, goes to the server.
    Release(Vec<u8>),
}

/// The first version of the protocol without `initialize`, in which a server asks
/// nothing of its own accord.
const STATELESS: &str = "2026-07-28";

const META_PROTOCOL: &str = "io.modelcontextprotocol/protocolVersion";

/// Whether what is looked at for this method is a request, which has an id.
fn wants_an_answer(method: &str) -> bool {
    ["initialize", "server/discover", "tools/call", "prompts/get", "resources/read"]
        .contains(&method)
        || Kind::ALL.into_iter().any(|kind| kind.method() == method)
}

impl Guard {
    /// Decides on a message of the agent's. `line` is all of it, or nothing if it is
    /// longer than [`MAX_LOOK`].
    pub fn from_client(&mut self, message: Message, line: Option<&[u8]>) -> ToServer {
        match message {
            Message::Request(request) => match self.request(&request, line) {
                Ok(passage) => passage,
                Err((error, notice)) => {
                    let id = (error != Error::Request).then_some(&request.id);
                    ToServer::Answer(answer::error(id, error, &notice))
                }
            },
            // A server that does not mind would do what no rule was asked about.
            Message::Notification { method, .. } if wants_an_answer(&method) => {
                self.fault_from_client(Fault::Id)
            }
            Message::Notification { method, request } => {
                // An answer that comes all the same is nobody's any more.
                if method == "notifications/cancelled"
                    && let Some(id) = request
                {
                    self.open.remove(&id.key());
                    self.asked.retain(|_, asked| asked.id.key() != id.key());
                }
                ToServer::Pass
            }
            Message::Response { id, is_error } => match self.asked.remove(&id.key()) {
                Some(asked) => self.answered(asked, is_error, line),
                None => ToServer::Pass,
            },
            Message::LostError => ToServer::Pass,
        }
    }

    /// A line of the agent's that is no message.
    pub fn fault_from_client(&mut self, fault: Fault) -> ToServer {
        self.refuse_line("the agent", fault);
        let sentence = format!("the message was not passed on: {fault}");
        let notice = Notice { code: Code::Message, sentence, hint: None };
        ToServer::Answer(answer::error(None, Error::Parse, &notice))
    }

    fn request(&mut self, request: &Request, line: Option<&[u8]>) -> Result<ToServer, Refused> {
        let Request { id, method, subject } = request;
        let key = id.key();
        if self.open.contains_key(&key) || self.is_waiting(id) {
            // Not under its id, which would answer the other.
            return Err(refused(Error::Request, "its id is another request's, which is open"));
        }
        if let Some(ended) = &self.ended {
            return Err((Error::Internal, ended.clone()));
        }
        if self.open.len() >= MAX_OPEN {
            return Err(refused(Error::Internal, "too many requests are open"));
        }
        let look = match method.as_str() {
            "initialize" => {
                let document = read(line)?;
                self.can_ask = declares_elicitation(document.pointer("/params/capabilities"));
                Look::Initialize
            }
            "server/discover" => {
                read(line)?;
                Look::Discover
            }
            "tools/call" => return self.call(request, line),
            "prompts/get" => {
                self.usable(Kind::Prompt, subject.name.as_deref(), subject)?;
                Look::Nothing
            }
            "resources/read" => {
                self.usable(Kind::Resource, subject.uri.as_deref(), subject)?;
                Look::Nothing
            }
            other => match Kind::ALL.into_iter().find(|kind| kind.method() == other) {
                Some(kind) => {
                    let document = read(line)?;
                    Look::List { kind, protocol: protocol(&document) }
                }
                None => Look::Nothing,
            },
        };
        self.open.insert(key, Open { id: id.clone(), look });
        Ok(ToServer::Pass)
    }

    fn call(&mut self, request: &Request, line: Option<&[u8]>) -> Result<ToServer, Refused> {
        let Request { id, subject, .. } = request;
        let tool = self.usable(Kind::Tool, subject.name.as_deref(), subject)?;
        match self.terms.rules.decide(tool) {
            ToolDecision::Allow => {
                self.open.insert(id.key(), Open { id: id.clone(), look: Look::Nothing });
                Ok(ToServer::Pass)
            }
            ToolDecision::Deny => Err((Error::Params, self.denied(tool, "it is denied"))),
            ToolDecision::Ask => self.ask(id, tool, line),
        }
    }

    /// The name that a request gives, if what it names may be used.
    fn usable<'a>(
        &self,
        kind: Kind,
        name: Option<&'a str>,
        subject: &Subject,
    ) -> Result<&'a str, Refused> {
        let Some(name) = name.filter(|_| !subject.is_ambiguous) else {
            return Err(refused(Error::Params, "it does not say whom it is for, in one way"));
        };
        match self.refusal(kind, name) {
            Some(notice) => Err((Error::Params, notice)),
            None => Ok(name),
        }
    }

    /// Asks the user, through the agent, and keeps the call until there is an answer.
    fn ask(&mut self, id: &Id, tool: &str, line: Option<&[u8]>) -> Result<ToServer, Refused> {
        let why = |why: &str| (Error::Params, self.denied(tool, why));
        let Some(line) = line else {
            return Err(why("it wants your word, and the call is too long to wait for it"));
        };
        if let Ok(document) = read(Some(line))
            && protocol(&document).is_some()
        {
            return self.ask_stateless(id, tool, line, &document);
        }
        if !self.can_ask {
            return Err(why("it wants your word, and the agent cannot ask for it"));
        }
        if self.asked.len() >= MAX_ASKED {
            return Err(why("it wants your word, and too many questions are open"));
        }
        self.questions += 1;
        let question = format!("{QUESTION}{}", self.questions);
        let asking = answer::line(&json!({
            "jsonrpc": "2.0",
            "id": question,
            "method": "elicitation/create",
            "params": self.question(tool),
        }));
        let waiting = Asked { id: id.clone(), tool: tool.to_owned(), line: line.to_vec() };
        self.asked.insert(question, waiting);
        Ok(ToServer::Answer(asking))
    }

    /// What the user is asked, in the form of an elicitation.
    pub(super) fn question(&self, tool: &str) -> Value {
        json!({
            "message": format!("May {} use its tool `{tool}`?", self.terms.server),
            "requestedSchema": { "type": "object", "properties": {} },
        })
    }

    /// The user's word on a call that waited for it.
    fn answered(&mut self, asked: Asked, is_error: bool, line: Option<&[u8]>) -> ToServer {
        let document = read(line).ok().filter(|_| !is_error);
        let action = document.as_ref().and_then(|document| document.pointer("/result/action"));
        if action.and_then(Value::as_str) == Some("accept") {
            // What was withheld while the user thought about it stays so.
            if self.refusal(Kind::Tool, &asked.tool).is_none() {
                let open = Open { id: asked.id.clone(), look: Look::Nothing };
                self.open.insert(asked.id.key(), open);
                let mut line = asked.line;
                if !line.ends_with(b"\n") {
                    line.push(b'\n');
                }
                return ToServer::Release(line);
            }
        }
        let notice = self.denied(&asked.tool, "you said no");
        ToServer::Answer(answer::error(Some(&asked.id), Error::Params, &notice))
    }

    fn is_waiting(&self, id: &Id) -> bool {
        self.asked.values().any(|asked| asked.id.key() == id.key())
    }

    pub(super) fn denied(&self, tool: &str, why: &str) -> Notice {
        let Terms { server, options, .. } = &self.terms;
        let tool = tool.escape_debug();
        Notice {
            code: Code::ToolDenied,
            sentence: format!("the tool `{tool}` of {server} was not called: {why}"),
            hint: Some(format!("`mcpkg tools {server}{options} --allow {tool}` allows it")),
        }
    }
}

pub(super) type Refused = (Error, Notice);

fn refused(error: Error, why: &str) -> Refused {
    let sentence = format!("the request was not passed on: {why}");
    (error, Notice { code: Code::Message, sentence, hint: None })
}

/// Reads a message that is looked at as a whole.
pub(super) fn read(line: Option<&[u8]>) -> Result<Value, Refused> {
    let Some(line) = line else {
        return Err(refused(Error::Params, "it is longer than such a request is"));
    };
    json::parse_rounding(line, MAX_LOOK)
        .map_err(|error| refused(Error::Params, &format!("it is not read alike by all: {error}")))
}

/// The version of the protocol that a request names for itself, if it is of the
/// generation that does.
fn protocol(document: &Value) -> Option<String> {
    let meta = document.pointer("/params/_meta")?.get(META_PROTOCOL)?.as_str()?;
    (meta >= STATELESS).then(|| meta.to_owned())
}

/// Whether these capabilities of an agent are those of one that can ask its user.
pub(super) fn declares_elicitation(capabilities: Option<&Value>) -> bool {
    let elicitation = capabilities.and_then(|it| it.get("elicitation"));
    // Empty, as before 2025-11-25, it means forms; else it names what it means.
    elicitation.and_then(Value::as_object).is_some_and(|modes| {
        modes.is_empty() || modes.contains_key("form") || !modes.contains_key("url")
    })
}
