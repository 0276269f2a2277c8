//! Proof that a log has lied, kept in a file that anybody can check.
//!
//! An error message is gone with the terminal, and says nothing to those who did
//! not see it. What the log itself has signed does: two statements that cannot
//! both be true are enough to show to its operator, and to everybody who relies
//! on the same log.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::log::{LogError, LogTrust, SignedCheckpoint};
use mcpkg_core::{Code, Digest};
use url::Url;

use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// What is wrong, and everything that shows it.
pub(crate) struct Lie<'a> {
    /// [`Code::LogFork`], [`Code::Rollback`] or [`Code::HiddenRelease`].
    pub(crate) code: Code,
    /// What happened, in one line without a full stop.
    pub(crate) what: String,
    /// What the parts prove, in whole sentences.
    pub(crate) proves: String,
    /// Each part: what it is, and its bytes as they came.
    pub(crate) parts: Vec<(&'a str, &'a str)>,
}

impl<'a> Lie<'a> {
    /// Two checkpoints of which the second cannot come after the first.
    pub(super) fn fork(first: &'a SignedCheckpoint, second: &'a SignedCheckpoint) -> Self {
        let (old, new) = (first.tree().size, second.tree().size);
        let (what, proves) = if old == new {
            (
                format!("the log has two different trees of {old} entries"),
                "The log has signed two roots for one size. It shows its users different\n\
                 histories. No honest log ever does.",
            )
        } else {
            (
                format!("the log had {old} entries, and now it shows {new}"),
                "A log only grows. If the smaller checkpoint was signed after the larger one\n\
                 (the line with the later time), then the log has gone back. If it was signed\n\
                 before, somebody shows an old state of the log as the newest.",
            )
        };
        Self {
            code: Code::LogFork,
            what,
            proves: proves.to_owned(),
            parts: vec![
                ("checkpoint that was seen before", first.note()),
                ("checkpoint that is shown now", second.note()),
            ],
        }
    }

    /// A checkpoint that is larger than the last tree of the key that signed it.
    pub(super) fn retired(
        error: &LogError,
        origin: &str,
        checkpoint: &'a str,
        successions: &'a [String],
    ) -> Self {
        let mut parts: Vec<(&str, &str)> = vec![("checkpoint by the retired key", checkpoint)];
        parts.extend(successions.iter().map(|note| ("succession of the log", note.as_str())));
        Self {
            code: Code::LogFork,
            what: format!("a retired key of `{origin}` signs on: {error}"),
            proves: "The log's old key signed that it ends at a certain tree, and then signed a\n\
                     larger one. Whoever has that key tells a story of their own."
                .to_owned(),
            parts,
        }
    }
}

/// Where it was found, and when.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) places: &'a Places,
    pub(crate) registry: &'a Url,
    pub(crate) trust: &'a LogTrust,
    pub(crate) now: Timestamp,
}

impl Found<'_> {
    /// Keeps the proof, and gives the error that names its file. What is wrong is
    /// refused just the same where the file cannot be written.
    pub(crate) fn keep(self, lie: &Lie<'_>) -> Error {
        let proof = match self.save(lie) {
            Ok(path) => format!("the proof is in `{}`", path.display()),
            Err(error) => format!("the proof could not be kept: {error}"),
        };
        Error::Lie { what: lie.what.clone(), proof, code: lie.code }
    }

    /// Keeps the proof, and says in which file.
    pub(crate) fn save(self, lie: &Lie<'_>) -> Result<PathBuf> {
        let parts: String = lie.parts.iter().map(|(_, part)| *part).collect();
        let id = &Digest::of(parts.as_bytes()).to_hex()[..16];
        let code = lie.code.as_str().trim_start_matches("E_").to_lowercase();
        let path = self.places.state.join("evidence").join(format!("{code}-{id}.txt"));
        // Named by what it proves: the same lie, told again, changes nothing.
        if !path.exists() {
            atomic::write(&path, self.text(lie).as_bytes())?;
        }
        Ok(path)
    }

    fn text(&self, lie: &Lie<'_>) -> String {
        let mut text = format!(
            "{code}: {what}\n\n\
             Registry: {registry}\n\
             Log:      {origin}\n\
             Key:      {key}\n\
             Found:    {now}\n\n\
             What this proves\n\n{proves}\n\n\
             How to check it\n\n\
             The parts below stand as they came, between their marks. Each is a note that the\n\
             log's key has signed (C2SP signed-note, tlog-checkpoint and tlog-proof), or the\n\
             bytes that such a note is about. Nothing else is needed.\n\n\
             What to do\n\n\
             Stop using the registry. Send this file to its operator, and to the people who\n\
             use the same registry. It holds no secret of yours.\n",
            code = lie.code,
            what = lie.what,
            registry = self.registry,
            origin = self.trust.origin(),
            key = self.trust.key,
            now = self.now,
            proves = lie.proves,
        );
        for (title, part) in &lie.parts {
            let end = if part.ends_with('\n') { "" } else { "\n" };
            // Writing to a string cannot fail.
            let _ =
                write!(text, "\n----- BEGIN {title} -----\n{part}{end}----- END {title} -----\n");
        }
        text
    }
}
