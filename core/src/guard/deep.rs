//! What lies so deep in a message that it says nothing of which one it is: a token at a
//! time.
//!
//! Most of a large message does. Of that the grammar alone is held to: nothing is kept,
//! and the [`Scanner`] is in no state but those between two tokens. A token is taken here
//! if all of it and what ends it are at hand, and are right. If not (it is wrong, it was
//! cut where the stream was, or something rare stands between two) then nothing of it is
//! taken, and the scanner goes on there, a byte at a time. A string may be long, and is
//! left in its middle. So this, like [`run`], has to be right in what it takes, and in
//! nothing else (`it_says_the_same_however_a_line_is_cut`).

use super::run;
use super::scan::{MAX_DEPTH, Role, Scanner, State, Text};

impl Scanner {
    /// Takes as many of the first bytes as are whole tokens, so deep that nothing is
    /// looked at, and gives their number. Takes none where it is not between two tokens.
    pub(super) fn deep(&mut self, bytes: &[u8]) -> usize {
        let floor = self.facts.floor();
        let is_in_token = matches!(self.state, State::Text(..) | State::Number(_));
        if self.open.len() < floor || self.is_after_return || is_in_token {
            return 0;
        }
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let length = match (self.state, byte) {
                // As many writers put one after a comma or a colon.
                (_, b' ') => 1,
                (State::Colon, b':') => self.then(State::Value, 1),
                (State::AfterValue, b',') => match self.open.last() {
                    Some(b'{') => self.then(State::Key, 1),
                    _ => self.then(State::Value, 1),
                },
                (State::AfterValue | State::FirstKey, b'}') => self.leave(b'{', floor),
                (State::AfterValue | State::FirstElement, b']') => self.leave(b'[', floor),
                (State::FirstKey | State::Key, b'"') => self.string(Role::Key, &bytes[at..]),
                (State::Value | State::FirstElement, _) => self.value(&bytes[at..]),
                _ => 0,
            };
            at += length;
            if length == 0 || matches!(self.state, State::Text(..)) {
                break;
            }
        }
        at
    }

    fn value(&mut self, rest: &[u8]) -> usize {
        match rest[0] {
            b'"' => self.string(Role::Value, rest),
            b'{' => self.enter(b'{', State::FirstKey),
            b'[' => self.enter(b'[', State::FirstElement),
            b't' if rest.starts_with(b"true") => self.then(State::AfterValue, 4),
            b'f' if rest.starts_with(b"false") => self.then(State::AfterValue, 5),
            b'n' if rest.starts_with(b"null") => self.then(State::AfterValue, 4),
            b'-' | b'0'..=b'9' => match run::number(rest) {
                0 => 0,
                length => self.then(State::AfterValue, length),
            },
            _ => 0,
        }
    }

    /// A string of which the quote stands first.
    fn string(&mut self, role: Role, rest: &[u8]) -> usize {
        let end = 1 + run::text(&rest[1..]);
        if rest.get(end) != Some(&b'"') {
            return self.then(State::Text(role, Text::Plain), end);
        }
        let next = match role {
            Role::Key => State::Colon,
            Role::Value => State::AfterValue,
        };
        self.then(next, end + 1)
    }

    fn enter(&mut self, bracket: u8, next: State) -> usize {
        if self.open.len() == MAX_DEPTH {
            return 0;
        }
        self.open.push(bracket);
        self.then(next, 1)
    }

    fn leave(&mut self, bracket: u8, floor: usize) -> usize {
        if self.open.len() <= floor || self.open.last() != Some(&bracket) {
            return 0;
        }
        self.open.pop();
        self.then(State::AfterValue, 1)
    }

    fn then(&mut self, state: State, length: usize) -> usize {
        self.state = state;
        length
    }
}
