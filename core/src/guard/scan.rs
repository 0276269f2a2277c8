//! Reads a line as it passes, in one go and in little memory.
//!
//! A [`Scanner`] is fed the bytes of a stream, however they are cut. It checks the
//! whole grammar of JSON (RFC 8259) and of UTF-8, and keeps of a message only what
//! says which one it is: its id, its method, and whom its parameters name. So a
//! message of any length passes through it, and what it has called well-formed, no
//! reader can take for two messages, for none, or for another.
//!
//! It stops before the bracket that closes a message, see [`Event::Closing`]. Whoever
//! has sent on all before it can still take the message back: without that bracket
//! no reader takes it for one.

use super::facts::Facts;
use super::message::{Fault, Message};
use super::run;
use super::utf8::Utf8;

/// The deepest nesting that passes. Readers give up long before.
pub(super) const MAX_DEPTH: usize = 65_536;

/// Reads one line after another.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is about another byte")]
pub struct Scanner {
    pub(super) state: State,
    /// The brackets that are open.
    pub(super) open: Vec<u8>,
    /// Whether the last byte was a carriage return between tokens.
    pub(super) is_after_return: bool,
    is_closing: bool,
    /// What prose has of a message's.
    has_brace: bool,
    has_quote: bool,
    utf8: Utf8,
    pub(super) facts: Facts,
}

/// Where a scanner stopped, and why.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// At the end of what it was given.
    Nothing,
    /// Before the bracket that closes the message, which is this one. The next bytes
    /// start with it.
    Closing(Result<Message, Fault>),
    /// Before a byte that no message has there. What is left of the line is skipped.
    Fault(Fault),
    /// After the line.
    Line(Line),
}

/// What a line was.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A message, with nothing behind it.
    Message(Message),
    /// Nothing, or text without both a brace and a quote, which nobody takes for a message.
    Prose,
    /// Neither.
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Start,
    Prose,
    FirstKey,
    Key,
    Colon,
    Value,
    FirstElement,
    AfterValue,
    Text(Role, Text),
    Number(Number),
    /// So much of a word was there.
    Literal(Word, usize),
    Done,
    Fault(Fault),
}

