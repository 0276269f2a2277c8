//! A stream of events, cut anywhere: it is the same events as in one piece, and none is
//! longer than it may be.
//!
//! The first byte says how long the pieces are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::event_stream::{Event, EventStream, TooLong};

const MAX: usize = 4096;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Result<Vec<Event>, TooLong>, EventStream) {
    let mut stream = EventStream::new(MAX);
    let mut events = Vec::new();
    for piece in pieces {
        match stream.feed(piece) {
            Ok(found) => events.extend(found),
            Err(error) => return (Err(error), stream),
        }
    }
    (Ok(events), stream)
}

fn check(data: &[u8]) {
    let Some((length, text)) = data.split_first() else { return };
    let (whole, one) = read(std::iter::once(text));
    let (pieces, other) = read(text.chunks(usize::from(*length).max(1)));
    // Where it is cut short, it may be so a piece earlier or later.
    if let (Ok(whole), Ok(pieces)) = (&whole, &pieces) {
        assert_eq!(whole, pieces);
        assert_eq!((one.last_id(), one.retry()), (other.last_id(), other.retry()));
        assert!(whole.iter().all(|event| event.data.len() <= MAX));
    }
}

fuzz_target!(|data: &[u8]| check(data));
