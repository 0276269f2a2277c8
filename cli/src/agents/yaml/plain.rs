//! YAML that is plain: block style, one key or item a line, of few forms.
//!
//! ```yaml
//! history:
//!   last: some words   # A comment.
//!   seen:
//!   - "one"
//!   - 2
//! ```
//!
//! Whatever else there is (anchors, tags, block scalars, flow style, text over several
//! lines), is not plain, which costs time and nothing more.

use std::ops::Range;

use memchr::memchr;
use yaml_serde::{Mapping, Value};

use super::super::aside::{Aside, Sections, is_whole};
use super::super::lines::{self, Line};
use super::write::is_word;

/// The most keys that a plain mapping has below the root.
const MAX_KEYS: usize = 64;

/// How deep plain mappings and lists are.
const MAX_DEPTH: usize = 16;

/// The longest key: one of more than 1024 characters is none to YAML.
const MAX_KEY_BYTES: usize = 128;

/// The longest scalar that may be a number: it fits for certain.
const MAX_NUMBER_BYTES: usize = 18;

/// Sets the plain entries of the root aside that are not `root_key`, if there are some.
pub(in crate::agents) fn aside<'t>(text: &'t str, root_key: &str) -> Option<Aside<'t>> {
    let sections = sections(text, root_key);
    let keys = sections.keys();
    if keys.len() < sections.count() {
        return None;
    }
    // A comment ends a text for good. Without one, a line of nothing but a tab would go on
    // with the stand-in where it is an error behind the run.
    let aside = Aside::of(text, &sections, |name| format!("{name}: 0 # aside"))?;
    let rest: Mapping = yaml_serde::from_str(&aside.rest).ok()?;
    let is_entry = |name: &String| rest.get(name) == Some(&Value::from(0));
    let is_apart = !rest.keys().filter_map(Value::as_str).any(|key| keys.contains(key));
    (is_apart && aside.names.iter().all(is_entry)).then_some(aside)
}

/// The plain entries of the root.
fn sections<'t>(text: &'t str, root_key: &str) -> Sections<'t> {
    let mut sections = Sections::default();
    let mut section: Option<Section<'t>> = None;
    for line in lines::each(text) {
        if is_nothing(line.text) && is_whole(&line) {
            continue;
        }
        let is_first = !line.text.starts_with([' ', '-']);
        if is_first && let Some(Section { place, key, .. }) = section.take() {
            sections.push(place, key);
        }
        section = match section {
            Some(section) if is_whole(&line) => section.with(&line),
            None if is_first && is_whole(&line) => {
                let found = key(line.text).filter(|(key, _)| *key != root_key);
                found.and_then(|(key, value)| {
                    let block = Block::of(value)?;
                    Some(Section { place: line.start..line.next, key, block })
                })
            }
            _ => None,
        };
        if section.is_none() {
            sections.interrupt();
        }
    }
    if let Some(Section { place, key, .. }) = section {
        sections.push(place, key);
    }
    sections
}

/// A plain entry of the root, as far as it was read.
struct Section<'t> {
    place: Range<usize>,
    key: &'t str,
    block: Block<'t>,
}

impl<'t> Section<'t> {
    /// With one more line, if it is plain.
    fn with(mut self, line: &Line<'t>) -> Option<Self> {
        self.place.end = line.next;
        self.block.take(line.text).then_some(self)
    }
}

/// What stands below a key of the root, as far as it was read.
struct Block<'t> {
    /// The mappings and lists that are open, from the root's entry on.
    open: Vec<Collection<'t>>,
    /// Whether the last key has no value on its line, so that one may follow.
    is_value_open: bool,
}

struct Collection<'t> {
    indent: usize,
    /// Those of a mapping; a list has none.
    keys: Option<Vec<&'t str>>,
}

impl<'t> Block<'t> {
    /// What starts with what stands behind a key.
    fn of(value: &str) -> Option<Self> {
        let root = Collection { indent: 0, keys: Some(Vec::new()) };
        let is_value_open = is_nothing(value);
        (is_value_open || is_scalar(value)).then_some(Self { open: vec![root], is_value_open })
    }

    /// Takes one more line, and says whether it is plain, in its place.
    fn take(&mut self, line: &'t str) -> bool {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let item = content.strip_prefix("- ");
        while self.open.last().is_some_and(|it| {
            it.indent > indent || (it.indent == indent && it.keys.is_none() && item.is_none())
        }) {
            self.open.pop();
            self.is_value_open = false;
        }
        let Some(last) = self.open.last() else { return false };
        let is_deeper = indent > last.indent;
        // A list may stand as far in as its key.
        let is_list_of_key = indent == last.indent && last.keys.is_some() && item.is_some();
        if is_deeper || is_list_of_key {
            if !self.is_value_open || self.open.len() == MAX_DEPTH {
                return false;
            }
            let keys = if item.is_some() { None } else { Some(Vec::new()) };
            self.open.push(Collection { indent, keys });
        }
        let is_root = self.open.len() == 1;
        match (self.open.last_mut().and_then(|it| it.keys.as_mut()), item, key(content)) {
            (None, Some(item), _) => {
                self.is_value_open = false;
                is_scalar(item)
            }
            (Some(keys), None, Some((key, value))) if !is_root => {
                let is_new = keys.len() < MAX_KEYS && !keys.contains(&key);
                keys.push(key);
                self.is_value_open = is_nothing(value);
                is_new && (self.is_value_open || is_scalar(value))
            }
            _ => false,
        }
    }
}

/// A key that is text to everybody, and what stands behind its colon.
fn key(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    let is_plain = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && key.len() <= MAX_KEY_BYTES
        && !is_word(key);
    (is_plain && (value.is_empty() || value.starts_with(' '))).then_some((key, value))
}

/// Whether this is one scalar on its line, and perhaps a comment.
fn is_scalar(content: &str) -> bool {
    let content = content.trim_matches(' ');
    if let Some(quote @ ('"' | '\'')) = content.chars().next() {
        let Some((text, rest)) = content[1..].split_once(quote) else { return false };
        let is_comment = rest.starts_with(' ') && is_nothing(rest);
        return !text.contains('\\')
            && text.chars().all(is_text)
            && (rest.is_empty() || is_comment);
    }
    let (text, comment) = match memchr(b'#', content.as_bytes()) {
        None => (content, ""),
        Some(_) => content.split_once(" #").unwrap_or((content, "")),
    };
    let text = text.trim_end_matches(' ');
    let is_number = |first: char| first.is_ascii_digit() || first == '.';
    let may_start = |first: char| first.is_alphanumeric() || matches!(first, '/' | '.' | '_');
    let is_mark = |it: char| {
        matches!(
            it,
            ' ' | '_'
                | '.'
                | '/'
                | '@'
                | '+'
                | '='
                | ','
                | ';'
                | '!'
                | '?'
                | '('
                | ')'
                | '$'
                | '%'
                | '~'
                | '-'
                | '\''
        )
    };
    let is_inside = |it: char| it.is_alphanumeric() || is_mark(it);
    text.starts_with(may_start)
        && text.chars().all(|character| is_inside(character) && is_text(character))
        && (text.len() <= MAX_NUMBER_BYTES || !text.starts_with(is_number))
        && comment.chars().all(is_text)
}

/// Whether this is blank, or a comment.
fn is_nothing(content: &str) -> bool {
    let content = content.trim_start_matches(' ');
    content.is_empty() || (content.starts_with('#') && content.chars().all(is_text))
}

/// What may stand in a line and does not end it: YAML has more line ends than one.
fn is_text(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        other => other >= '\u{a0}',
    }
}
