//! Where lines go: whole ones from anybody, and one long one at a time.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much may wait for the end of a long line, in bytes. What would be more is
/// dropped: it is short answers of ours to somebody who does not read.
const MAX_WAITING: usize = 1 << 20;

/// A stream that lines are written to, each whole.
pub(super) struct Outlet<W>(Mutex<State<W>>);

struct State<W> {
    writer: W,
    /// Whether a long line has begun, which nothing may come into.
    is_in_line: bool,
    waiting: Vec<u8>,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(Mutex::new(State { writer, is_in_line: false, waiting: Vec::new() }))
    }

    /// Writes whole lines, now or after the long line that is being written.
    pub(super) fn line(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_in_line {
            if state.waiting.len() + bytes.len() <= MAX_WAITING {
                state.waiting.extend_from_slice(bytes);
            }
            return Ok(());
        }
        state.write(bytes)
    }

    /// Writes a part of a long line.
    pub(super) fn part(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.is_in_line = true;
        state.write(bytes)
    }

    /// Ends a long line, of which the last byte was written.
    pub(super) fn end(&self) -> io::Result<()> {
        let mut state = self.state();
        state.is_in_line = false;
        let waiting = std::mem::take(&mut state.waiting);
        state.write(&waiting)
    }

    /// Breaks off a long line. It lacks at least its closing bracket, so nobody takes it
    /// for a message; and for a reader that sees no lines, but one stream of JSON, no
    /// bracket can come later, after a byte that is never in one.
    pub(super) fn cut(&self) -> io::Result<()> {
        self.part(b"\0\n")?;
        self.end()
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }
}
