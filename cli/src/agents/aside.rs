//! Large TOML and YAML: what is plainly not ours is set aside while the rest is edited.
//!
//! Their readers take 30 to 100 milliseconds for a megabyte, and an edit has to be read
//! before and after. So of a large text, runs of *plain* sections are set aside: of
//! other keys, and in so few forms that each line says by itself where it ends (`plain`
//! of each format). A line of ours stands in for a run:
//!
//! ```text
//! model = "x"                      model = "x"
//! [projects."/a"]                  [mcpkg-aside-0]
//! trust_level = "trusted"     ->   [mcp_servers.weather]
//! [projects."/b"]                  command = "/opt/mcpkg"
//! trust_level = "trusted"
//! [mcp_servers.weather]
//! command = "/opt/mcpkg"
//! ```
//!
//! The rest is read by both readers, edited and read again like any other text, and the
//! runs are put back to the byte. That is an edit of the whole, because:
//!
//! - The reader finds the stand-ins as entries of the root, before the edit and after. So
//!   what is there begins and ends where an entry of the root does, and is not within a
//!   text, a list or a comment.
//! - No line of a run is open at its end, and none has an anchor or an alias, so nothing
//!   of it reaches out.
//! - No key of a run is a key of the rest, and none comes twice. So neither is part of the
//!   other, and a text is not called right that is wrong.
//!
//! Whenever one of these is not so, or anything else goes wrong, the text is edited as a
//! whole, and that outcome counts. In debug builds (tests, and what is fuzzed) every text
//! is large, and both ways have to come to the same.

use std::collections::HashSet;
use std::ops::Range;

use super::EditError;
use super::lines::{self, Line};

/// Texts from this size on are large. A smaller one is read in a few milliseconds.
const LARGE_TEXT_BYTES: usize = if cfg!(debug_assertions) { 1 } else { 64 * 1024 };

/// What every stand-in starts with, and no text that is edited by parts has in it.
const STAND_IN: &str = "mcpkg-aside-";

/// The plain sections of a text, of keys that are not ours.
#[derive(Debug, Default)]
pub(super) struct Sections<'t> {
    /// Where they are, those that follow each other as one.
    runs: Vec<Range<usize>>,
    /// Whether nothing else came after the last of them.
    is_last: bool,
    /// The key of the root that each belongs to.
    keys: Vec<&'t str>,
}

impl<'t> Sections<'t> {
    /// One more, from its first line to its last, and the key of the root that it
    /// belongs to.
    pub(super) fn push(&mut self, section: Range<usize>, key: &'t str) {
        match self.runs.last_mut() {
            Some(last) if self.is_last => last.end = section.end,
            _ => self.runs.push(section),
        }
        self.is_last = true;
        self.keys.push(key);
    }

    /// The keys of the root that they belong to, each once.
    pub(super) fn keys(&self) -> HashSet<&'t str> {
        self.keys.iter().copied().collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Something that is not plain.
    pub(super) fn interrupt(&mut self) {
        self.is_last = false;
    }
}

/// A text without its plain sections.
pub(super) struct Aside<'t> {
    /// The text, with lines of ours in their place.
    pub(super) rest: String,
    runs: Vec<&'t str>,
    /// The key of the root that stands in for each run.
    pub(super) names: Vec<String>,
    write: fn(&str) -> String,
    newline: &'static str,
}

impl<'t> Aside<'t> {
    /// Sets `sections` aside. `write` makes an entry of a key of the root.
    pub(super) fn of(
        text: &'t str,
        sections: &Sections<'_>,
        write: fn(&str) -> String,
    ) -> Option<Self> {
        if sections.runs.is_empty() || text.contains(STAND_IN) {
            return None;
        }
        let names = (0..sections.runs.len()).map(|index| format!("{STAND_IN}{index}")).collect();
        let runs = sections.runs.iter().map(|run| &text[run.clone()]).collect();
        let newline = lines::newline(text);
        let mut aside = Self { rest: String::new(), runs, names, write, newline };
        let mut done = 0;
        for (index, run) in sections.runs.iter().enumerate() {
            let line = aside.line(index);
            aside.rest.extend([&text[done..run.start], &line]);
            done = run.end;
        }
        aside.rest.push_str(&text[done..]);
        Some(aside)
    }

    /// Puts the runs where their stand-ins are in what became of the rest.
    pub(super) fn put_back(&self, edited: &str) -> Option<String> {
        let length = self.runs.iter().map(|run| run.len()).sum::<usize>() + edited.len();
        let mut text = String::with_capacity(length);
        let mut after = edited;
        for (index, run) in self.runs.iter().enumerate() {
            let (before, rest) = after.split_once(&self.line(index))?;
            text.extend([before, run]);
            after = rest;
        }
        text.push_str(after);
        Some(text)
    }

    fn line(&self, index: usize) -> String {
        format!("{}{}", (self.write)(&self.names[index]), self.newline)
    }
}

/// Does `whole` to a text: by parts if it is large and `aside` finds something to set
/// aside in it. `put_back` makes an outcome for the whole of one for the rest.
pub(super) fn by_parts<'t, T: PartialEq>(
    text: &'t str,
    aside: impl FnOnce(&'t str) -> Option<Aside<'t>>,
    whole: impl Fn(&str) -> Result<T, EditError>,
    put_back: impl FnOnce(&Aside<'t>, T) -> Option<T>,
) -> Result<T, EditError> {
    let is_large = text.len() >= LARGE_TEXT_BYTES;
    let by_parts = || {
        let aside = if is_large { aside(text)? } else { return None };
        let done = whole(&aside.rest).ok()?;
        put_back(&aside, done)
    };
    match by_parts() {
        Some(done) => {
            debug_assert!(whole(text).is_ok_and(|it| it == done), "both ways come to the same");
            Ok(done)
        }
        None => whole(text),
    }
}

/// Whether a line may be part of a run whatever stands around it: it has an end.
pub(super) fn is_whole(line: &Line<'_>) -> bool {
    line.end() < line.next
}
