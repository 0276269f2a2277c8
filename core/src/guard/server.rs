//! What becomes of what a server says.

use serde_json::{Map, Value};

use super::answer::{self, Error};
use super::{Code, Fault, Guard, Look, MAX_LOOK, Message, Notice, QUESTION, Terms, shadowed};
use crate::surface::{
    Change, Difference, Item, ItemError, Kind, Surface, ToolDecision, differences, folded,
    instructions_digest, is_protocol,
};
use crate::{json, surface};

/// What becomes of a line of the server's.
#[derive(Debug, PartialEq, Eq)]
pub enum ToClient {
    /// It passes as it is.
    Pass,
    /// These lines go in its place.
    Replace(Vec<u8>),
    /// It goes no further.
    Drop,
}

impl Guard {
    /// Decides on a message of the server's. `line` is all of it, or nothing if it is
    /// longer than [`MAX_LOOK`].
    pub fn from_server(&mut self, message: Message, line: Option<&[u8]>) -> ToClient {
        match message {
            Message::Request(request) if request.id.key().starts_with(QUESTION) => {
                self.tell_of_message("it asks under an id of ours");
                ToClient::Drop
            }
            Message::Request(_) | Message::Notification { .. } | Message::LostError => {
                ToClient::Pass
            }
            Message::Response { id, is_error } => {
                // The id as it was asked, in type too: some clients take `"5"` for `5`.
                if self.open.get(&id.key()).is_none_or(|open| open.id != id) {
                    self.tell_of_message("it answers what nobody has asked");
                    return ToClient::Drop;
                }
                let look = self.open.remove(&id.key()).map_or(Look::Nothing, |open| open.look);
                if is_error || look == Look::Nothing {
                    return ToClient::Pass;
                }
                self.look(&look, line).unwrap_or_else(|notice| {
                    let answer = answer::error(Some(&id), Error::Internal, &notice);
                    self.tell(notice);
                    ToClient::Replace(answer)
                })
            }
        }
    }

    /// A line of the server's that is no message.
    pub fn fault_from_server(&mut self, fault: Fault) -> ToClient {
        let server = self.terms.server.clone();
        self.refuse_line(&server, fault);
        ToClient::Drop
    }

    fn tell_of_message(&mut self, what: &str) {
        let notice = self.unreadable(what);
        self.tell(notice);
    }

    fn unreadable(&self, why: &str) -> Notice {
        let sentence = format!("a message of {} was left out: {why}", self.terms.server);
        Notice { code: Code::Message, sentence, hint: Some("report it to its author".to_owned()) }
    }

    fn look(&mut self, look: &Look, line: Option<&[u8]>) -> Result<ToClient, Notice> {
        let line = line.ok_or_else(|| self.unreadable("it is longer than such an answer is"))?;
        let mut document = json::parse_rounding(line, MAX_LOOK)
            .map_err(|error| self.unreadable(&format!("it is not read alike by all: {error}")))?;
        let Some(Value::Object(result)) = document.get_mut("result") else {
            return Err(self.unreadable("its result is no object"));
        };
        let is_whole = match look {
            Look::Initialize => {
                let protocol = result.get("protocolVersion").and_then(Value::as_str);
                let protocol = protocol.filter(|text| is_protocol(text)).unwrap_or_default();
                protocol.clone_into(&mut self.protocol);
                self.keep_instructions(&self.protocol.clone(), result)?
            }
            Look::Discover => self.keep_instructions("", result)?,
            Look::List { kind, protocol } => {
                let protocol = protocol.as_deref().unwrap_or(&self.protocol).to_owned();
                self.keep_items(*kind, &protocol, result)?
            }
            Look::Nothing => true,
        };
        Ok(if is_whole { ToClient::Pass } else { ToClient::Replace(answer::line(&document)) })
    }

    /// Takes out instructions that are not the pinned ones. Says whether all is there.
    fn keep_instructions(
        &mut self,
        protocol: &str,
        result: &mut Map<String, Value>,
    ) -> Result<bool, Notice> {
        self.check_key("instructions", result)?;
        let Some(found) = result.get("instructions") else { return Ok(true) };
        let Some(text) = found.as_str() else {
            return Err(self.unreadable("its instructions are no text"));
        };
        let Some(digest) = instructions_digest(Some(text)) else { return Ok(true) };
        let pinned = !self.terms.pinned.is_empty();
        let known = if pinned { &self.terms.pinned } else { &self.terms.known };
        let same = known.iter().any(|one| one.instructions() == Some(digest));
        let is_first = !pinned && known.iter().all(|one| one.instructions().is_none());
        if is_first {
            self.known_under(protocol).set_instructions(Some(text));
            self.is_known_new = true;
        }
        if same || is_first {
            return Ok(true);
        }
        result.shift_remove("instructions");
        let readings = if pinned { &self.terms.pinned } else { &self.terms.known };
        let has_some = readings.iter().any(|one| one.instructions().is_some());
        let difference = if has_some { Difference::Changed } else { Difference::Added };
        let notice = self.changed(&Change::Instructions(difference).to_string());
        self.tell(notice);
        Ok(false)
    }

