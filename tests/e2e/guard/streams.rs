//! Messages of any size pass, both ways at once, and take no memory.

use std::io::{BufRead as _, Write as _};
use std::thread;

use super::*;

/// A server that repeats what it hears: in its package, since it may start nothing that
/// is not.
fn echo() -> Vec<u8> {
    fs::read("/bin/cat").unwrap()
}

#[test]
fn a_message_of_any_size_passes_byte_for_byte_and_takes_no_memory() {
    let (_fixture, developer) = installed(&echo(), &[]);
    let mut agent = Agent::start(&developer, &["weather"]);
    let mut input = agent.input.take().unwrap();
    let text = "\u{e4}\\u0041x ".repeat(4 << 20);
    let long = format!("{{\"method\":\"notifications/x\",\"params\":{{\"text\":\"{text}\"}}}}\n");
    let deep =
        format!("{{\"method\":\"y\",\"params\":{}{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    let sent = [long.as_str(), &deep, "{ \"method\" : \"z\" }\r\n", "prose\n"].concat();
    let bytes = sent.clone().into_bytes();
    // The echo stops reading when nobody reads the echo, so both happen at once.
    let writer = thread::spawn(move || input.write_all(&bytes).map(|()| input));
    let mut found = String::new();
    for _ in 0..4 {
        agent.output.read_line(&mut found).unwrap();
    }
    assert!(found == sent, "{} bytes of {}", found.len(), sent.len());
    let status = fs::read_to_string(format!("/proc/{}/status", agent.process.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 40_000, "{peak} kB for a message of {} bytes", long.len());
    drop(writer.join().unwrap().unwrap());
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn what_is_no_message_goes_no_further() {
    let (_fixture, developer) = installed(&echo(), &[]);
    let mut agent = Agent::start(&developer, &["weather"]);
    let input = agent.input.as_mut().unwrap();
    // Each is answered by us, so the server never repeats it.
    for line in
        ["{\"method\":\"a\"}{\"method\":\"b\"}", "[{\"method\":\"a\"}]", "{\"method\":\"\0\"}"]
    {
        writeln!(input, "{line}").unwrap();
    }
    for _ in 0..3 {
        let answer = agent.next();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(null), &json!(-32700)));
        assert_eq!(answer["error"]["data"]["code"], "E_MESSAGE");
    }
    agent.end();
}
