//! What is written is read as itself; what is read is written in the same bytes;
//! and any bytes at all are survived.

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, Status};
use mcpkg_core::domain::{DomainMethod, DomainProof};
use mcpkg_core::log::{
    BindingChange, Checkpoint, Entry, Hash, IndexNote, IndexedEntry, Level, MAX_TREE_SIZE, Publish,
    Rebuild, Receipt, SignatureLine, SignedNote, SigningKey, StatusChange, Succession, TilePath,
    Tree, VerifierKey, read_bundle, read_tile, write_bundle,
};
use mcpkg_core::publisher::{Identity, Publisher, ReleaseRef, Workflow};
use mcpkg_core::{Digest, PackageName, TreeHasher, Version};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::signers::{ORIGIN, trust};

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![1..1000_u64, 1..=MAX_TREE_SIZE, Just(MAX_TREE_SIZE)]
}

fn tree() -> impl Strategy<Value = Tree> {
    prop_oneof![Just(Tree::empty()), (size(), hash()).prop_map(|(size, root)| Tree { size, root }),]
}

/// The names that keys may have, and not only those that are sensible.
fn key_name() -> impl Strategy<Value = String> {
    "[a-z0-9./:_\u{e4}\u{1f511}-]{1,40}"
}

fn signing_key() -> impl Strategy<Value = SigningKey> {
    (key_name(), any::<[u8; 32]>())
        .prop_map(|(name, seed)| SigningKey::from_seed(&name, seed).unwrap())
}

/// Texts with blank lines, marks of signatures, and characters of all kinds.
fn note_text() -> impl Strategy<Value = String> {
    let line = prop_oneof!["[^\\p{Cc}]{0,30}", Just("\u{2014} a AAAAAAA=".to_owned())];
    vec(line, 1..6).prop_map(|lines| lines.join("\n") + "\n")
}

