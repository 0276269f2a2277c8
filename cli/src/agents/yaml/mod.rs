//! Edits of YAML settings, by whole lines.
//!
//! A new server is a block mapping after all others:
//!
//! ```yaml
//! extensions:
//!   weather:
//!     cmd: "/usr/local/bin/mcpkg"
//!     args:
//!     - "run"
//!     - "io.github.acme/weather"
//! ```
//!
//! [`outline`] finds the lines, by their indentation. It knows the block style
//! that people and Goose itself write, and need not know more, because it is
//! not what is trusted: `yaml_serde` reads every text before and after, and the
//! new value has to be the old one with our one entry changed. Whatever the
//! outline misreads, be it a block scalar, an anchor or flow style, becomes a
//! refusal there and never damage.
//!
//! `yaml-edit` 0.3.6 was the alternative. It is young, and would have to be
//! judged in the same way; lines give the bytes back by themselves.

mod outline;
mod plain;
mod write;

#[cfg(test)]
mod tests;

use serde_json::Value as Json;
use yaml_serde::{Mapping, Value};

use self::outline::{Outline, Section};
pub(super) use self::plain::aside;
use super::lines;
use super::{EditError, Footprint, Format, Linked};

/// Sets `key` to `entry`. A blank text is an empty mapping.
pub(super) fn link(
    text: &str,
    root_key: &str,
    key: &str,
    entry: &Json,
) -> Result<Linked, EditError> {
    if text.trim_ascii().is_empty() {
        let text = format!("{}\n", document(root_key, key, entry));
        return Ok(Linked { text, footprint: Some(Footprint::Document), replaced: None });
    }
    let settings = Settings::read(text, root_key)?;
    let wanted = yaml_serde::to_value(entry).map_err(|_| LAYOUT)?;
    let found = settings.servers.as_ref().and_then(|servers| servers.get(key));
    if found == Some(&wanted) {
        return Ok(Linked::unchanged(text));
    }
    let replaced = found.and_then(|found| serde_json::to_value(found).ok());
    let outline = Outline::of(text, root_key);
    let newline = lines::newline(text);
    let block = |indent: usize, unit: usize| write::block(key, entry, indent, unit, newline);
    let (footprint, edited) = match (&settings.servers, outline.section()) {
        (None, Section::Absent) => {
            let indent = outline.indent;
            let section = write::section(root_key, key, entry, indent, newline);
            let edited = if text.ends_with('\n') {
                format!("{text}{section}{newline}")
            } else {
                format!("{text}{newline}{section}")
            };
            (Some(Footprint::RootKey), edited)
        }
        (Some(servers), Section::Empty { line, braces }) if servers.is_empty() => {
            let line = &outline.lines[line];
            let opened = format!("{}{}", &text[..braces.start], &text[braces.end..]);
            let opened_line = lines::lines(&opened).into_iter().find(|it| it.start == line.start);
            let opened_line = opened_line.ok_or(LAYOUT)?;
            let block = block(outline.indent + 2, 2);
            (Some(Footprint::EntryLines), lines::insert_after(&opened, &opened_line, &block))
        }
        (Some(_), Section::Block { entries, indent }) => {
            let unit = indent.saturating_sub(outline.indent).max(1);
            if let Some(found) = entries.iter().find(|found| found.key == key) {
                let (first, last) = (&outline.lines[found.first], &outline.lines[found.last]);
                let (before, after) = (&text[..first.start], &text[last.end()..]);
                (None, format!("{before}{}{after}", block(indent, unit)))
            } else {
                let last = entries.last().ok_or(LAYOUT)?.last;
                let edited = lines::insert_after(text, &outline.lines[last], &block(indent, unit));
                (Some(Footprint::Entry), edited)
            }
        }
        _ => return Err(LAYOUT),
    };
    confirm(&edited, &settings.with(root_key, key, Some(wanted)))?;
    Ok(Linked { text: edited, footprint, replaced })
}

