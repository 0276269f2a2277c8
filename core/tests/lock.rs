//! A lock of any content is written, and read back as itself.

#![expect(clippy::disallowed_methods, reason = "the tests read files; the crate does not")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::domain::{DomainMethod, DomainProof};
use mcpkg_core::lock::{
    AgentLink, ConfigText, Lock, LockedArtifact, LockedLog, LockedServer, SecretReference,
};
use mcpkg_core::publisher::{Identity, Publisher, ReleaseRef, Workflow};
use mcpkg_core::surface::{Surface, ToolRules};
use mcpkg_core::{Digest, Platform, TreeHasher};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

// Any text at all: quotes, line ends, brackets and what TOML has to escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec!["\r\n", "'''", "\"\"\"", "[[server]]", "<<<<<<< ours", "=======\n", "\u{7f}"])
            .prop_map(str::to_owned),
        Just("a\n<<<<<<< b\n=======\n>>>>>>> c\n".to_owned()),
    ]
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn publisher() -> impl Strategy<Value = Publisher> {
    let workflow = (text(), text(), proptest::option::of(text()), any::<bool>()).prop_map(
        |(issuer, workflow, environment, is_tag)| {
            let branch = || ReleaseRef::Branch("refs/heads/main".to_owned());
            Publisher::Workflow(Workflow {
                issuer,
                repository: "https://github.com/acme/weather".to_owned(),
                repository_id: "1".to_owned(),
                owner_id: "2".to_owned(),
                workflow,
                environment,
                git_ref: if is_tag { ReleaseRef::Tags } else { branch() },
            })
        },
    );
    let identity = (text(), text())
        .prop_map(|(issuer, subject)| Publisher::Identity(Identity { issuer, subject }));
    prop_oneof![workflow, identity]
}

fn artifacts() -> impl Strategy<Value = Vec<LockedArtifact>> {
    let platforms = ["any", "linux-x86_64", "darwin-aarch64", "windows-x86_64"];
    let platforms = platforms.map(|name| name.parse::<Platform>().unwrap()).to_vec();
    // TOML's integers have 63 bits, and no artifact is that long.
    let artifact = (digest(), 0..=i64::MAX as u64);
    (subsequence(platforms, 0..=4), vec(artifact, 4)).prop_map(|(platforms, artifacts)| {
        let locked = |(platform, (digest, size_bytes))| {
            let mut tree = TreeHasher::default();
            tree.add("manifest.json", digest, false);
            LockedArtifact { platform, digest, tree: tree.finish(), size_bytes }
        };
        platforms.into_iter().zip(artifacts).map(locked).collect()
    })
}

fn log() -> impl Strategy<Value = LockedLog> {
    let index = || 0..=i64::MAX as u64;
    let record = proptest::option::of((text(), text()));
    (index(), proptest::option::of(index()), 0..1_000_000_000_000_i64, text(), record).prop_map(
        |(entry, previous, second, receipt, record)| LockedLog {
            entry,
            previous,
            time: Timestamp::from_second(second % 10_000_000_000).unwrap(),
            receipt,
            authority: record.map(|(domain, record)| DomainProof {
                domain,
                method: DomainMethod::Dns,
                record,
            }),
        },
    )
}

fn secret() -> impl Strategy<Value = SecretReference> {
    let program = "[ -.:-Z\\^-~é]{1,8}";
    let commands = (program, vec("[ -~é]{0,8}", 0..3)).prop_map(|(program, words)| {
        SecretReference::Command(std::iter::once(program).chain(words).collect())
    });
    let others = ["env:TOKEN", "store:a/x/key", "file:/etc/a b", "op://a/b c/d"];
    prop_oneof![commands, select(others.to_vec()).prop_map(|text| text.parse().unwrap())]
}

// A name that TOML writes in quotes, or that looks like more than one key.
fn tool() -> impl Strategy<Value = String> {
    select(vec!["forecast", "a.b", "get weather", "\"", "'", "#", "[x]"]).prop_map(str::to_owned)
}

fn tools() -> impl Strategy<Value = ToolRules> {
    (btree_set(text(), 0..2), btree_set(tool(), 0..3), btree_set(tool(), 0..3))
        .prop_map(|(allow, ask, deny)| ToolRules { allow, ask, deny })
}

fn surface() -> impl Strategy<Value = Vec<Surface>> {
    let fields = btree_map(select(vec!["title", "inputSchema", "x y", "_meta"]), digest(), 0..4);
    let reading = (select(vec!["2025-11-25", "2026-07-28"]), btree_map(tool(), fields, 0..3));
    vec(reading, 0..3).prop_map(|readings| {
        let surface = |(protocol, tools)| {
            serde_json::from_value(json!({ "protocols": [protocol], "tools": tools })).unwrap()
        };
        readings.into_iter().map(surface).collect()
    })
}

fn server() -> impl Strategy<Value = LockedServer> {
    let release = (
        select(vec!["a/x", "A/X", "a/y", "b.c/x", "b.c/x_1"]),
        select(vec!["1.0.0", "0.0.0-rc.1"]),
        digest(),
        -1_000_000_000_000..1_000_000_000_000_i64,
        vec(digest(), 0..3),
        publisher(),
        log(),
        artifacts(),
    );
    let value =
        prop_oneof![text().prop_map(ConfigText::One), vec(text(), 0..3).prop_map(ConfigText::Many)];
    let granted = subsequence(vec!["${workspace}", "/etc/a b", "C:/x"], 0..=3);
    let project = proptest::option::of(text());
    let agent = (text(), text(), project).prop_map(|(id, key, project)| -> AgentLink {
        serde_json::from_value(json!({ "id": id, "key": key, "project": project })).unwrap()
    });
    let user = (
        text(),
        proptest::option::of(text()),
        granted,
        btree_map(text(), value, 0..3),
        btree_map(text(), secret(), 0..2),
        vec(agent, 0..3),
    );
    (release, user, tools(), surface()).prop_map(|(release, user, tools, surface)| {
        let (name, version, metadata, millisecond, evidence, publisher, log, artifacts) = release;
        let (registry, commit, read, config, secrets, agents) = user;
        let host = |key: &String| (key.clone(), "api.example.com:443".parse().unwrap());
        let brokered = secrets.keys().take(1).map(host).collect();
        LockedServer {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            registry,
            metadata,
            signed_at: Timestamp::from_millisecond(millisecond).unwrap(),
            commit,
            confinement: None,
            evidence,
            publisher,
            log: Some(log),
            upstream: None,
            elsewhere: None,
            artifacts,
            granted: serde_json::from_value(json!({ "filesystem": { "read": read } })).unwrap(),
            config,
            secrets,
            brokered,
            tools,
            surface,
            agents,
        }
    })
}

proptest! {
    #[test]
    fn a_lock_of_any_content_is_read_back_as_itself(
        servers in vec(server(), 0..4).prop_shuffle(),
    ) {
        let mut lock = Lock::default();
        for server in &servers {
            lock.insert(server.clone());
        }
        let written = lock.to_toml().unwrap();
        let read = Lock::parse(&written).unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.to_toml().unwrap(), written);
    }
}

#[test]
fn the_seeds_of_the_fuzz_target_are_locks() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/lockfile");
    for seed in fs::read_dir(seeds).unwrap() {
        let path = seed.unwrap().path();
        let lock = Lock::parse(&fs::read_to_string(&path).unwrap());
        assert!(lock.is_ok(), "{}: {lock:?}", path.display());
    }
}
