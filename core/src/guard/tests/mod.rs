//! A guard between an agent and a server that are both in the test.

mod ask;
mod lines;
mod messages;
mod surface;

use serde_json::{Value, json};

use super::*;
use crate::surface::Item;

/// The protocol that the agent and the server agree on.
const PROTOCOL: &str = "2025-11-25";

/// What came out at the other end, and what came back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    passed: Option<String>,
    answered: Option<String>,
}

impl Out {
    /// The answer as JSON.
    fn answer(&self) -> Value {
        serde_json::from_str(self.answered.as_deref().unwrap_or("null")).unwrap()
    }

    /// Our code in the answer.
    fn code(&self) -> String {
        self.answer().pointer("/error/data/code").and_then(Value::as_str).unwrap_or("").to_owned()
    }

    /// What passed, as JSON.
    fn message(&self) -> Value {
        serde_json::from_str(self.passed.as_deref().unwrap_or("null")).unwrap()
    }
}

fn guard(change: impl FnOnce(&mut Terms)) -> Guard {
    let mut terms = Terms { server: "io.github.acme/weather".to_owned(), ..Terms::default() };
    change(&mut terms);
    Guard::new(terms)
}

/// A guard with `tools` pinned, past `initialize`.
fn pinned(tools: &[Value]) -> Guard {
    let mut guard = guard(|terms| terms.pinned = vec![reading(tools)]);
    initialize(&mut guard, &json!({}), None);
    guard
}

fn reading(tools: &[Value]) -> Surface {
    let mut surface = Surface::under(PROTOCOL);
    for tool in tools {
        let (name, item) = Item::read(Kind::Tool, tool).unwrap();
        surface.add(Kind::Tool, name, item).unwrap();
    }
    surface
}

fn initialize(guard: &mut Guard, capabilities: &Value, instructions: Option<&str>) -> Out {
    let params = json!({ "protocolVersion": PROTOCOL, "capabilities": capabilities });
    client(guard, &request(json!(0), "initialize", &params));
    let mut result = json!({ "protocolVersion": PROTOCOL, "capabilities": {} });
    if let Some(instructions) = instructions {
        result["instructions"] = instructions.into();
    }
    server(guard, &response(json!(0), &result))
}

fn request(id: impl Into<Value>, method: &str, params: &Value) -> String {
    let id = id.into();
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

fn response(id: impl Into<Value>, result: &Value) -> String {
    let id = id.into();
    json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "description": "What it does", "inputSchema": { "type": "object" } })
}

/// Asks for a list, and gives this one.
fn list(guard: &mut Guard, kind: Kind, items: &[Value]) -> Out {
    client(guard, &request(json!("list"), kind.method(), &json!({})));
    server(guard, &response(json!("list"), &json!({ kind.list_key(): items })))
}

fn names(out: &Out) -> Vec<String> {
    let tools = out.message()["result"]["tools"].clone();
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    tools.as_array().map(|tools| tools.iter().map(name).collect()).unwrap_or_default()
}

fn call(guard: &mut Guard, tool: &str) -> Out {
    client(guard, &request(json!(format!("call {tool}")), "tools/call", &json!({ "name": tool })))
}

fn scan(text: &str) -> Line {
    Scanner::line(text.as_bytes())
}

fn client(guard: &mut Guard, text: &str) -> Out {
    let said = match scan(text) {
        Line::Message(message) => guard.from_client(message, Some(text.as_bytes())),
        Line::Prose => ToServer::Pass,
        Line::Fault(fault) => guard.fault_from_client(fault),
    };
    let text_of = |bytes: Vec<u8>| Some(String::from_utf8(bytes).unwrap());
    match said {
        ToServer::Pass => Out { passed: Some(text.to_owned()), answered: None },
        ToServer::Answer(line) => Out { passed: None, answered: text_of(line) },
        ToServer::Release(line) => Out { passed: text_of(line), answered: None },
    }
}

fn server(guard: &mut Guard, text: &str) -> Out {
    let said = match scan(text) {
        Line::Message(message) => guard.from_server(message, Some(text.as_bytes())),
        Line::Prose => ToClient::Pass,
        Line::Fault(fault) => guard.fault_from_server(fault),
    };
    match said {
        ToClient::Pass => Out { passed: Some(text.to_owned()), answered: None },
        ToClient::Replace(line) => {
            let line = String::from_utf8(line).unwrap();
            let is_error = line.contains("\"error\"");
            if is_error {
                Out { passed: None, answered: Some(line) }
            } else {
                Out { passed: Some(line), answered: None }
            }
        }
        ToClient::Drop => Out::default(),
    }
}

fn codes(guard: &mut Guard) -> Vec<Code> {
    guard.take_notices().into_iter().map(|notice| notice.code).collect()
}
