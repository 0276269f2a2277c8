//! Which lines of block-style YAML belong to which key.

use std::ops::Range;

use yaml_serde::Value;

use super::super::lines::{self, Line};

/// The lines of a file, and the one that the list of servers starts on.
pub(super) struct Outline<'t> {
    pub(super) lines: Vec<Line<'t>>,
    /// How far the keys of the file are indented.
    pub(super) indent: usize,
    pub(super) heading: Option<Heading<'t>>,
    is_ambiguous: bool,
}

/// The line of the key that servers are listed under.
pub(super) struct Heading<'t> {
    pub(super) line: usize,
    /// The position after the colon.
    pub(super) colon_end: usize,
    /// What follows the colon on its line.
    pub(super) rest: &'t str,
}

/// What is written under the heading.
pub(super) enum Section {
    /// There is no heading.
    Absent,
    /// `{}` on the line of the heading, with the space before it.
    Empty { line: usize, braces: Range<usize> },
    /// A block mapping.
    Block { entries: Vec<Entry>, indent: usize },
    /// Something that can only be read.
    Other,
}

/// The lines of one entry: from its key to the last one that is further in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) first: usize,
    pub(super) last: usize,
}

impl<'t> Outline<'t> {
    pub(super) fn of(text: &'t str, root_key: &str) -> Self {
        let lines = lines::lines(text);
        let is_root = |line: &&Line<'_>| has_content(line) && !is_marker(line);
        let indent = lines.iter().find(is_root).map_or(0, indent_of);
        let mut found = lines.iter().enumerate().filter_map(|(index, line)| {
            if !has_content(line) || indent_of(line) != indent {
                return None;
            }
            let (key, colon) = key_of(line)?;
            (key == root_key).then(|| Heading {
                line: index,
                colon_end: line.start + colon + 1,
                rest: &line.text[colon + 1..],
            })
        });
        let heading = found.next();
        let is_ambiguous = found.next().is_some();
        drop(found);
        Self { lines, indent, heading, is_ambiguous }
    }

    pub(super) fn section(&self) -> Section {
        let Some(heading) = &self.heading else { return Section::Absent };
        if self.is_ambiguous {
            return Section::Other;
        }
        let rest = heading.rest.trim_ascii();
        let is_comment = |rest: &str| rest.is_empty() || rest.starts_with('#');
        if let Some(after) = heading.rest.strip_prefix(" {}")
            && is_comment(after.trim_ascii())
            && (after.is_empty() || after.starts_with([' ', '\t']))
        {
            let braces = heading.colon_end..heading.colon_end + 3;
            return Section::Empty { line: heading.line, braces };
        }
        if !is_comment(rest) {
            return Section::Other;
        }
        self.block(heading.line)
    }

    /// The block mapping below a line: all that is indented deeper.
    fn block(&self, heading: usize) -> Section {
        let below = || {
            let lines = self.lines.iter().enumerate().skip(heading + 1);
            let is_over = |line: &Line<'_>| has_content(line) && indent_of(line) <= self.indent;
            lines.take_while(move |(_, line)| !is_over(line)).filter(|(_, line)| !line.is_blank())
        };
        let Some((_, first)) = below().find(|(_, line)| has_content(line)) else {
            return Section::Other;
        };
        let indent = indent_of(first);
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in below() {
            let key = if indent_of(line) == indent { key_of(line) } else { None };
            match (key.filter(|_| has_content(line)), entries.last_mut()) {
                (Some((key, _)), _) => entries.push(Entry { key, first: index, last: index }),
                // Further in, what looks like a comment may be the text of a block.
                (None, Some(entry)) if has_content(line) || indent_of(line) > indent => {
                    entry.last = index;
                }
                (None, None) if has_content(line) => return Section::Other,
                (None, _) => {}
            }
        }
        Section::Block { entries, indent }
    }
}

/// Whether a line is neither blank nor a comment.
fn has_content(line: &Line<'_>) -> bool {
    !line.is_blank() && !line.text.trim_ascii_start().starts_with('#')
}

/// Whether a line starts or ends a document, or is a directive.
fn is_marker(line: &Line<'_>) -> bool {
    ["---", "...", "%"].iter().any(|marker| line.text.starts_with(marker))
}

fn indent_of(line: &Line<'_>) -> usize {
    line.text.len() - line.text.trim_start_matches(' ').len()
}

/// The key that a line starts with, and the position of its colon in the line.
fn key_of(line: &Line<'_>) -> Option<(String, usize)> {
    let start = indent_of(line);
    let text = &line.text[start..];
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let mut at = 0;
    if let Some(quote) = quote {
        // To the closing quote; an escaped one is not it.
        let mut is_escaped = false;
        let close = text[1..].find(|character| {
            let is_close = character == quote && !is_escaped;
            is_escaped = quote == '"' && character == '\\' && !is_escaped;
            is_close
        })?;
        at = close + 2;
    }
    let is_end = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t']);
    let colon = text[at..].match_indices(':').find(|(colon, _)| is_end(&text[at + colon + 1..]))?;
    let colon = at + colon.0;
    match yaml_serde::from_str(&text[..colon]) {
        Ok(Value::String(key)) => Some((key, start + colon)),
        _ => None,
    }
}
