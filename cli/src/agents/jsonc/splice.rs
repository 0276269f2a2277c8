//! Where to put a property, and what to take out for one.
//!
//! An edit is a few splices: insertions and removals at positions of the file.
//! Every byte that no splice names is kept because nothing touches it, and
//! [`append`] puts its bytes where [`remove`] finds them again.

use std::ops::Range;

use serde_json::Value;

use super::document::{Braces, Document, Piece, PieceKind};
use super::style::{Layout, Style};

/// What ends a line comment. A lone `\r` does too, though nobody means it.
const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// Some bytes of a file, and what to put in their place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Splice {
    at: Range<usize>,
    with: String,
}

impl Splice {
    fn insert(at: usize, with: String) -> Self {
        Self { at: at..at, with }
    }

    fn remove(at: Range<usize>) -> Self {
        Self { at, with: String::new() }
    }
}

/// Does `splices`, which are in order and do not overlap.
pub(super) fn apply(text: &str, splices: &[Splice]) -> String {
    let mut edited = String::with_capacity(text.len() + 256);
    let mut done = 0;
    for splice in splices {
        edited.push_str(&text[done..splice.at.start]);
        edited.push_str(&splice.with);
        done = splice.at.end;
    }
    edited.push_str(&text[done..]);
    edited
}

/// Whether [`append`] turned an empty pair of braces on one line into lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// The braces were left where they were.
    No,
    /// `{}` is now several lines. [`shut`] undoes it.
    Yes,
}

/// Adds a property after all others and all comments of `braces`.
pub(super) fn append(
    document: &Document<'_>,
    braces: &Braces,
    key: &str,
    value: &Value,
) -> (Vec<Splice>, Opened) {
    let style = Style::of(document);
    let Some(anchor) = document.piece_before(braces.close()) else {
        return (Vec::new(), Opened::No);
    };
    let Some(last) = braces.properties.last() else {
        let (splice, opened) =
            append_to_empty(document, braces, anchor, |layout| style.property(key, value, layout));
        return (vec![splice], opened);
    };

    let is_on_lines = anchor.kind == PieceKind::LineComment
        || document.text[anchor.span.end..braces.close()].contains(LINE_ENDS);
    let starts_line = document.starts_line(last.span.start);
    let mut text = if starts_line || is_on_lines {
        let inner = if starts_line {
            document.indent(last.span.start).to_owned()
        } else {
            style.deeper(document.indent(braces.span.start))
        };
        format!("{}{inner}{}", style.newline, style.property(key, value, Layout::Lines(&inner)))
    } else {
        let gap = if style.spaced || anchor.kind.is_comment() { " " } else { "" };
        format!("{gap}{}", style.property(key, value, Layout::OneLine))
    };
    if comma_after(document, last.span.end).is_some() {
        // The file's own trailing comma now separates; ours takes its place.
        text.push(',');
        (vec![Splice::insert(anchor.span.end, text)], Opened::No)
    } else {
        let comma = Splice::insert(last.span.end, ",".to_owned());
        (vec![comma, Splice::insert(anchor.span.end, text)], Opened::No)
    }
}

