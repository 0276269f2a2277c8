//! Edits of TOML settings, by whole lines.
//!
//! A new server is a table at the end of the file, after an empty line:
//!
//! ```toml
//! [mcp_servers.weather]
//! command = "/usr/local/bin/mcpkg"
//! args = ["run", "io.github.acme/weather"]
//! ```
//!
//! `toml_edit` says where things are, and all lines but our own are kept because
//! nothing touches them: its own way to remove a table takes the comments above
//! it along. Every text is read by `toml` too, before and after; the new values
//! have to be the old ones with our one entry changed, or the edit is refused.

mod plain;
mod write;

#[cfg(test)]
mod tests;

use std::ops::{Range, RangeInclusive};

use serde_json::Value as Json;
use toml::{Table, Value};
use toml_edit::{Document, Item, TableLike};

pub(super) use self::plain::aside;
pub(super) use self::write::block;
use super::lines::{self, Line};
use super::{EditError, Footprint, Format, Linked};

/// Sets `key` to `entry`. A blank text is an empty table.
pub(super) fn link(
    text: &str,
    root_key: &str,
    key: &str,
    entry: &Json,
) -> Result<Linked, EditError> {
    let newline = lines::newline(text);
    let block = block(root_key, key, entry, newline);
    if text.trim_ascii().is_empty() {
        let text = format!("{block}{newline}");
        return Ok(Linked { text, footprint: Some(Footprint::Document), replaced: None });
    }
    let settings = Settings::read(text, root_key)?;
    let wanted = Value::try_from(entry).map_err(|_| LAYOUT)?;
    let found = settings.servers().and_then(|servers| servers.get(key));
    if found.is_some_and(|found| is_same(found, &wanted)) {
        return Ok(Linked::unchanged(text));
    }
    let replaced = found.and_then(|found| serde_json::to_value(found).ok());
    let expected = settings.with(root_key, key, Some(wanted))?;
    let (footprint, edited) = match settings.blocks(root_key, key)?.as_slice() {
        [] => (Some(Footprint::Entry), append(text, &block)),
        // A table stays where it is. What was written otherwise becomes one.
        [first, others @ ..] => {
            let rest = take_out(text, others);
            let all = lines::lines(&rest);
            let edited = if all[*first.start()].text.trim_ascii_start().starts_with('[') {
                let (start, end) = (all[*first.start()].start, all[*first.end()].end());
                format!("{}{block}{}", &rest[..start], &rest[end..])
            } else {
                append(&lines::remove(&rest, &all, first.clone()), &block)
            };
            (None, edited)
        }
    };
    confirm(&edited, &expected)?;
    Ok(Linked { text: edited, footprint, replaced })
}

/// Removes `key`, and the whole text if that was all of it and `footprint` says
/// that it was ours.
pub(super) fn unlink(
    text: &str,
    root_key: &str,
    key: &str,
    footprint: Footprint,
) -> Result<String, EditError> {
    let settings = Settings::read(text, root_key)?;
    if settings.servers().is_none_or(|servers| !servers.contains_key(key)) {
        return Ok(text.to_owned());
    }
    let expected = settings.with(root_key, key, None)?;
    let mut blocks = settings.blocks(root_key, key)?;
    let all = lines::lines(text);
    // The empty line that `append` put before the table.
    if let Some(first) = blocks.first_mut()
        && let Some(before) = first.start().checked_sub(1)
        && all[before].is_blank()
        && all[*first.start()].text.starts_with('[')
    {
        *first = before..=*first.end();
    }
    let edited = take_out(text, &blocks);
    if footprint == Footprint::Document && edited.trim_ascii().is_empty() {
        return Ok(String::new());
    }
    confirm(&edited, &expected)?;
    Ok(edited)
}

/// Every key and its value, in the order of the file.
pub(super) fn entries(text: &str, root_key: &str) -> Result<Vec<(String, Json)>, EditError> {
    let settings = Settings::read(text, root_key)?;
    let Some(servers) = settings.servers() else { return Ok(Vec::new()) };
    let names = settings.document.get(root_key).and_then(Item::as_table_like);
    let names = names.into_iter().flat_map(TableLike::iter).map(|(name, _)| name);
    let entry =
        |name: &str| Some((name.to_owned(), serde_json::to_value(servers.get(name)?).ok()?));
    Ok(names.filter_map(entry).collect())
}

/// Settings as both readers have them.
struct Settings<'t> {
    text: &'t str,
    document: Document<&'t str>,
    values: Table,
    root_key: &'t str,
}

impl<'t> Settings<'t> {
    fn read(text: &'t str, root_key: &'t str) -> Result<Self, EditError> {
        // Neither message quotes the text, as their `Display` would.
        let broken = |reason: &str, span: Option<Range<usize>>| {
            let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            EditError::Broken { format: Format::Toml, reason: format!("{reason}, on line {line}") }
        };
        // The file's own mark is not in the text. `toml` would pass over another
        // one, and the agent's reader has passed over its one by then.
        if text.starts_with('\u{feff}') {
            return Err(broken("a second byte order mark", None));
        }
        let document =
            Document::parse(text).map_err(|error| broken(error.message(), error.span()))?;
        let values: Table =
            toml::from_str(text).map_err(|error| broken(error.message(), error.span()))?;
        let is_table = |item: &Item| matches!(item, Item::Table(_));
        match (document.get(root_key), values.get(root_key)) {
            (Some(item), Some(Value::Table(_))) if is_table(item) => {}
            (None, None) => {}
            (_, value) => {
                let key = root_key.to_owned();
                let found = value.map_or("nothing", kind);
                return Err(EditError::WrongType { format: Format::Toml, key, found });
            }
        }
        Ok(Self { text, document, values, root_key })
    }

