//! The name server inside: reading a question of foreign bytes, and answering it.
//!
//! It knows the granted hosts and nothing else, and passes no question on, so a name
//! is no way out for what a server has read. Strict: one question, no compression,
//! nothing after it but one `OPT` record; whatever else is answered `FORMERR`.
//!
//! Source: RFC 1035, sections 4.1 and 4.2.1; RFC 6891, sections 6.1 and 7 (to leave
//! `OPT` out of an answer says that it is not implemented).

use std::net::Ipv4Addr;

/// The longest question that is read, in bytes. One name takes 255.
pub const MAX_QUESTION_BYTES: usize = 1232;

const HEADER_BYTES: usize = 12;
const MAX_NAME_BYTES: usize = 255;
/// How long an address may be remembered, in seconds. It is good until the end.
const TTL: u32 = 60;

const TYPE_A: u16 = 1;
const TYPE_PTR: u16 = 12;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;

/// What a name is, to the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It has this address.
    Address(Ipv4Addr),
    /// There is no such name.
    Absent,
    /// It cannot be said now.
    Failed,
}

#[derive(Clone, Copy)]
enum Status {
    Done = 0,
    Malformed = 1,
    Failed = 2,
    Absent = 3,
    NotImplemented = 4,
    Refused = 5,
}

/// One question.
struct Question<'a> {
    /// The name in lower case, or nothing if it could be no host's.
    host: Option<String>,
    kind: u16,
    class: u16,
    /// As it was asked, to be repeated.
    bytes: &'a [u8],
}

/// The answer to `message`, or nothing if it deserves none.
///
/// `look_up` is asked for names in lower case, of letters, digits, `-`, `_` and `.`.
pub fn answer(message: &[u8], look_up: impl FnOnce(&str) -> Lookup) -> Option<Vec<u8>> {
    let header: &[u8; HEADER_BYTES] = message.first_chunk()?;
    let [id_high, id_low, flags, ..] = *header;
    let is_response = flags & 0x80 != 0;
    if is_response || message.len() > MAX_QUESTION_BYTES {
        return None;
    }
    let reply = |status: Status, question: &[u8], address: Option<Ipv4Addr>| {
        // A response, with authority, recursion as desired and available.
        let mut bytes = vec![id_high, id_low, 0x84 | (flags & 0x01), 0x80 | status as u8];
        bytes.extend([0, u8::from(!question.is_empty()), 0, u8::from(address.is_some())]);
        bytes.extend([0; 4]);
        bytes.extend(question);
        if let Some(address) = address {
            // The name is the one at byte 12.
            bytes.extend([0xc0, 12, 0, 1, 0, 1]);
            bytes.extend(TTL.to_be_bytes());
            bytes.extend([0, 4]);
            bytes.extend(address.octets());
        }
        Some(bytes)
    };
    let is_query = flags & 0x78 == 0;
    if !is_query {
        return reply(Status::NotImplemented, &[], None);
    }
    let Some(question) = question(header, &message[HEADER_BYTES..]) else {
        return reply(Status::Malformed, &[], None);
    };
    if question.class != CLASS_IN {
        return reply(Status::Refused, question.bytes, None);
    }
    let found = match question.host {
        // Whose address it is is nobody's wish to go anywhere.
        Some(host) if question.kind != TYPE_PTR => look_up(&host),
        _ => Lookup::Absent,
    };
    match found {
        Lookup::Address(address) if question.kind == TYPE_A => {
            reply(Status::Done, question.bytes, Some(address))
        }
        // The name is there, and has nothing of this type.
        Lookup::Address(_) => reply(Status::Done, question.bytes, None),
        Lookup::Absent => reply(Status::Absent, question.bytes, None),
        Lookup::Failed => reply(Status::Failed, question.bytes, None),
    }
}

fn question<'a>(header: &[u8; HEADER_BYTES], body: &'a [u8]) -> Option<Question<'a>> {
    let [.., 0, 1, 0, 0, 0, 0, 0, additional @ (0 | 1)] = *header else { return None };
    let (host, rest) = name(body)?;
    let (kind, rest) = number(rest)?;
    let (class, rest) = number(rest)?;
    let is_whole = if additional == 0 { rest.is_empty() } else { is_opt(rest) };
    let bytes = &body[..body.len() - rest.len()];
    is_whole.then_some(Question { host, kind, class, bytes })
}

/// A name and what follows it; of the name nothing, if it could be no host's.
fn name(bytes: &[u8]) -> Option<(Option<String>, &[u8])> {
    let mut host = String::new();
    let mut is_host = true;
    let mut rest = bytes;
    loop {
        let (&length, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked(usize::from(length))?;
        rest = after;
        if bytes.len() - rest.len() > MAX_NAME_BYTES {
            return None;
        }
        match length {
            0 => break,
            1..=63 => (),
            // Compression, or nothing that there is.
            _ => return None,
        }
        if !host.is_empty() {
            host.push('.');
        }
        is_host &= label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        host.extend(label.iter().map(|b| char::from(b.to_ascii_lowercase())));
    }
    Some(((is_host && !host.is_empty()).then_some(host), rest))
}

/// Whether this is one `OPT` record and nothing else.
fn is_opt(bytes: &[u8]) -> bool {
    let Some((&0, rest)) = bytes.split_first() else { return false };
    let Some((TYPE_OPT, rest)) = number(rest) else { return false };
    // The size it takes, and flags.
    let Some((_, rest)) = rest.split_at_checked(6) else { return false };
    number(rest).is_some_and(|(length, data)| usize::from(length) == data.len())
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests;
