//! Questions to the name server inside: whatever the bytes, an answer says no more than
//! what was asked, and an address is given for a name only that another reader finds in
//! the question too.

#![no_main]

#[expect(dead_code, reason = "a look-up never fails here")]
#[expect(unreachable_pub, reason = "it is a part of a library, and is a program's here")]
#[path = "../../cli/src/egress/dns.rs"]
mod dns;

use std::cell::RefCell;
use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{RData, RecordType};
use libfuzzer_sys::fuzz_target;

use crate::dns::{Lookup, answer};

/// Header, question, and one record of an address that points back to the name.
const MAX_ANSWER_BYTES: usize = 12 + 255 + 4 + 16;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 71, 0, 1);

fuzz_target!(|message: &[u8]| {
    let asked = RefCell::new(None);
    let look_up = |name: &str| {
        *asked.borrow_mut() = Some(name.to_owned());
        Lookup::Address(ADDRESS)
    };
    let Some(reply) = answer(message, look_up) else { return };
    assert!(reply.len() <= MAX_ANSWER_BYTES, "more than there is to say");
    let answered = Message::from_vec(&reply).expect("an answer is a message");
    assert_eq!(answered.metadata.message_type, MessageType::Response);
    assert_eq!(reply[..2], message[..2], "it is the answer to another question");
    if !answered.queries.is_empty() {
        assert!(message[12..].starts_with(question(&reply)), "another question is repeated");
    }

    let Some(name) = asked.into_inner() else {
        assert!(answered.answers.is_empty(), "an address of nobody");
        return;
    };
    let may_be_in_it = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    assert!(name.len() <= 253 && name.bytes().all(may_be_in_it), "it is no host's name: {name}");
    let read = Message::from_vec(message).ok();
    // The other reader knows what is in an option, and may refuse one that we do not read.
    if let Some(read) = read {
        let [query] = read.queries.as_slice() else { panic!("not one question") };
        // It escapes a hyphen that comes first.
        let found = query.name().to_ascii().to_ascii_lowercase().replace('\\', "");
        assert_eq!(found.trim_end_matches('.'), name, "another name was looked up");
        let is_address = query.query_type() == RecordType::A;
        assert_eq!(answered.answers.len(), usize::from(is_address));
    }
    for record in &answered.answers {
        assert!(matches!(&record.data, RData::A(address) if address.0 == ADDRESS));
    }
});

/// The question that an answer repeats.
fn question(reply: &[u8]) -> &[u8] {
    let mut end = 12;
    while reply[end] != 0 {
        end += 1 + usize::from(reply[end]);
    }
    &reply[12..end + 5]
}
