//! Ways to write settings, as people and programs do.

use crate::agents::{Agent, Dialect, Format};

/// Layouts of JSON that every agent reads. `ROOT` stands for its root key.
const PLAIN: &[(&str, &str)] = &[
    ("empty", ""),
    ("an empty object", "{}"),
    ("an empty object and a line end", "{}\n"),
    ("an empty object with a space", "{ }"),
    ("an empty object on lines", "{\n}\n"),
    ("on one line", r#"{"theme":"dark"}"#),
    ("an empty root key", "{\n  \"ROOT\": {}\n}\n"),
    ("an empty root key on one line", r#"{"ROOT": {}}"#),
    ("an empty root key on lines", "{\n  \"ROOT\": {\n  }\n}\n"),
    ("another server", "{\n  \"ROOT\": {\n    \"other\": {\"command\": \"x\"}\n  }\n}\n"),
    ("tabs", "{\n\t\"ROOT\": {\n\t\t\"other\": {}\n\t}\n}\n"),
    ("carriage returns", "{\r\n  \"a\": 1,\r\n  \"ROOT\": {}\r\n}\r\n"),
    ("no line end", "{\n  \"z\": 1,\n  \"a\": [1, 2]\n}"),
    ("no indentation", "{\n\"a\": 1\n}"),
    ("blank lines", "\n\n{\n\n  \"a\": 1\n\n}\n\n"),
    ("numbers of every kind", r#"{"a":1.0,"b":1,"c":-0.0,"d":123456789012345678901234567890}"#),
];

/// Layouts of JSON that only some agents read.
pub(super) const WITH_COMMENTS: &[(&str, &str)] = &[
    ("a comment on top", "// mine\n{\n  \"a\": 1\n}\n"),
    ("a comment at the end", "{\"a\": 1} // mine"),
    ("a comment after an entry", "{\n  \"ROOT\": {\n    \"other\": {} // mine\n  }\n}\n"),
    ("an entry in a comment", "{\n  \"ROOT\": {\n    // \"weather\": {}, mine\n  }\n}\n"),
    ("a comment in an empty object", "{ /* mine */ }"),
];

/// Layouts of JSON that fewer still read.
pub(super) const WITH_TRAILING_COMMAS: &[(&str, &str)] = &[
    ("trailing commas", "{\n  \"ROOT\": {\n    \"other\": {},\n  },\n}\n"),
    ("a trailing comma and a comment", "{\n  \"a\": 1, // mine\n}\n"),
];

const TOML: &[(&str, &str)] = &[
    ("empty", ""),
    ("a value", "model = \"o5\"\n"),
    ("a value and no line end", "model = \"o5\""),
    ("a comment alone", "# mine\n"),
    ("blank lines at the end", "model = \"o5\"\n\n\n"),
    ("carriage returns", "model = \"o5\"\r\n\r\n[tui]\r\ntheme = \"dark\"\r\n"),
    ("another server", "[ROOT.other]\ncommand = \"x\" # mine\nargs = [\n  \"a\", # mine\n]\n"),
    ("an empty list of servers", "[ROOT]\n"),
    ("a comment above a table", "[ROOT.other]\ncommand = \"x\"\n\n# mine\n[tui]\n"),
    ("servers on one line each", "[ROOT]\nother = { command = \"x\" } # mine\n"),
    ("servers by dotted keys", "ROOT.other.command = \"x\" # mine\n"),
    ("a text with brackets", "a = \"\"\"\n[ROOT.weather]\n# mine\n\"\"\"\n"),
    ("a number that equals nothing", "a = nan\nb = -inf\nc = 1979-05-27T07:32:00Z\n"),
];

const YAML: &[(&str, &str)] = &[
    ("empty", ""),
    ("a value", "GOOSE_MODEL: o5\n"),
    ("a value and no line end", "GOOSE_MODEL: o5"),
    ("a comment alone", "# mine\n"),
    ("an empty list of servers", "ROOT: {}\n"),
    ("an empty list of servers, and more", "ROOT: {} # mine\nb: 1 # mine\n"),
    ("another server", "a: 1\nROOT:\n  other: # mine\n    cmd: x\n    args:\n    - a\nb: 2\n"),
    ("four spaces, no line end", "ROOT:\n    other:\n        cmd: x"),
    ("carriage returns", "ROOT:\r\n  other:\r\n    cmd: x\r\nb: 1\r\n"),
    ("a comment at the end", "ROOT:\n  other:\n    cmd: x\n  # mine\n\n# mine\n"),
    ("an entry in a comment", "ROOT:\n  # weather: mine\n  other:\n    cmd: x\n"),
    ("a document marker", "---\n# mine\nROOT:\n  other: {cmd: x}\n"),
    ("keys in quotes", "\"ROOT\":\n  'other': {cmd: x}\n  \"a: b\": {cmd: y}\n"),
    ("a block of text", "ROOT:\n  other:\n    cmd: |\n      echo 1\n      # mine\n\nb: 1\n"),
    ("an anchor", "a: &a\n  cmd: x\nROOT:\n  other: *a\n"),
    ("a sequence at the same depth", "a:\n- ROOT:\n- b\nROOT:\n  other:\n    args:\n    - x\n"),
];

/// Every layout that `agent` reads.
pub(super) fn layouts(agent: &dyn Agent) -> impl Iterator<Item = (&'static str, String)> {
    let tables: &[&[(&str, &str)]] = match agent.format() {
        Format::Json(Dialect::Strict) => &[PLAIN],
        Format::Json(Dialect::Comments) => &[PLAIN, WITH_COMMENTS],
        Format::Json(Dialect::Jsonc) => &[PLAIN, WITH_COMMENTS, WITH_TRAILING_COMMAS],
        Format::Toml => &[TOML],
        Format::Yaml => &[YAML],
    };
    let root_key = agent.root_key();
    let own = move |&(name, text): &(&'static str, &str)| (name, text.replace("ROOT", root_key));
    tables.iter().flat_map(|table| table.iter()).map(own)
}

/// Settings that cannot be edited, whatever is asked.
pub(super) fn refused(agent: &dyn Agent) -> Vec<(&'static str, String)> {
    let rows: &[(&str, &str)] = match agent.format() {
        Format::Json(_) => &[
            ("broken", "{,"),
            ("cut off", "{\"ROOT\": {\"other\": {}"),
            ("two values", "{}{}"),
            ("another root", "[]"),
            ("no list of servers", "{\"ROOT\": []}"),
            ("null for servers", "{\"ROOT\": null}"),
            ("servers twice", "{\"ROOT\": {}, \"ROOT\": {}}"),
            ("an entry twice", "{\"ROOT\": {\"weather\": 1, \"weather\": 2}}"),
            ("a second byte order mark", "\u{feff}{}"),
        ],
        Format::Toml => &[
            ("broken", "a ="),
            ("cut off", "[ROOT.other]\ncommand = \"x"),
            ("no list of servers", "ROOT = 1"),
            ("an array of servers", "[[ROOT]]\nname = \"weather\"\n"),
            ("a list on one line", "ROOT = { weather = {} }"),
            ("servers twice", "[ROOT]\n[ROOT]\n"),
            ("an entry twice", "[ROOT.weather]\n[ROOT.weather]\n"),
            ("JSON", "{}"),
            ("a second byte order mark", "\u{feff}a = 1\n"),
            ("a carriage return alone", "a = 1\rb = 2"),
        ],
        Format::Yaml => &[
            ("broken", "a: ["),
            ("cut off", "ROOT:\n  other:\n    cmd: \"x"),
            ("two documents", "a: 1\n---\nb: 2\n"),
            ("another root", "- a\n"),
            ("no list of servers", "ROOT: []\n"),
            ("null for servers", "ROOT:\n"),
            ("servers twice", "ROOT: {}\nROOT: {}\n"),
            ("an entry twice", "ROOT:\n  weather: {}\n  weather: {}\n"),
            ("all on one line", "{ROOT: {weather: {}}}"),
            ("a list on one line", "ROOT: {weather: {}}\n"),
            ("a list that is used twice", "ROOT: &a\n  weather: {}\nb: *a\n"),
            ("a carriage return alone", "a: 1\rb: 2\r"),
            ("tabs", "ROOT:\n\tweather: {}\n"),
            ("a second byte order mark", "\u{feff}a: 1\n"),
        ],
    };
    let own = |&(name, text): &(&'static str, &str)| (name, text.replace("ROOT", agent.root_key()));
    let mut rows: Vec<_> = rows.iter().map(own).collect();
    rows.push(("a bomb", "[".repeat(1_000_000)));
    rows
}