    fn servers(&self) -> Option<&Table> {
        self.values.get(self.root_key)?.as_table()
    }

    /// The values with one entry changed.
    fn with(&self, root_key: &str, key: &str, entry: Option<Value>) -> Result<Table, EditError> {
        let mut values = self.values.clone();
        let servers = values.entry(root_key).or_insert_with(|| Value::Table(Table::new()));
        let servers = servers.as_table_mut().ok_or(LAYOUT)?;
        match entry {
            Some(entry) => drop(servers.insert(key.to_owned(), entry)),
            None => drop(servers.remove(key)),
        }
        // The table of all servers exists through its members, unless it has a
        // line of its own.
        let has_line = self.document.get(root_key).and_then(Item::as_table);
        if servers.is_empty() && has_line.is_some_and(toml_edit::Table::is_implicit) {
            values.remove(root_key);
        }
        Ok(values)
    }

    /// The lines that say something about `key`, as ranges in their order.
    fn blocks(&self, root_key: &str, key: &str) -> Result<Vec<RangeInclusive<usize>>, EditError> {
        let servers = self.document.get(root_key).and_then(Item::as_table);
        let Some((found, item)) = servers.and_then(|servers| servers.get_key_value(key)) else {
            return Ok(Vec::new());
        };
        let mut spans = Vec::new();
        statements(found, item, &mut spans).ok_or(LAYOUT)?;
        let all = lines::lines(self.text);
        let line = |at: usize| all.partition_point(|line: &Line<'_>| line.next <= at);
        let mut blocks: Vec<_> =
            spans.iter().map(|span| line(span.start)..=line(span.end.saturating_sub(1))).collect();
        blocks.sort_by_key(|block| *block.start());
        Ok(blocks)
    }
}

/// The spans of the statements that make up an item: a header with all that
/// stands below it, or a key with its value.
fn statements(key: &toml_edit::Key, item: &Item, spans: &mut Vec<Range<usize>>) -> Option<()> {
    match item {
        Item::None => {}
        Item::Value(value) => spans.push(key.span()?.start..value.span()?.end),
        Item::Table(table) => table_statements(table, spans)?,
        Item::ArrayOfTables(tables) => {
            for table in tables {
                table_statements(table, spans)?;
            }
        }
    }
    Some(())
}

fn table_statements(table: &toml_edit::Table, spans: &mut Vec<Range<usize>>) -> Option<()> {
    let mut own = Vec::new();
    for (name, _) in table {
        let (key, item) = table.get_key_value(name)?;
        let is_below = match item {
            Item::Value(_) => true,
            Item::Table(table) => table.is_dotted(),
            Item::None | Item::ArrayOfTables(_) => false,
        };
        statements(key, item, if is_below { &mut own } else { spans })?;
    }
    match table.span() {
        Some(header) if !table.is_dotted() && !table.is_implicit() => {
            let end = own.iter().map(|span| span.end).fold(header.end, usize::max);
            spans.push(header.start..end);
        }
        _ => spans.append(&mut own),
    }
    Some(())
}

/// Adds a table at the end, after an empty line. A text whose last line has no
/// end keeps it so.
fn append(text: &str, block: &str) -> String {
    let newline = lines::newline(text);
    if text.is_empty() {
        format!("{block}{newline}")
    } else if text.ends_with('\n') {
        format!("{text}{newline}{block}{newline}")
    } else {
        format!("{text}{newline}{newline}{block}")
    }
}

fn take_out(text: &str, blocks: &[RangeInclusive<usize>]) -> String {
    blocks.iter().rev().fold(text.to_owned(), |text, block| {
        lines::remove(&text, &lines::lines(&text), block.clone())
    })
}

/// What is right is written in a way that we cannot edit: nothing is wrong with
/// it, and nothing is done to it.
const LAYOUT: EditError = EditError::Layout { format: Format::Toml };

/// Refuses an edit whose result is not exactly `expected`, to both readers.
fn confirm(text: &str, expected: &Table) -> Result<(), EditError> {
    Document::parse(text).map_err(|_| LAYOUT)?;
    let found: Table = toml::from_str(text).map_err(|_| LAYOUT)?;
    let is_same = is_same(&Value::Table(found), &Value::Table(expected.clone()));
    if is_same { Ok(()) } else { Err(LAYOUT) }
}

/// Equality, also for `nan`, which is not equal to itself.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Table(one), Value::Table(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|it| is_same(one, it)))
        }
        (one, other) => one == other,
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "an array",
        Value::Table(_) => "an inline table",
    }
}