fn publisher() -> impl Strategy<Value = Publisher> {
    let identity = any::<(String, String)>()
        .prop_map(|(issuer, subject)| Publisher::Identity(Identity { issuer, subject }));
    let workflow = (any::<[String; 5]>(), any::<Option<String>>(), any::<bool>()).prop_map(
        |([issuer, repository, repository_id, owner_id, workflow], environment, is_tag)| {
            let branch = || ReleaseRef::Branch("refs/heads/main".to_owned());
            let git_ref = if is_tag { ReleaseRef::Tags } else { branch() };
            Publisher::Workflow(Workflow {
                issuer,
                repository,
                repository_id,
                owner_id,
                workflow,
                environment,
                git_ref,
            })
        },
    );
    prop_oneof![identity, workflow]
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn artifact() -> impl Strategy<Value = Artifact> {
    // Sizes and indices are JSON numbers, which are exact to 2^53 - 1.
    let platform = select(vec!["any", "darwin-aarch64", "linux-x86_64", "windows-x86_64"]);
    (platform, digest(), 0..MAX_TREE_SIZE).prop_map(|(platform, digest, size_bytes)| {
        let mut tree = TreeHasher::default();
        tree.add("file", digest, false);
        let platform = platform.parse().unwrap();
        Artifact { platform, digest, tree: tree.finish(), size_bytes }
    })
}

fn name() -> impl Strategy<Value = PackageName> {
    select(vec!["acme/weather", "io.github.Acme/Weather", "a.b-c/d_e.f"])
        .prop_map(|name| name.parse().unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    select(vec!["0.0.0", "1.2.3", "10.20.30-rc.1"]).prop_map(|version| version.parse().unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    // The years 0 to 9999.
    (-62_167_219_200..253_402_207_200_i64)
        .prop_map(|time_s| Timestamp::from_second(time_s).unwrap())
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![publish(), status_change(), binding_change(), rebuild()]
}

fn publish() -> impl Strategy<Value = Entry> {
    let before = proptest::option::of(0..MAX_TREE_SIZE);
    let content = (digest(), vec(artifact(), 0..4), vec(digest(), 0..4));
    (name(), version(), content, (publisher(), authority()), before, time()).prop_map(
        |(name, version, content, (publisher, authority), previous, time)| {
            let (metadata, artifacts, evidence) = content;
            Entry::Publish(Publish {
                name,
                version,
                metadata,
                artifacts,
                evidence,
                publisher,
                authority,
                previous,
                time,
            })
        },
    )
}

fn authority() -> impl Strategy<Value = Option<DomainProof>> {
    let method = select(vec![DomainMethod::Dns, DomainMethod::WellKnown]);
    let proof = (any::<String>(), method, any::<String>())
        .prop_map(|(domain, method, record)| DomainProof { domain, method, record });
    proptest::option::of(proof)
}

fn status_change() -> impl Strategy<Value = Entry> {
    let status = select(vec![Status::Active, Status::Deprecated, Status::Yanked]);
    let what = (name(), version(), status, any::<Option<String>>());
    (what, publisher(), digest(), 0..MAX_TREE_SIZE, time()).prop_map(
        |((name, version, status, reason), publisher, evidence, previous, time)| {
            Entry::Status(StatusChange {
                name,
                version,
                status,
                reason,
                publisher,
                evidence,
                previous,
                time,
            })
        },
    )
}

fn binding_change() -> impl Strategy<Value = Entry> {
    let who = ([publisher(), publisher()], authority());
    (name(), who, digest(), 0..MAX_TREE_SIZE, [time(), time()]).prop_map(
        |(name, ([publisher, signer], authority), evidence, previous, [effective, time])| {
            Entry::Binding(BindingChange {
                name,
                publisher,
                authority,
                effective,
                signer,
                evidence,
                previous,
                time,
            })
        },
    )
}

fn rebuild() -> impl Strategy<Value = Entry> {
    let result = select(vec!["identical", "different", "failed"]);
    (name(), version(), result, publisher(), digest(), 0..MAX_TREE_SIZE, time()).prop_map(
        |(name, version, result, rebuilder, evidence, previous, time)| {
            let result = result.parse().unwrap();
            Entry::Rebuild(Rebuild { name, version, result, rebuilder, evidence, previous, time })
        },
    )
}

fn tile_path() -> impl Strategy<Value = TilePath> {
    let level = prop_oneof![Just(Level::Entries), (0..64_u8).prop_map(Level::Hashes)];
    let index = prop_oneof![0..2000_u64, 0..=MAX_TREE_SIZE];
    (level, index, 1..=256_u16).prop_map(|(level, index, width)| TilePath { level, index, width })
}

/// Bytes, text, and text that is nearly one of ours.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec![
        "c2sp.org/tlog-proof@v1\n",
        "mcpkg.dev/index@v1\n",
        "mcpkg.dev/log-succession@v1\n",
        ORIGIN,
        "index ",
        "extra ",
        "\n",
        "\n\n",
        "0",
        "9007199254740993",
        "\u{2014} ",
        "AAAAAAA=",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "PRIVATE+KEY+",
        "+",
        "/",
        "x001",
        ".p/",
        "{\"kind\":\"publish\"}",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..200),
        any::<String>().prop_map(String::into_bytes),
        vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_signed_note_is_read_as_written(
        text in note_text(), keys in vec(signing_key(), 1..4), time_s in any::<u64>(),
    ) {
        let mut note = SignedNote::new(text.clone(), Vec::new());
        for key in &keys {
            note.add(key.sign(&text));
            note.add(key.cosign(&text, time_s));
        }
        let read = SignedNote::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&read, &note);
        for line in read.signatures() {
            prop_assert_eq!(&line.to_string().parse::<SignatureLine>().unwrap(), line);
        }
        let verified = read.verify(&[&keys[0].verifier(), &keys[0].verifier().as_cosigner()]);
        let times: Vec<_> = verified.unwrap().into_iter().map(|it| it.time_s).collect();
        prop_assert_eq!(times, [None, Some(time_s)]);
    }

    #[test]
    fn a_key_is_read_as_written(key in signing_key()) {
        let again: SigningKey = key.to_text().parse().unwrap();
        prop_assert_eq!(again.to_text(), key.to_text());
        for verifier in [key.verifier(), key.verifier().as_cosigner()] {
            prop_assert_eq!(verifier.to_string().parse::<VerifierKey>().unwrap(), verifier);
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_written(origin in key_name(), tree in tree()) {
        let checkpoint = Checkpoint { origin, tree };
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()).unwrap(), checkpoint);
    }

    #[test]
    fn a_receipt_is_read_as_written(
        index in any::<u64>(), proof in vec(hash(), 0..=64), checkpoint in any::<String>(),
    ) {
        let receipt = Receipt { index, proof, checkpoint };
        prop_assert_eq!(receipt.to_string().parse::<Receipt>().unwrap(), receipt);
    }

    #[test]
    fn an_index_is_read_as_written(
        origin in key_name(), root in hash(), entries in btree_set(0..5000_u64, 0..50),
    ) {
        let name = "acme/weather".parse().unwrap();
        let tree = Tree { size: 5000, root };
        let kinds = ["publish 1.2.3", "status 1.2.3-rc.1 deprecated", "binding", "rebuild 0.0.0 identical"];
        let line = |(at, index): (usize, u64)| format!("{index} {}", kinds[at % 4]).parse().unwrap();
        let entries: Vec<IndexedEntry> = entries.into_iter().enumerate().map(line).collect();
        let index = IndexNote { origin, name, tree, entries };
        prop_assert_eq!(IndexNote::parse(&index.to_text()).unwrap(), index);
    }

    #[test]
    fn the_reference_of_a_publisher_names_it(publisher in publisher()) {
        let reference = publisher.reference();
        prop_assert!(!reference.contains(char::is_whitespace), "{}", reference);
        prop_assert_eq!(Publisher::from_reference(&reference).unwrap(), publisher);
    }

    #[test]
    fn a_succession_is_read_as_written(
        from in signing_key(), to in signing_key(), last in tree(),
    ) {
        let note = Succession::sign(&from, &to, last).to_string();
        let succession = Succession { from: from.verifier(), last, to: to.verifier() };
        prop_assert_eq!(&Succession::verify(&note).unwrap(), &succession);
        prop_assert_eq!(Succession::parse(&succession.to_text()).unwrap(), succession);
    }

    #[test]
    fn the_path_of_a_tile_is_read_as_written(path in tile_path()) {
        prop_assert_eq!(path.to_string().parse::<TilePath>().unwrap(), path);
    }

    #[test]
    fn a_bundle_is_read_as_written(entries in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let bundle = write_bundle(&entries).unwrap();
        prop_assert_eq!(read_bundle(&bundle).unwrap(), entries);
    }

    #[test]
    fn an_entry_is_read_as_written(entry in entry()) {
        let leaf = entry.leaf().unwrap();
        prop_assert_eq!(Entry::parse(&leaf).unwrap(), entry);
    }

    /// Nothing panics, and what is read is what would have been written.
    #[test]
    fn any_bytes_are_survived(bytes in anything()) {
        if let Ok(note) = SignedNote::parse(&bytes) {
            prop_assert_eq!(&note.to_string().into_bytes(), &bytes);
        }
        if let Ok(entries) = read_bundle(&bytes) {
            prop_assert_eq!(&write_bundle(entries).unwrap(), &bytes);
        }
        if let Ok(entry) = Entry::parse(&bytes) {
            prop_assert_eq!(&entry.leaf().unwrap(), &bytes);
        }
        let path: TilePath = "0/000.p/3".parse().unwrap();
        if let Ok(hashes) = read_tile(&path, &bytes) {
            prop_assert_eq!(hashes.iter().flat_map(|it| *it.as_bytes()).collect::<Vec<_>>(), bytes);
        } else if let Ok(text) = std::str::from_utf8(&bytes) {
            any_text_is_survived(text)?;
        }
    }
}

