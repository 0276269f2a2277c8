//! How a file is written, so that what we add looks like what was there.

use serde_json::Value;

use super::document::{Document, PieceKind};

/// How a settings file is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'t> {
    pub(super) newline: &'static str,
    /// One level of indentation.
    unit: &'t str,
    /// Whether a space follows a colon, and so a comma on one line.
    pub(super) spaced: bool,
}

/// Where a value goes: on one line, or on lines of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout<'t> {
    OneLine,
    /// On lines, from one that starts with this indentation.
    Lines(&'t str),
}

impl Style<'static> {
    /// The style of a file that has none yet.
    pub(super) const NEW: Self = Self { newline: "\n", unit: "  ", spaced: true };
}

impl<'t> Style<'t> {
    /// The style `document` is written in.
    pub(super) fn of(document: &Document<'t>) -> Self {
        let newline = match document.text.find('\n') {
            Some(at) if document.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let unit = std::iter::once(&document.root)
            .chain(document.servers.as_ref().map(|(_, servers)| servers))
            .find_map(|braces| {
                let first = braces.properties.first()?.span.start;
                let outer = document.indent(braces.span.start);
                document.starts_line(first).then(|| document.indent(first).strip_prefix(outer))?
            });
        let colon = document.pieces.iter().find(|piece| piece.kind == PieceKind::Colon);
        let spaced = colon.is_none_or(|colon| {
            document.text[colon.span.end..].starts_with([' ', '\t', '\r', '\n'])
        });
        Self { newline, unit: unit.unwrap_or(Self::NEW_UNIT), spaced }
    }

    const NEW_UNIT: &'static str = Style::NEW.unit;

    /// One level deeper than `indent`.
    pub(super) fn deeper(&self, indent: &str) -> String {
        format!("{indent}{}", self.unit)
    }

    /// `key` and `value` as a property.
    pub(super) fn property(&self, key: &str, value: &Value, layout: Layout<'_>) -> String {
        let mut text = Value::from(key).to_string();
        text.push_str(if self.spaced { ": " } else { ":" });
        self.write(&mut text, value, layout);
        text
    }

    /// `value`, laid out as JavaScript's `JSON.stringify` does.
    pub(super) fn value(&self, value: &Value, layout: Layout<'_>) -> String {
        let mut text = String::new();
        self.write(&mut text, value, layout);
        text
    }

    fn write(&self, text: &mut String, value: &Value, layout: Layout<'_>) {
        let (open, close, count) = match value {
            Value::Object(map) => ('{', '}', map.len()),
            Value::Array(values) => ('[', ']', values.len()),
            scalar => return text.push_str(&scalar.to_string()),
        };
        text.push(open);
        let inner = match layout {
            Layout::OneLine => None,
            Layout::Lines(indent) => (count > 0).then(|| self.deeper(indent)),
        };
        let next = inner.as_deref().map_or(Layout::OneLine, Layout::Lines);
        let before = |text: &mut String, index: usize| {
            if index > 0 {
                text.push_str(if self.spaced && inner.is_none() { ", " } else { "," });
            }
            if let Some(inner) = &inner {
                text.push_str(self.newline);
                text.push_str(inner);
            }
        };
        if let Value::Object(map) = value {
            for (index, (key, value)) in map.iter().enumerate() {
                before(text, index);
                text.push_str(&self.property(key, value, next));
            }
        } else if let Value::Array(values) = value {
            for (index, value) in values.iter().enumerate() {
                before(text, index);
                self.write(text, value, next);
            }
        }
        if let (Layout::Lines(indent), Some(_)) = (layout, &inner) {
            text.push_str(self.newline);
            text.push_str(indent);
        }
        text.push(close);
    }
}
