//! The user's word on a call, under the protocol without `initialize`.
//!
//! There nobody asks of its own accord. A call is answered with what it takes
//! (`input_required`), and comes again, under another id, with the answers to that
//! (SEP-2322, in MCP since 2026-07-28). So we answer with our question, and keep the call
//! as it came. Once it comes again with the user's word, the one that was kept goes to the
//! server, under the new id: what came again holds answers that are for us.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::answer::{self, Error};
use super::client::{Refused, declares_elicitation, read};
use super::{Asked, Guard, Id, Look, MAX_ASKED, Open, QUESTION, ToServer};

/// What our question is called among those that a call takes.
const WORD: &str = "mcpkg/word";

impl Guard {
    /// Asks the user, or hears what they said.
    pub(super) fn ask_stateless(
        &mut self,
        id: &Id,
        tool: &str,
        line: &[u8],
        document: &Value,
    ) -> Result<ToServer, Refused> {
        if let Some(asked) = self.asked_before(document) {
            return self.answered_stateless(id, &asked, document);
        }
        let meta = document.pointer("/params/_meta");
        let capabilities = meta.and_then(|it| it.get("io.modelcontextprotocol/clientCapabilities"));
        if !declares_elicitation(capabilities) {
            let why = "it wants your word, and the agent cannot ask for it";
            return Err((Error::Params, self.denied(tool, why)));
        }
        // Whoever never comes again keeps nobody else from asking.
        if self.worded.len() >= MAX_ASKED {
            self.worded.pop_first();
        }
        self.questions += 1;
        let waiting = Asked { id: id.clone(), tool: tool.to_owned(), line: line.to_vec() };
        self.worded.insert(self.questions, waiting);
        let question = json!({ "method": "elicitation/create", "params": self.question(tool) });
        Ok(ToServer::Answer(answer::line(&json!({
            "jsonrpc": "2.0",
            "id": id.to_json(),
            "result": {
                "resultType": "input_required",
                "inputRequests": { WORD: question },
                "requestState": format!("{QUESTION}{}", self.questions),
            },
        }))))
    }

    /// The call that this one is again: with our state, of the same tool, to do the same.
    fn asked_before(&mut self, document: &Value) -> Option<Asked> {
        let state = document.pointer("/params/requestState")?.as_str()?;
        let number = state.strip_prefix(QUESTION)?.parse().ok()?;
        let kept = read(Some(&self.worded.get(&number)?.line)).ok()?;
        let is_same = ["/params/name", "/params/arguments"]
            .iter()
            .all(|part| kept.pointer(part) == document.pointer(part));
        if is_same { self.worded.remove(&number) } else { None }
    }

    fn answered_stateless(
        &mut self,
        id: &Id,
        asked: &Asked,
        document: &Value,
    ) -> Result<ToServer, Refused> {
        let words = document.pointer("/params/inputResponses");
        let action = words.and_then(|words| words.get(WORD)).and_then(|word| word.get("action"));
        let line = with_id(&asked.line, id).filter(|_| action == Some(&json!("accept")));
        let Some(line) = line else {
            return Err((Error::Params, self.denied(&asked.tool, "you said no")));
        };
        self.open.insert(id.key(), Open { id: id.clone(), look: Look::Nothing });
        Ok(ToServer::Release(line))
    }
}

/// A request under another id, with everything else byte for byte.
fn with_id(line: &[u8], id: &Id) -> Option<Vec<u8>> {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line).ok()?;
    members.insert("id".to_owned(), to_raw_value(&id.to_json()).ok()?);
    let mut line = serde_json::to_vec(&members).ok()?;
    line.push(b'\n');
    Some(line)
}