fn any_text_is_survived(text: &str) -> Result<(), TestCaseError> {
    if let Ok(path) = text.parse::<TilePath>() {
        prop_assert_eq!(path.to_string(), text);
    }
    if let Ok(hash) = text.parse::<Hash>() {
        prop_assert_eq!(hash.to_string(), text);
    }
    if let Ok(line) = text.parse::<SignatureLine>() {
        prop_assert_eq!(line.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        prop_assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = text.parse::<SigningKey>() {
        prop_assert_eq!(key.to_text(), text);
    }
    if let Ok(index) = IndexNote::parse(text) {
        prop_assert_eq!(index.to_text(), text);
    }
    if let Ok(succession) = Succession::parse(text) {
        prop_assert_eq!(succession.to_text(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        // Extension lines are dropped.
        prop_assert!(text.starts_with(&checkpoint.to_text()));
    }
    if let Ok(receipt) = text.parse::<Receipt>() {
        let written = receipt.to_string();
        prop_assert!(written == text || text.contains("\nextra "));
        prop_assert_eq!(written.parse::<Receipt>().unwrap(), receipt);
    }
    prop_assert!(trust().verify_checkpoint(text).is_err());
    prop_assert!(IndexNote::verify(text, &trust()).is_err());
    prop_assert!(Succession::verify(text).is_err());
    Ok(())
}
