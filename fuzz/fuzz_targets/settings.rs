//! Settings of every agent: whatever the text, an edit adds our one entry and
//! its removal gives the bytes back, or it is refused.
//!
//! The editors are pure and stand alone, so they are built alone: all of the
//! command, with its HTTP client, would only make this slow to build.

#![no_main]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the editors are a part of a library, and are used in part here"
)]
#[path = "../../cli/src/agents/mod.rs"]
mod agents;

use libfuzzer_sys::fuzz_target;

use crate::agents::{ALL, Agent, EditError, Footprint, Launch};

fuzz_target!(|data: &[u8]| {
    // The first byte chooses the agent, so that one corpus serves all of them.
    let Some((first, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let agent = ALL[usize::from(*first) % ALL.len()];
    let launch = Launch {
        command: "/opt/mcpkg".to_owned(),
        args: vec!["run".to_owned(), "io.github.acme/weather".to_owned()],
    };
    link(agent, text, "weather", &launch);
    unlink(agent, text);
});

fn link(agent: &dyn Agent, text: &str, key: &str, launch: &Launch) {
    let linked = match agent.link(text, key, launch) {
        Ok(linked) => linked,
        Err(error) => {
            // Nobody's layout may be a defect of ours.
            assert_ne!(error, EditError::Unfaithful);
            return;
        }
    };
    let entry = agent.entry(key, launch);
    assert_eq!(agent.find(&linked.text, key).unwrap(), Some(entry));
    let again = agent.link(&linked.text, key, launch).unwrap();
    assert_eq!(again.text, linked.text, "linking twice is linking once");

    let Some(footprint) = linked.footprint else { return };
    let before = if footprint == Footprint::Document { "" } else { text };
    let others = agent.entries(before).unwrap();
    let after = agent.unlink(&linked.text, key, footprint).unwrap();
    assert_eq!(after, before, "unlinking gives the file back");
    let mut kept = agent.entries(&linked.text).unwrap();
    kept.retain(|(name, _)| name != key);
    assert_eq!(kept, others, "no other server is touched");
}

/// Removes the first server of somebody else.
fn unlink(agent: &dyn Agent, text: &str) {
    let Ok(entries) = agent.entries(text) else { return };
    let Some((key, _)) = entries.first() else { return };
    for footprint in [Footprint::Entry, Footprint::RootKey, Footprint::Document] {
        let Ok(after) = agent.unlink(text, key, footprint) else { continue };
        let kept = agent.entries(&after).unwrap();
        assert_eq!(kept, entries[1..], "no other server goes");
    }
}