/// Adds the first property, after all comments. `anchor` is the last piece
/// before the closing brace: a comment, or the opening brace.
fn append_to_empty(
    document: &Document<'_>,
    braces: &Braces,
    anchor: &Piece,
    property: impl Fn(Layout<'_>) -> String,
) -> (Splice, Opened) {
    let style = Style::of(document);
    let outer = document.indent(braces.span.start);
    let inner = style.deeper(outer);
    let line = || format!("{}{inner}{}", style.newline, property(Layout::Lines(&inner)));
    let is_on_lines = anchor.kind == PieceKind::LineComment
        || document.text[anchor.span.end..braces.close()].contains(LINE_ENDS);
    if is_on_lines {
        return (Splice::insert(anchor.span.end, line()), Opened::No);
    }
    if anchor.kind.is_comment() {
        let property = property(Layout::OneLine);
        return (Splice::insert(anchor.span.end, format!(" {property}")), Opened::No);
    }
    // `{}` says nothing about the style; the rest of the file does, if there is any.
    let is_whole = braces.span == document.whole;
    if is_whole || document.text[document.whole.clone()].contains('\n') {
        let lines = format!("{}{}{outer}", line(), style.newline);
        return (Splice::insert(braces.close(), lines), Opened::Yes);
    }
    (Splice::insert(anchor.span.end, property(Layout::OneLine)), Opened::No)
}

/// Puts `value` in the place of a property's value.
pub(super) fn replace(
    document: &Document<'_>,
    braces: &Braces,
    index: usize,
    value: &Value,
) -> Vec<Splice> {
    let property = &braces.properties[index];
    let is_on_lines = document.text[property.value.clone()].contains('\n')
        || document.starts_line(property.span.start);
    let layout = if is_on_lines {
        Layout::Lines(document.indent(property.span.start))
    } else {
        Layout::OneLine
    };
    let with = Style::of(document).value(value, layout);
    vec![Splice { at: property.value.clone(), with }]
}

/// Takes out a property, one comma, and the whitespace before it. Comments stay.
pub(super) fn remove(document: &Document<'_>, braces: &Braces, index: usize) -> Vec<Splice> {
    let property = &braces.properties[index].span;
    let comma = comma_after(document, property.end);
    let end = comma.as_ref().map_or(property.end, |comma| comma.end);
    let rest = &document.text[end..];

    // What follows on the same line would move to the end of the line before,
    // and into the comment if that one ends with a comment. Then the line stays.
    let previous = document.piece_before(property.start);
    let is_after_line_comment = previous.is_some_and(|it| it.kind == PieceKind::LineComment);
    let is_line_empty = rest.find(LINE_ENDS).is_some_and(|end| rest[..end].trim().is_empty());
    let note = document.pieces_from(end).first().filter(|next| {
        next.kind.is_comment() && !document.text[end..next.span.start].contains(LINE_ENDS)
    });
    let keeps_line = note.is_some() && document.starts_line(property.start)
        || is_after_line_comment && !is_line_empty;
    let start = match previous {
        Some(previous) if !keeps_line => previous.span.end,
        _ => property.start,
    };

    let mut splices = vec![Splice::remove(start..property.end)];
    if let Some(comma) = comma {
        splices.push(Splice::remove(comma));
    } else if let Some(before) = comma_before(document, braces, property.start) {
        splices.insert(0, Splice::remove(before));
    }
    if let (Some(note), true) = (note, keeps_line) {
        splices.push(Splice::remove(end..note.span.start));
    }
    splices
}

/// Takes out all between the braces but what was there before [`append`]
/// opened them, or `None` if they do not look opened. Only for braces with one
/// property and no comment.
pub(super) fn shut(document: &Document<'_>, braces: &Braces) -> Option<Vec<Splice>> {
    let open = braces.span.start + 1;
    let inside = &document.text[open..braces.close()];
    let line_end = inside.find(LINE_ENDS).filter(|&end| inside[..end].trim().is_empty())?;
    Some(vec![Splice::remove(open + line_end..braces.close())])
}

/// The comma after a property that ends at `position`, past any comments.
fn comma_after(document: &Document<'_>, position: usize) -> Option<Range<usize>> {
    let mut pieces = document.pieces_from(position).iter();
    let next = pieces.find(|piece| !piece.kind.is_comment())?;
    (next.kind == PieceKind::Comma).then(|| next.span.clone())
}

/// The comma that separates the property at `position` from the one before it.
fn comma_before(document: &Document<'_>, braces: &Braces, position: usize) -> Option<Range<usize>> {
    let before = document.pieces_from(braces.span.start);
    let before = &before[..before.partition_point(|piece| piece.span.end <= position)];
    let previous = before.iter().rev().find(|piece| !piece.kind.is_comment())?;
    (previous.kind == PieceKind::Comma).then(|| previous.span.clone())
}