    /// Takes out of a list what may not be shown. Says whether all is there.
    fn keep_items(
        &mut self,
        kind: Kind,
        protocol: &str,
        result: &mut Map<String, Value>,
    ) -> Result<bool, Notice> {
        self.check_key(kind.list_key(), result)?;
        let items = match result.get_mut(kind.list_key()) {
            // A server may have to ask something before it answers.
            None => return Ok(true),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.unreadable("its list is no list")),
        };
        let before = items.len();
        items.retain(|item| self.is_shown(kind, protocol, item));
        Ok(items.len() == before)
    }

    /// Refuses a key that some readers take for `key`.
    fn check_key(&self, key: &str, object: &Map<String, Value>) -> Result<(), Notice> {
        let key_folded = folded(key);
        let is_other = |found: &&String| *found != key && folded(found) == key_folded;
        match object.keys().find(is_other) {
            Some(_) => Err(self.unreadable("it has a key that readers disagree on")),
            None => Ok(()),
        }
    }

    fn is_shown(&mut self, kind: Kind, protocol: &str, value: &Value) -> bool {
        let (name, item) = match Item::read(kind, value) {
            Ok(read) => read,
            Err(error) => {
                let notice = self.no_item(kind, &error);
                self.tell(notice);
                return false;
            }
        };
        if kind == Kind::Tool && self.terms.rules.decide(&name) == ToolDecision::Deny {
            return false;
        }
        let refusal = if self.terms.pinned.is_empty() {
            self.learn(kind, protocol, &name, item)
        } else {
            self.held_to_pin(kind, protocol, &name, &item)
        };
        match refusal {
            None => {
                self.withheld.remove(&(kind, name));
                true
            }
            Some(notice) => {
                self.withheld.insert((kind, name), notice.clone());
                self.tell(notice);
                false
            }
        }
    }

    fn held_to_pin(&self, kind: Kind, protocol: &str, name: &str, item: &Item) -> Option<Notice> {
        let changes = surface::against(&self.terms.pinned, kind, protocol, name, item);
        if changes.is_empty() {
            return None;
        }
        let said: Vec<_> = changes.iter().map(ToString::to_string).collect();
        Some(self.changed(&said.join("; ")))
    }

    /// Where nothing was pinned, what is seen first is remembered, and held to.
    fn learn(&mut self, kind: Kind, protocol: &str, name: &str, item: Item) -> Option<Notice> {
        if kind == Kind::Tool
            && !self.terms.rules.names(name)
            && let Some(other) = shadowed(&self.terms.others, name)
        {
            return Some(self.shadowing(name, &other.clone()));
        }
        let known = self.known_under(protocol);
        let Some(first) = known.items(kind).get(name) else {
            // More than a surface holds is not remembered, and not shown.
            return match known.add(kind, name.to_owned(), item) {
                Ok(()) => {
                    self.is_known_new = true;
                    None
                }
                Err(error) => Some(self.unreadable(&error.to_string())),
            };
        };
        let changes = differences(kind, name, Some(first), &item);
        let said: Vec<_> = changes.iter().map(ToString::to_string).collect();
        (!said.is_empty()).then(|| self.changed(&said.join("; ")))
    }

    fn known_under(&mut self, protocol: &str) -> &mut Surface {
        let protocol = if is_protocol(protocol) { protocol } else { "unknown" };
        let known = &mut self.terms.known;
        let index = known.iter().position(|one| one.protocols().contains(protocol));
        let index = index.unwrap_or_else(|| {
            known.push(Surface::under(protocol));
            known.len() - 1
        });
        &mut known[index]
    }

    fn no_item(&self, kind: Kind, error: &ItemError) -> Notice {
        let sentence = format!("a {} of {} was left out: {error}", kind.word(), self.terms.server);
        Notice { code: Code::ToolName, sentence, hint: Some("report it to its author".to_owned()) }
    }

    fn shadowing(&self, name: &str, other: &str) -> Notice {
        let Terms { server, options, .. } = &self.terms;
        Notice {
            code: Code::ToolName,
            sentence: format!(
                "the tool `{name}` of {server} is withheld: {other} has one of that name"
            ),
            hint: Some(format!(
                "`mcpkg tools {server}{options} --allow {name}` shows both to your agent"
            )),
        }
    }
}
