//! TOML that is plain: one statement a line, of few forms.
//!
//! ```toml
//! [projects."/home/a"]   # A table, by two keys.
//! trust_level = "trusted"
//! seen = [1, 2]
//! ```
//!
//! Strings without escapes, whole numbers, truth values, and lists of these on one line.
//! Whatever else there is, is not plain, which costs time and nothing more.

use std::collections::HashSet;
use std::ops::Range;

use toml::{Table, Value};

use super::super::aside::{Aside, Sections, is_whole};
use super::super::lines;

/// The most statements that a plain table has.
const MAX_STATEMENTS: usize = 64;

/// The digits of a number that fits for certain.
const MAX_DIGITS: usize = 18;

/// Sets the plain tables aside that are not below `root_key`, if there are some and
/// nothing else is about the same keys.
pub(in crate::agents) fn aside<'t>(text: &'t str, root_key: &str) -> Option<Aside<'t>> {
    let sections = sections(text, root_key)?;
    let aside = Aside::of(text, &sections, |name| format!("[{name}]"))?;
    let rest: Table = toml::from_str(&aside.rest).ok()?;
    let is_table =
        |name: &String| matches!(rest.get(name), Some(Value::Table(it)) if it.is_empty());
    let keys = sections.keys();
    let is_apart = !rest.keys().any(|key| keys.contains(key.as_str()));
    (is_apart && aside.names.iter().all(is_table)).then_some(aside)
}

/// The plain tables, or `None` if one of them is there twice.
fn sections<'t>(text: &'t str, root_key: &str) -> Option<Sections<'t>> {
    let mut sections = Sections::default();
    let mut names = HashSet::new();
    let mut table: Option<Section<'t>> = None;
    for line in lines::each(text) {
        if is_nothing(line.text) && is_whole(&line) {
            continue;
        }
        let content = blank(line.text);
        if content.starts_with('[')
            && let Some(Section { place, key, name, .. }) = table.take()
        {
            sections.push(place, key);
            if !names.insert((key, name)) {
                return None;
            }
        }
        table = match (table, header(content), pair(content)) {
            (_, Some((key, name)), _) if key != root_key && is_whole(&line) => {
                let place = line.start..line.next;
                Some(Section { place, key, name, statements: Vec::new() })
            }
            (Some(table), None, Some(key)) if is_whole(&line) => table.with(key, line.next),
            _ => None,
        };
        if table.is_none() {
            sections.interrupt();
        }
    }
    if let Some(Section { place, key, name, .. }) = table {
        sections.push(place, key);
        if !names.insert((key, name)) {
            return None;
        }
    }
    Some(sections)
}

/// A plain table, as far as it was read.
struct Section<'t> {
    place: Range<usize>,
    key: &'t str,
    name: &'t str,
    /// The keys of its statements.
    statements: Vec<&'t str>,
}

impl<'t> Section<'t> {
    /// With one more statement, unless there is one of its key.
    fn with(mut self, key: &'t str, end: usize) -> Option<Self> {
        if self.statements.len() == MAX_STATEMENTS || self.statements.contains(&key) {
            return None;
        }
        self.statements.push(key);
        self.place.end = end;
        Some(self)
    }
}

/// `[key.name]`, and nothing but a comment after it.
fn header(content: &str) -> Option<(&str, &str)> {
    let (first, rest) = key(content.strip_prefix('[')?)?;
    let (second, rest) = key(rest.strip_prefix('.')?)?;
    is_nothing(rest.strip_prefix(']')?).then_some((first, second))
}

/// The key of `key = value`, with nothing but a comment after it.
fn pair(content: &str) -> Option<&str> {
    let (key, rest) = key(content)?;
    let rest = blank(blank(rest).strip_prefix('=')?);
    let rest =
        if let Some(list) = rest.strip_prefix('[') { elements(list)? } else { scalar(rest)? };
    is_nothing(rest).then_some(key)
}

/// A key without dots or escapes, and what follows it.
fn key(content: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = quoted(content) {
        return Some(quoted);
    }
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = content.bytes().take_while(|byte| is_bare(*byte)).count();
    (length > 0).then(|| content.split_at(length))
}

/// What follows the elements of a list and its bracket.
fn elements(mut rest: &str) -> Option<&str> {
    loop {
        rest = blank(rest);
        if let Some(rest) = rest.strip_prefix(']') {
            return Some(rest);
        }
        rest = blank(scalar(rest)?);
        if !rest.starts_with(']') {
            rest = rest.strip_prefix(',')?;
        }
    }
}

/// What follows a string, a number or a truth value.
fn scalar(content: &str) -> Option<&str> {
    if let Some((_, rest)) = quoted(content) {
        return Some(rest);
    }
    let word = |word: &str| content.strip_prefix(word);
    let rest = word("true").or_else(|| word("false")).or_else(|| {
        let digits = content.strip_prefix('-').unwrap_or(content);
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = count == 1 || (count <= MAX_DIGITS && !digits.starts_with('0'));
        (count > 0 && is_number).then(|| &digits[count..])
    })?;
    rest.chars().next().is_none_or(|next| " \t,]#".contains(next)).then_some(rest)
}

/// What stands between the quotes of a string on one line that has no escapes, and what
/// follows it.
fn quoted(content: &str) -> Option<(&str, &str)> {
    let quote = content.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (text, rest) = content[1..].split_once(quote)?;
    let is_long = text.is_empty() && rest.starts_with(quote);
    (!is_long && !text.contains('\\') && !text.contains(is_control)).then_some((text, rest))
}

fn blank(content: &str) -> &str {
    content.trim_start_matches([' ', '\t'])
}

/// Whether this is blank, or a comment.
fn is_nothing(content: &str) -> bool {
    let content = blank(content);
    content.is_empty() || (content.starts_with('#') && !content.contains(is_control))
}

/// What stands in no string and no comment; tabs do, and a line has no line end.
fn is_control(character: char) -> bool {
    character != '\t' && character.is_ascii_control()
}