/// Removes `key`, and with the last entry what `footprint` says we added.
pub(super) fn unlink(
    text: &str,
    root_key: &str,
    key: &str,
    footprint: Footprint,
) -> Result<String, EditError> {
    let settings = Settings::read(text, root_key)?;
    let Some(servers) = settings.servers.as_ref().filter(|servers| servers.contains_key(key))
    else {
        return Ok(text.to_owned());
    };
    let outline = Outline::of(text, root_key);
    let Section::Block { entries, .. } = outline.section() else { return Err(LAYOUT) };
    let entry = entries.iter().find(|entry| entry.key == key).ok_or(LAYOUT)?;
    let heading = outline.heading.as_ref().ok_or(LAYOUT)?;
    if servers.len() > 1 {
        let edited = lines::remove(text, &outline.lines, entry.first..=entry.last);
        confirm(&edited, &settings.with(root_key, key, None))?;
        return Ok(edited);
    }
    let is_ours =
        matches!(footprint, Footprint::RootKey | Footprint::RootKeyLines | Footprint::Document)
            && heading.rest.trim_ascii().is_empty()
            && entry.first == heading.line + 1;
    if is_ours {
        let edited = lines::remove(text, &outline.lines, heading.line..=entry.last);
        if footprint == Footprint::Document && edited.trim_ascii().is_empty() {
            return Ok(String::new());
        }
        confirm(&edited, &settings.without(root_key))?;
        return Ok(edited);
    }
    // A key without a value would be null, which is no list of servers.
    let without = lines::remove(text, &outline.lines, entry.first..=entry.last);
    let (before, after) = without.split_at(heading.colon_end);
    let edited = format!("{before} {{}}{after}");
    confirm(&edited, &settings.with(root_key, key, None))?;
    Ok(edited)
}

/// Every key and its value, in the order of the file.
pub(super) fn entries(text: &str, root_key: &str) -> Result<Vec<(String, Json)>, EditError> {
    let settings = Settings::read(text, root_key)?;
    let servers = settings.servers.into_iter().flatten();
    let entry = |(key, value): (Value, Value)| {
        Some((key.as_str()?.to_owned(), serde_json::to_value(value).ok()?))
    };
    Ok(servers.filter_map(entry).collect())
}

/// New settings that hold nothing but this entry, without the end of their last line.
pub(super) fn document(root_key: &str, key: &str, entry: &Json) -> String {
    write::section(root_key, key, entry, 0, "\n")
}

/// Settings as `yaml_serde` has them.
struct Settings {
    root: Mapping,
    servers: Option<Mapping>,
}

impl Settings {
    fn read(text: &str, root_key: &str) -> Result<Self, EditError> {
        // A carriage return alone ends a line of YAML, and none of ours; a byte
        // order mark may start each document of a text.
        if text.replace("\r\n", "").contains(['\r', '\u{feff}']) {
            return Err(LAYOUT);
        }
        let root = match yaml_serde::from_str(text).map_err(|error| broken(&error))? {
            Value::Mapping(root) => root,
            // Nothing but comments.
            Value::Null => Mapping::new(),
            other => {
                return Err(EditError::RootNotObject { format: Format::Yaml, found: kind(&other) });
            }
        };
        let servers = match root.get(root_key) {
            None => None,
            Some(Value::Mapping(servers)) => Some(servers.clone()),
            Some(other) => {
                return Err(EditError::WrongType {
                    format: Format::Yaml,
                    key: root_key.to_owned(),
                    found: kind(other),
                });
            }
        };
        // A tag makes another key of one that reads the same.
        let keys = || root.keys().chain(servers.iter().flat_map(Mapping::keys));
        if keys().any(|key| matches!(key, Value::Tagged(_))) {
            return Err(LAYOUT);
        }
        Ok(Self { root, servers })
    }

    fn with(&self, root_key: &str, key: &str, entry: Option<Value>) -> Mapping {
        let mut servers = self.servers.clone().unwrap_or_default();
        match entry {
            Some(entry) => drop(servers.insert(Value::from(key), entry)),
            None => drop(servers.shift_remove(key)),
        }
        let mut root = self.root.clone();
        root.insert(Value::from(root_key), Value::Mapping(servers));
        root
    }

    fn without(&self, root_key: &str) -> Mapping {
        let mut root = self.root.clone();
        root.shift_remove(root_key);
        root
    }
}

/// What is right is written in a way that we cannot edit: nothing is wrong with
/// it, and nothing is done to it.
const LAYOUT: EditError = EditError::Layout { format: Format::Yaml };

/// Refuses an edit whose result is not exactly `expected`.
fn confirm(text: &str, expected: &Mapping) -> Result<(), EditError> {
    match yaml_serde::from_str(text) {
        Ok(Value::Mapping(found)) if found == *expected => Ok(()),
        Ok(Value::Null) if expected.is_empty() => Ok(()),
        _ => Err(LAYOUT),
    }
}

/// Where it broke. The message of the parser may quote the text.
fn broken(error: &yaml_serde::Error) -> EditError {
    let reason = error.location().map_or_else(
        || "it cannot be read as one document".to_owned(),
        |at| format!("it breaks on line {} column {}", at.line(), at.column()),
    );
    EditError::Broken { format: Format::Yaml, reason }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a sequence",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a value with a tag",
    }
}
