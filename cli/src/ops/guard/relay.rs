//! One direction: lines in, lines out.
//!
//! A line of up to [`MAX_LOOK`] bytes is held until it is whole and decided on. A longer
//! one is sent on as it comes, all but the bracket that closes it: by then it is known
//! what it is, and one that may not pass is broken off there. See
//! [`mcpkg_core::guard::Scanner`] for why that takes it back.

use std::io::{self, Read, Write};

use mcpkg_core::guard::{Event, Fault, Line, MAX_LOOK, Message, Scanner};

use super::outlet::Outlet;

/// How much is read at once: what a pipe of Linux holds.
const CHUNK: usize = 64 * 1024;

/// How much may follow a held message on its line, in bytes: its bracket, and a few
/// blanks before the line ends.
const MAX_TAIL: usize = 64;

/// What a line was.
pub(super) enum Seen<'a> {
    /// A message, and all of its line if that was held.
    Message(Message, Option<&'a [u8]>),
    /// No message.
    Fault(Fault),
}

/// What becomes of a line.
pub(super) enum Passage {
    /// It passes.
    Pass,
    /// These lines go in its place.
    Replace(Vec<u8>),
    /// It does not pass.
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Held,
    /// Whole but for its last bracket, and what follows.
    Closing,
    Sent,
    Skipped,
}

struct Relay<'a, W, D> {
    outlet: &'a Outlet<W>,
    decide: D,
    held: Vec<u8>,
    mode: Mode,
}

/// Sends on what `decide` lets pass, until the input ends.
pub(super) fn relay<W: Write>(
    mut input: impl Read,
    outlet: &Outlet<W>,
    decide: impl FnMut(Seen<'_>) -> Passage,
) -> io::Result<()> {
    let mut relay = Relay { outlet, decide, held: Vec::new(), mode: Mode::Held };
    let mut scanner = Scanner::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match input.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if length == 0 {
            return relay.line(scanner.end());
        }
        let mut rest = &chunk[..length];
        while !rest.is_empty() {
            let (taken, event) = scanner.feed(rest);
            let (seen, after) = rest.split_at(taken);
            relay.bytes(seen)?;
            relay.event(event)?;
            rest = after;
        }
    }
}

impl<W: Write, D: FnMut(Seen<'_>) -> Passage> Relay<'_, W, D> {
    fn bytes(&mut self, seen: &[u8]) -> io::Result<()> {
        let (outlet, room) = match self.mode {
            Mode::Held => (Some(self.outlet), MAX_LOOK),
            Mode::Closing => (None, MAX_LOOK + MAX_TAIL),
            Mode::Sent => return self.outlet.part(seen),
            Mode::Skipped => return Ok(()),
        };
        self.held.extend_from_slice(seen);
        if self.held.len() <= room {
            return Ok(());
        }
        match outlet {
            Some(outlet) => {
                outlet.part(&self.held)?;
                self.mode = Mode::Sent;
            }
            None => self.refuse(Fault::Syntax)?,
        }
        self.forget();
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        match (event, self.mode) {
            (Event::Line(line), _) => self.line(line),
            (Event::Closing(_), Mode::Held) => {
                self.mode = Mode::Closing;
                Ok(())
            }
            (Event::Closing(Ok(message)), Mode::Sent) => {
                match (self.decide)(Seen::Message(message, None)) {
                    Passage::Pass => Ok(()),
                    Passage::Drop => self.cut(&[]),
                    Passage::Replace(line) => self.cut(&line),
                }
            }
            (Event::Closing(Err(fault)) | Event::Fault(fault), _) => self.refuse(fault),
            (Event::Nothing | Event::Closing(Ok(_)), _) => Ok(()),
        }
    }

    /// The line has ended.
    fn line(&mut self, line: Line) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let result = match (line, self.mode) {
            (_, Mode::Skipped) => Ok(()),
            (Line::Fault(fault), Mode::Sent) => {
                // Its line end was sent, and its bracket was not there to be.
                self.outlet.end()?;
                self.instead(fault)
            }
            (_, Mode::Sent) => self.outlet.end(),
            (Line::Message(message), _) => {
                match (self.decide)(Seen::Message(message, Some(&held))) {
                    Passage::Pass => self.outlet.line(&held),
                    Passage::Drop => Ok(()),
                    Passage::Replace(line) => self.outlet.line(&line),
                }
            }
            (Line::Prose, _) => self.outlet.line(&held),
            (Line::Fault(fault), _) => self.instead(fault),
        };
        self.held = held;
        self.forget();
        self.mode = Mode::Held;
        result
    }

    /// The line is no message: what is left of it goes nowhere.
    fn refuse(&mut self, fault: Fault) -> io::Result<()> {
        match self.mode {
            Mode::Skipped => return Ok(()),
            Mode::Sent => self.outlet.cut()?,
            Mode::Held | Mode::Closing => (),
        }
        self.mode = Mode::Skipped;
        self.forget();
        self.instead(fault)
    }

    fn instead(&mut self, fault: Fault) -> io::Result<()> {
        match (self.decide)(Seen::Fault(fault)) {
            Passage::Replace(line) => self.outlet.line(&line),
            Passage::Pass | Passage::Drop => Ok(()),
        }
    }

    fn cut(&mut self, instead: &[u8]) -> io::Result<()> {
        self.mode = Mode::Skipped;
        self.outlet.cut()?;
        self.outlet.line(instead)
    }

    fn forget(&mut self) {
        self.held.clear();
        self.held.shrink_to(CHUNK);
    }
}
