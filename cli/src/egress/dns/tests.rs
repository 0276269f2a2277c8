use proptest::prelude::*;

use super::*;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 71, 0, 1);

/// A question for the A record of `api.example.com`, as a resolver sends it.
fn asked() -> Vec<u8> {
    let mut bytes = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    bytes.extend(b"\x03api\x07example\x03com\x00\x00\x01\x00\x01");
    bytes
}

/// `OPT` with a cookie, as `dig` sends it.
const OPT: &[u8] =
    b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08";

fn only_api(name: &str) -> Lookup {
    match name {
        "api.example.com" => Lookup::Address(ADDRESS),
        "full.example.com" => Lookup::Failed,
        _ => Lookup::Absent,
    }
}

/// The status and the address of the answer.
fn outcome(message: &[u8]) -> Option<(u8, Option<[u8; 4]>)> {
    let reply = answer(message, only_api)?;
    let address = (reply[7] == 1).then(|| *reply.last_chunk().unwrap());
    Some((reply[3] & 0x0f, address))
}

#[test]
fn a_granted_name_is_answered_in_the_words_of_the_question() {
    let reply = answer(&asked(), only_api).unwrap();
    let mut expected = b"\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00".to_vec();
    expected.extend(&asked()[12..]);
    expected.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x47\x00\x01");
    assert_eq!(reply, expected);
}

#[test]
fn one_thing_different_is_one_thing_else_in_the_answer() {
    type Row = (&'static str, fn(&mut Vec<u8>), Option<(u8, Option<[u8; 4]>)>);
    let found = Some((0, Some(ADDRESS.octets())));
    let rows: [Row; 22] = [
        ("nothing", |_| (), found),
        ("other case", |m| m[13..16].copy_from_slice(b"ApI"), found),
        ("with OPT", |m| (m[11] = 1, m.extend(OPT)).1, found),
        ("no recursion", |m| m[2] = 0, found),
        ("AAAA", |m| m[30] = 28, Some((0, None))),
        ("HTTPS", |m| m[30] = 65, Some((0, None))),
        ("another name", |m| m[13] = b'x', Some((3, None))),
        ("a name that is none of a host", |m| m[13] = b' ', Some((3, None))),
        ("a dot in a label", |m| m[14] = b'.', Some((3, None))),
        ("PTR", |m| m[30] = 12, Some((3, None))),
        ("the root", |m| (m.drain(12..28), ()).1, Some((3, None))),
        ("no more names", |m| (m.splice(12..16, *b"\x04full"), ()).1, Some((2, None))),
        ("another class", |m| m[32] = 3, Some((5, None))),
        ("an update", |m| m[2] = 5 << 3, Some((4, None))),
        ("no question", |m| m[5] = 0, Some((1, None))),
        ("two questions", |m| m[5] = 2, Some((1, None))),
        ("an answer in it", |m| m[7] = 1, Some((1, None))),
        ("OPT announced", |m| m[11] = 1, Some((1, None))),
        ("OPT cut off", |m| (m[11] = 1, m.extend(&OPT[..OPT.len() - 1])).1, Some((1, None))),
        ("compressed", |m| (m.splice(12..29, *b"\xc0\x0c"), ()).1, Some((1, None))),
        ("a byte too many", |m| m.push(0), Some((1, None))),
        ("a response", |m| m[2] |= 0x80, None),
    ];
    for (what, change, expected) in rows {
        let mut message = asked();
        change(&mut message);
        assert_eq!(outcome(&message), expected, "{what}");
    }
    for length in 12..asked().len() {
        assert_eq!(outcome(&asked()[..length]), Some((1, None)), "cut to {length}");
    }
    assert_eq!(outcome(&asked()[..11]), None);
}

#[test]
fn a_name_may_have_255_bytes_and_not_one_more() {
    let long = |last: u8| {
        let mut message = asked()[..12].to_vec();
        for length in [63, 63, 63, last] {
            message.push(length);
            message.extend(vec![b'a'; usize::from(length)]);
        }
        message.extend(b"\x00\x00\x01\x00\x01");
        outcome(&message)
    };
    assert_eq!(long(61), Some((3, None)));
    assert_eq!(long(62), Some((1, None)));
}

proptest! {
    #[test]
    fn any_bytes_get_a_short_answer_that_repeats_the_question_or_none(
        mut tail in proptest::collection::vec(any::<u8>(), 0..80),
        is_query in any::<bool>(),
    ) {
        let mut message = asked()[..if is_query { 12 } else { 0 }].to_vec();
        message.append(&mut tail);
        if let Some(reply) = answer(&message, |name| {
            assert!(name.len() < MAX_NAME_BYTES && *name == name.to_lowercase());
            Lookup::Address(ADDRESS)
        }) {
            prop_assert_eq!(&reply[..2], &message[..2]);
            prop_assert!(reply.len() <= message.len() + 16);
            let question = usize::from(reply[5]);
            prop_assert!(question == 0 || reply[12..].starts_with(&message[12..17]));
        }
    }

    #[test]
    fn a_host_name_is_read_as_it_was_written(name in "([a-z0-9_-]{1,20}\\.){1,5}[a-z]{2,8}") {
        let mut message = asked()[..12].to_vec();
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.to_uppercase().bytes());
        }
        message.extend(b"\x00\x00\x01\x00\x01");
        let mut asked_for = None;
        answer(&message, |name| { asked_for = Some(name.to_owned()); Lookup::Absent });
        prop_assert_eq!(asked_for, Some(name));
    }
}
