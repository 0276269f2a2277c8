//! An agent, as a server sees one: two pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use mcpkg_test_support::World;
use serde_json::{Value, json};

/// An agent that has started `mcpkg run`.
pub(crate) struct Agent {
    pub(crate) process: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
    last_id: u64,
}

impl Agent {
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        let mut process = world
            .command(&[&["run"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output, last_id: 0 }
    }

    /// The same, past `initialize`.
    pub(crate) fn initialized(world: &World, args: &[&str], capabilities: &Value) -> Self {
        let mut agent = Self::start(world, args);
        let answer = agent.ask("initialize", &initialize(capabilities));
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        agent
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{message}").unwrap();
    }

    /// Sends a request, and gives its answer, or a question that comes first.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.next()
    }

    /// The next message that wants something or answers something.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has ended");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message.get("id").is_some() {
                return message;
            }
        }
    }

    pub(crate) fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", &json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn call(&mut self, tool: &str) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": {} }))
    }

    /// Hangs up, and gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.input = None;
        self.process.wait().unwrap().code()
    }
}

/// The parameters of `initialize`.
pub(crate) fn initialize(capabilities: &Value) -> Value {
    json!({
        "protocolVersion": "2025-11-25",
        "capabilities": capabilities,
        "clientInfo": { "name": "test", "version": "1" },
    })
}