/// What a string is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    True,
    False,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    Escape,
    /// So many digits are to come.
    Hex(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Scanner {
    /// What one whole line is.
    pub fn line(mut bytes: &[u8]) -> Line {
        let mut scanner = Self::default();
        while !bytes.is_empty() {
            let (length, event) = scanner.feed(bytes);
            bytes = &bytes[length..];
            match event {
                Event::Line(line) if bytes.is_empty() => return line,
                Event::Line(_) => return Line::Fault(Fault::Syntax),
                _ => (),
            }
        }
        scanner.end()
    }

    /// Reads on, to the end of `bytes` or of the line, or to where something has to
    /// be decided. Gives how many bytes it has read, and why it stopped.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Event) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte == b'\n' {
                return (at + 1, Event::Line(self.end()));
            }
            match self.state {
                State::Fault(_) => {
                    let rest = &bytes[at..];
                    at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                State::Text(role, Text::Plain) => {
                    let rest = &bytes[at..];
                    let length = if self.utf8.is_open() { 0 } else { run::text(rest) };
                    self.facts.keep(&rest[..length]);
                    at += length;
                    let Some(&next) = rest.get(length).filter(|next| **next != b'\n') else {
                        continue;
                    };
                    match self.special(role, next) {
                        Ok(()) => at += 1,
                        Err(fault) => return (at, self.fail(fault)),
                    }
                }
                State::Number(Number::Integer | Number::Fraction | Number::Power)
                    if byte.is_ascii_digit() =>
                {
                    let length = run::digits(&bytes[at..]);
                    self.facts.keep(&bytes[at..at + length]);
                    at += length;
                }
                State::Literal(word, taken) => {
                    let length = run::common(&word.text()[taken..], &bytes[at..]);
                    match self.literal(word, taken, length) {
                        Ok(()) => at += length,
                        Err(fault) => return (at, self.fail(fault)),
                    }
                }
                _ => match self.deep(&bytes[at..]) {
                    0 => match self.step(byte) {
                        Ok(Step::Taken) => at += 1,
                        Ok(Step::Again) => (),
                        Ok(Step::Closing) => return (at, Event::Closing(self.facts.message())),
                        Err(fault) => return (at, self.fail(fault)),
                    },
                    length => at += length,
                },
            }
        }
        (at, Event::Nothing)
    }

    /// The line has ended, or the stream: says what it was, and starts the next.
    pub fn end(&mut self) -> Line {
        let line = match self.state {
            State::Start | State::Prose => Line::Prose,
            State::Done => self.facts.message().map_or_else(Line::Fault, Line::Message),
            State::Fault(fault) => Line::Fault(fault),
            _ => Line::Fault(Fault::Syntax),
        };
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        *self = Self { open, ..Self::default() };
        line
    }

    fn fail(&mut self, fault: Fault) -> Event {
        self.state = State::Fault(fault);
        Event::Fault(fault)
    }

    fn step(&mut self, byte: u8) -> Result<Step, Fault> {
        if self.is_after_return && self.state != State::Prose {
            // Some readers end a line here, and then see what stands between two of
            // them as a message of its own.
            return Err(Fault::CarriageReturn);
        }
        if matches!(byte, b' ' | b'\t' | b'\r') && !self.is_in_token() {
            self.is_after_return = byte == b'\r' && self.state != State::Prose;
            return Ok(Step::Taken);
        }
        match self.state {
            State::Start => match byte {
                b'{' => self.push(b'{', State::FirstKey)?,
                b'[' => return Err(Fault::Batch),
                _ => {
                    self.state = State::Prose;
                    return Ok(Step::Again);
                }
            },
            State::Prose => {
                self.has_brace |= matches!(byte, b'{' | b'}');
                self.has_quote |= byte == b'"';
                if self.has_brace && self.has_quote {
                    return Err(Fault::Syntax);
                }
            }
            State::FirstKey if byte == b'}' => return self.close(b'{'),
            State::FirstKey | State::Key if byte == b'"' => {
                self.facts.start_key(self.open.len());
                self.state = State::Text(Role::Key, Text::Plain);
            }
            State::Colon if byte == b':' => self.state = State::Value,
            State::FirstElement if byte == b']' => return self.close(b'['),
            State::Value | State::FirstElement => self.start_value(byte)?,
            State::AfterValue => match (byte, self.open.last()) {
                (b',', Some(b'{')) => self.state = State::Key,
                (b',', Some(_)) => self.state = State::Value,
                (b'}', _) => return self.close(b'{'),
                (b']', _) => return self.close(b'['),
                _ => return Err(Fault::Syntax),
            },
            State::Text(role, Text::Escape) => {
                self.facts.keep(&[byte]);
                self.state = match byte {
                    b'u' => State::Text(role, Text::Hex(4)),
                    _ if run::is_escape(byte) => State::Text(role, Text::Plain),
                    _ => return Err(Fault::Syntax),
                };
            }
            State::Text(role, Text::Hex(left)) if byte.is_ascii_hexdigit() => {
                self.facts.keep(&[byte]);
                let text = if left == 1 { Text::Plain } else { Text::Hex(left - 1) };
                self.state = State::Text(role, text);
            }
            State::Number(number) => return self.step_number(number, byte),
            _ => return Err(Fault::Syntax),
        }
        Ok(Step::Taken)
    }

    fn start_value(&mut self, byte: u8) -> Result<(), Fault> {
        self.facts.start_value(self.open.len(), byte)?;
        match byte {
            b'{' => return self.push(b'{', State::FirstKey),
            b'[' => return self.push(b'[', State::FirstElement),
            b'"' => self.state = State::Text(Role::Value, Text::Plain),
            b'-' => self.state = State::Number(Number::Minus),
            b'0' => self.state = State::Number(Number::Zero),
            b'1'..=b'9' => self.state = State::Number(Number::Integer),
            b't' => self.state = State::Literal(Word::True, 1),
            b'f' => self.state = State::Literal(Word::False, 1),
            b'n' => self.state = State::Literal(Word::Null, 1),
            _ => return Err(Fault::Syntax),
        }
        Ok(())
    }

    fn step_number(&mut self, number: Number, byte: u8) -> Result<Step, Fault> {
        let next = match (number, byte) {
            (Number::Minus, b'0') => Number::Zero,
            (Number::Minus | Number::Integer, b'0'..=b'9') => Number::Integer,
            (Number::Zero | Number::Integer, b'.') => Number::Point,
            (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
            (Number::Zero | Number::Integer | Number::Fraction, b'e' | b'E') => Number::Exponent,
            (Number::Exponent, b'+' | b'-') => Number::Sign,
            (Number::Exponent | Number::Sign | Number::Power, b'0'..=b'9') => Number::Power,
            (Number::Zero | Number::Integer | Number::Fraction | Number::Power, _) => {
                self.facts.end_value(self.open.len())?;
                self.state = State::AfterValue;
                return Ok(Step::Again);
            }
            _ => return Err(Fault::Syntax),
        };
        self.facts.keep(&[byte]);
        self.state = State::Number(next);
        Ok(Step::Taken)
    }

    /// So many more bytes of a word that `taken` were there of.
    fn literal(&mut self, word: Word, taken: usize, length: usize) -> Result<(), Fault> {
        if length == 0 {
            return Err(Fault::Syntax);
        }
        self.state = State::Literal(word, taken + length);
        if taken + length == word.text().len() {
            self.facts.end_value(self.open.len())?;
            self.state = State::AfterValue;
        }
        Ok(())
    }

    /// A byte of a string that no run takes: its end, or a part of an escape or of a
    /// character that is wrong or was cut.
    fn special(&mut self, role: Role, byte: u8) -> Result<(), Fault> {
        if byte >= 0x80 || self.utf8.is_open() {
            self.facts.keep(&[byte]);
            return self.utf8.take(byte);
        }
        match (byte, role) {
            (b'"', Role::Key) => {
                self.facts.end_key(self.open.len())?;
                self.state = State::Colon;
            }
            (b'"', Role::Value) => {
                self.facts.keep(b"\"");
                self.facts.end_value(self.open.len())?;
                self.state = State::AfterValue;
            }
            (b'\\', _) => {
                self.facts.keep(b"\\");
                self.state = State::Text(role, Text::Escape);
            }
            _ => return Err(Fault::Control),
        }
        Ok(())
    }

    fn push(&mut self, bracket: u8, next: State) -> Result<(), Fault> {
        if self.open.len() == MAX_DEPTH {
            return Err(Fault::Depth);
        }
        self.open.push(bracket);
        self.state = next;
        Ok(())
    }

    fn close(&mut self, bracket: u8) -> Result<Step, Fault> {
        if self.open.last() != Some(&bracket) {
            return Err(Fault::Syntax);
        }
        if self.open.len() == 1 && !self.is_closing {
            self.is_closing = true;
            return Ok(Step::Closing);
        }
        self.open.pop();
        self.state = if self.open.is_empty() { State::Done } else { State::AfterValue };
        Ok(Step::Taken)
    }

    fn is_in_token(&self) -> bool {
        matches!(self.state, State::Text(..) | State::Number(_))
    }
}

impl Word {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

enum Step {
    Taken,
    /// The byte ended what came before it, and is looked at again.
    Again,
    Closing,
}
