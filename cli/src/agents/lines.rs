//! A text as lines, for the editors that add and remove whole ones.
//!
//! What [`insert_after`] puts after a line, [`remove`] takes out again to the
//! byte, also where the last line of a file has no end.

use std::ops::RangeInclusive;

use memchr::memchr;

/// A line: its bytes in the text, without what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    pub(super) start: usize,
    /// The line without its end.
    pub(super) text: &'t str,
    /// Where the next line starts.
    pub(super) next: usize,
}

impl Line<'_> {
    /// Where it ends, before what ends it.
    pub(super) const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }

    /// Whether it is the last one, and nothing ends it.
    const fn is_open(&self) -> bool {
        self.end() == self.next
    }
}

/// The lines of `text`. What follows the last line end is a line only if it is
/// not empty.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    each(text).collect()
}

/// The same, one after another.
pub(super) fn each(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let newline = memchr(b'\n', rest.as_bytes());
        let content =
            newline.map_or(rest, |end| rest[..end].strip_suffix('\r').unwrap_or(&rest[..end]));
        let next = start + newline.map_or(rest.len(), |end| end + 1);
        let line = Line { start, text: content, next };
        start = next;
        Some(line)
    })
}

/// What ends the lines of `text`, by its first.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Puts `block`, whose last line has no end, on lines of its own after `line`.
/// The line keeps its own end, which need not be what ends the others.
pub(super) fn insert_after(text: &str, line: &Line<'_>, block: &str) -> String {
    let newline = newline(text);
    let (before, after) = text.split_at(line.next);
    if line.is_open() {
        format!("{before}{newline}{block}")
    } else {
        format!("{before}{block}{newline}{after}")
    }
}

/// Takes out the lines with these indices.
pub(super) fn remove(text: &str, lines: &[Line<'_>], indices: RangeInclusive<usize>) -> String {
    let (first, last) = (&lines[*indices.start()], &lines[*indices.end()]);
    let start = match indices.start().checked_sub(1) {
        // The line before becomes the last one, and has no end either.
        Some(previous) if last.is_open() => lines[previous].end(),
        _ => first.start,
    };
    format!("{}{}", &text[..start], &text[last.next..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_can_be_taken_out() {
        for text in ["a", "a\n", "a\nb", "a\r\nb\r\n", "a\n\n", "\n", "a\n ", "a\rb\n", "a\r\nb\n"]
        {
            for index in 0..lines(text).len() {
                let with = insert_after(text, &lines(text)[index], "x\ny");
                assert_eq!(remove(&with, &lines(&with), index + 1..=index + 2), text, "{text:?}");
            }
        }
    }

    #[test]
    fn a_lone_carriage_return_ends_no_line() {
        let texts = |text| lines(text).iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(texts("a\rb\r\nc\r"), ["a\rb", "c\r"]);
        assert_eq!(texts(""), [""; 0]);
    }
}
