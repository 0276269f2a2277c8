//! What the guard costs: per small message, and per byte of a large one.
//!
//! A message may take 50 microseconds at the median, and 200 MB have to pass in a second.
//! Reading and writing the pipes is not in it.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mcpkg_core::guard::{Event, Guard, Line, Scanner, Terms};
use mcpkg_core::surface::{Item, Kind, Surface};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

fn tool(index: usize) -> Value {
    json!({
        "name": format!("tool_{index}"),
        "description": "Searches issues, with a query and any number of labels. ".repeat(4),
        "inputSchema": {
            "type": "object",
            "properties": { "query": { "type": "string", "description": "What to look for" } },
            "required": ["query"],
        },
    })
}

fn guard(tools: &[Value]) -> Guard {
    let mut surface = Surface::under("2025-11-25");
    for tool in tools {
        let (name, item) = Item::read(Kind::Tool, tool).expect("it is a tool");
        surface.add(Kind::Tool, name, item).expect("there is room");
    }
    Guard::new(Terms { pinned: vec![surface], ..Terms::default() })
}

fn pass(guard: &mut Guard, request: &str, response: &str) {
    let Line::Message(message) = Scanner::line(request.as_bytes()) else { return };
    black_box(guard.from_client(message, Some(request.as_bytes())));
    let Line::Message(message) = Scanner::line(response.as_bytes()) else { return };
    black_box(guard.from_server(message, Some(response.as_bytes())));
}

/// A call of a tool and its answer: two messages.
#[divan::bench]
fn call(bencher: Bencher<'_, '_>) {
    let mut guard = guard(&[tool(0)]);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tool_0","arguments":{"query":"weather in Oslo"}}}"#;
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"-3 degrees, snow"}]}}"#;
    bencher.bench_local(|| pass(&mut guard, request, response));
}

/// A list of a hundred tools, each held to what was pinned.
#[divan::bench]
fn list(bencher: Bencher<'_, '_>) {
    let tools: Vec<_> = (0..100).map(tool).collect();
    let mut guard = guard(&tools);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    let response = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }).to_string();
    bencher
        .counter(BytesCount::from(response.len()))
        .bench_local(|| pass(&mut guard, request, &response));
}

/// A long answer, as a stream.
#[divan::bench(args = ["text", "escapes", "tokens", "script"])]
fn stream(bencher: Bencher<'_, '_>, kind: &str) {
    let part = match kind {
        "text" => "\"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod\",",
        "escapes" => r#""line one\n\tline \"two\"\u0041\n","#,
        "script" => "\"天気予報は晴れ、明日は雪が降るでしょう\",",
        _ => r#"{"id":12345,"is":true,"at":[1.5,-2e10,null]},"#,
    };
    let mut text = String::from(r#"{"jsonrpc":"2.0","result":["#);
    text.push_str(&part.repeat(8_000_000 / part.len()));
    text.push_str("0],\"id\":1}\n");
    bencher.counter(BytesCount::from(text.len())).bench_local(|| {
        let mut scanner = Scanner::default();
        for mut chunk in text.as_bytes().chunks(64 * 1024) {
            while !chunk.is_empty() {
                let (length, event) = scanner.feed(black_box(chunk));
                chunk = &chunk[length..];
                assert!(!matches!(event, Event::Fault(_)), "it is a message");
            }
        }
    });
}
