//! What an edit of large settings takes, in each dialect: linking a server into a
//! megabyte, the text alone.
//!
//! Wanted are 10 milliseconds. `usual` is what grows that large: a history, or what the
//! agent remembers of each project, beside the servers. `unusual` is what has to be read
//! in full, by two readers, before and after.

use divan::{Bencher, black_box};
use mcpkg_cli::agents::{self, Agent, Launch};

fn main() {
    divan::main();
}

const MEGABYTE: usize = 1 << 20;

/// An agent of each dialect.
const AGENTS: [&str; 5] = ["claude-code", "gemini-cli", "vscode", "codex", "goose"];

fn usual(agent: &dyn Agent) -> String {
    let root_key = agent.root_key();
    match agent.id() {
        "codex" => filled("model = \"x\"\n", "[mcp_servers.other]\ncommand = \"npx\"\n", |index| {
            format!("[projects.\"/home/a/{index}\"]\ntrust_level = \"trusted\" # {index}\n\n")
        }),
        "goose" => filled("model: x\n", "extensions:\n  other:\n    cmd: npx\n", |index| {
            format!(
                "project_{index}:\n  # {index}\n  path: /home/a/{index}\n  seen:\n  - \"one\"\n"
            )
        }),
        id => {
            let comment = if id == "claude-code" { "" } else { "  // Kept.\n" };
            let head = format!("{{\n{comment}  \"projects\": {{\n    \"/home/a\": [\n");
            let servers = "{\n    \"other\": { \"command\": \"npx\" }\n  }";
            let tail = format!("      {{}}\n    ]\n  }},\n  \"{root_key}\": {servers}\n}}\n");
            filled(&head, &tail, |index| {
                format!(
                    "      {{ \"display\": \"What is wrong with issue {index}?\", \"at\": {index} }},\n"
                )
            })
        }
    }
}

fn unusual(agent: &dyn Agent) -> String {
    match agent.id() {
        "codex" => filled("", "[mcp_servers.other]\ncommand = \"npx\"\n", |index| {
            format!("[projects.\"/home/a/{index}\"]\nseen = {{ at = {index}.5 }}\n\n")
        }),
        "goose" => filled("", "extensions:\n  other:\n    cmd: npx\n", |index| {
            format!(
                "project_{index}:\n  path: [\"/home/a/{index}\"]\n  note: >-\n    Some\n    words\n"
            )
        }),
        id => {
            let comment = if id == "claude-code" { "" } else { " // As it was." };
            let tail = format!("  \"{}\": {{}}\n}}\n", agent.root_key());
            filled("{\n", &tail, |index| {
                format!("  \"setting.{index}\": {{ \"on\": true }},{comment}\n")
            })
        }
    }
}

/// A megabyte of parts between a head and a tail.
fn filled(head: &str, tail: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(MEGABYTE + 256);
    text.push_str(head);
    let mut index = 0;
    while text.len() + tail.len() < MEGABYTE {
        text.push_str(&part(index));
        index += 1;
    }
    text + tail
}

fn link(bencher: Bencher<'_, '_>, id: &str, text: fn(&dyn Agent) -> String) {
    let agent = agents::by_id(id).expect("there is such an agent");
    let text = text(agent);
    let launch = Launch {
        command: "/opt/mcpkg".to_owned(),
        args: vec!["run".to_owned(), "io.github.acme/weather".to_owned()],
    };
    bencher.bench_local(|| {
        agent.link(black_box(&text), "weather", &launch).expect("it can be edited")
    });
}

#[divan::bench(args = AGENTS)]
fn link_into_usual(bencher: Bencher<'_, '_>, id: &str) {
    link(bencher, id, usual);
}

#[divan::bench(args = AGENTS)]
fn link_into_unusual(bencher: Bencher<'_, '_>, id: &str) {
    link(bencher, id, unusual);
}
