//! `/v1/log/…`, and what index and release say of the log.

use mcpkg_core::Code;
use mcpkg_core::api::{LogDocument, PackageIndex, ReleaseDocument};
use mcpkg_core::log::{
    Entry, Frontier, Hash, IndexNote, LogTrust, Receipt, Tree, read_bundle, verify_consistency,
};
use mcpkg_test_support::{Draft, Http};

use crate::{NAME, acme, acme_news, release, start};

fn trust(http: &Http) -> LogTrust {
    LogTrust::new(http.get("/v1/log").json::<LogDocument>().key)
}

fn checkpoint(http: &Http) -> Tree {
    let reply = http.get("/v1/log/checkpoint");
    assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
    let note = String::from_utf8(reply.body).unwrap();
    let signed = trust(http).verify_checkpoint(&note).unwrap();
    assert!(signed.signed_at().is_some(), "the log says when it signed");
    signed.tree()
}

#[test]
fn a_publish_is_answered_with_the_receipt_of_what_was_published() {
    let (sigstore, registry) = start();
    let http = registry.http();
    let trust = trust(http);
    assert_eq!(checkpoint(http), Tree::empty());
    let submission = release(&sigstore, "1.0.0");
    let document: ReleaseDocument = registry.accept(&submission).json();

    let receipt: Receipt = document.log.receipt.parse().unwrap();
    let leaf = document.log.entry.get().as_bytes();
    let signed = receipt.verify(leaf, &trust).unwrap();
    assert_eq!((receipt.index, signed.tree()), (0, checkpoint(http)));
    let Ok(Entry::Publish(entry)) = Entry::parse(leaf) else { panic!("it was published") };
    assert_eq!(entry.name, document.name);
    assert_eq!(entry.version, document.version);
    assert_eq!(entry.metadata, document.metadata);
    assert_eq!(entry.artifacts, document.artifacts);
    assert_eq!(entry.evidence, [document.evidence[0].digest]);
    assert_eq!(entry.publisher, document.publisher);
    assert_eq!((entry.previous, entry.time), (None, document.published_at));

    // The same again: the same receipt, and no entry.
    let again = registry.publish(&submission);
    assert_eq!(again.status, 200);
    assert_eq!(again.json::<ReleaseDocument>().log.receipt, document.log.receipt);
    assert_eq!(checkpoint(http).size, 1);

    // Another release of the package names the one before.
    registry.accept(&Draft::new("io.github.acme/news", "1.0.0").sign(&sigstore, &acme_news()));
    let second: ReleaseDocument = registry.accept(&release(&sigstore, "2.0.0")).json();
    let entry = Entry::parse(second.log.entry.get().as_bytes()).unwrap();
    assert_eq!(entry.previous(), Some(0));
    // And what was given out stays as it is.
    let first: ReleaseDocument = http.get(&format!("/v1/packages/{NAME}/1.0.0")).json();
    assert_eq!(first.log.receipt, document.log.receipt);
}

#[test]
fn an_index_is_signed_at_the_newest_tree_and_lists_every_entry() {
    let (sigstore, registry) = start();
    let http = registry.http();
    let trust = trust(http);
    let index = |query: &str| -> PackageIndex {
        let reply = http.get(&format!("/v1/packages/{NAME}{query}"));
        assert_eq!(reply.status, 200, "{reply}");
        reply.json()
    };
    registry.accept(&release(&sigstore, "1.0.0"));
    let before = index("");
    registry.accept(&Draft::new("io.github.acme/news", "1.0.0").sign(&sigstore, &acme_news()));
    registry.accept(&release(&sigstore, "1.1.0"));
    registry.accept(&Draft::new("io.github.acme/news", "1.1.0").sign(&sigstore, &acme_news()));
    let listed = ["0 publish 1.0.0", "2 publish 1.1.0"];
    for (query, seen) in
        [("", None), ("?seen=0", Some(0)), ("?seen=1", Some(1)), ("?seen=4", Some(4))]
    {
        let index = index(query);
        let note = IndexNote::verify(&index.log.index, &trust).unwrap();
        let signed = trust.verify_checkpoint(&index.log.checkpoint).unwrap();
        assert_eq!(note.tree, signed.tree());
        let lines: Vec<_> = note.entries.iter().map(ToString::to_string).collect();
        assert_eq!((note.tree, lines), (checkpoint(http), listed.map(str::to_owned).to_vec()));
        let lines: Vec<u64> = index.releases.iter().map(|line| line.entry).collect();
        assert_eq!(lines, [2, 0]);
        assert_eq!(index.log.consistency.is_some(), seen.is_some(), "{query}");
    }
    let old = trust.verify_checkpoint(&before.log.checkpoint).unwrap().tree();
    let proof = index("?seen=1").log.consistency.unwrap();
    verify_consistency(&old, &checkpoint(http), &proof).unwrap();
    // Nothing is proved of a tree that is not there.
    assert_eq!(index("?seen=5").log.consistency, None);
    for query in ["?seen=-1", "?seen=x", "?seen=1&seen=1", "?sen=1"] {
        let reply = http.get(&format!("/v1/packages/{NAME}{query}"));
        assert_eq!(reply.outcome(), (400, Some(Code::Request)), "{query}: {reply}");
    }
    // A release, with the proof that leads from its receipt to what was accepted.
    let document: ReleaseDocument = http.get(&format!("/v1/packages/{NAME}/1.0.0?at=4")).json();
    let receipt: Receipt = document.log.receipt.parse().unwrap();
    let signed = receipt.verify(document.log.entry.get().as_bytes(), &trust).unwrap();
    let proof = document.log.consistency.unwrap();
    verify_consistency(&signed.tree(), &checkpoint(http), &proof).unwrap();
}

#[test]
fn a_document_with_a_proof_has_a_tag_of_its_own() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let address = format!("/v1/packages/{NAME}");
    let plain = registry.http().get(&address);
    let proved = registry.http().get(&format!("{address}?seen=0"));
    assert_ne!(plain.headers["etag"], proved.headers["etag"]);
    let known = [("if-none-match", plain.headers["etag"].to_str().unwrap())];
    assert_eq!(registry.http().get_with(&address, &known).status, 304);
    // Another package's release is another tree, and another index.
    registry.accept(&Draft::new("io.github.acme/news", "1.0.0").sign(&sigstore, &acme_news()));
    assert_eq!(registry.http().get_with(&address, &known).status, 200);
}

#[test]
fn the_log_is_static_files_from_which_the_root_is_computed() {
    let (sigstore, registry) = start();
    let http = registry.http();
    let mut widths = Vec::new();
    for minor in 0..3 {
        registry.accept(&release(&sigstore, &format!("1.{minor}.0")));
        widths.push(http.get(&format!("/v1/log/tile/entries/000.p/{}", minor + 1)).body);
    }
    let entries = http.get("/v1/log/tile/entries/000.p/3");
    assert_eq!(entries.headers["content-type"], "application/octet-stream");
    assert_eq!(entries.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(http.get("/v1/log/entries/000.p/3").body, entries.body);
    let mut frontier = Frontier::new();
    let mut hashes: Vec<u8> = Vec::new();
    for leaf in read_bundle(&entries.body).unwrap() {
        frontier.push(Hash::leaf(leaf));
        hashes.extend(Hash::leaf(leaf).as_bytes());
    }
    assert_eq!(frontier.tree(), checkpoint(http));
    assert_eq!(http.get("/v1/log/tile/0/000.p/3").body, hashes);
    // What was narrower is still there, as every tree that was signed needs it.
    for (width, bytes) in (1..).zip(&widths) {
        let path = format!("/v1/log/tile/entries/000.p/{width}");
        assert_eq!(http.get(&path).body, *bytes, "{width}");
    }
    assert_eq!(http.get("/v1/log/tile/0/000.p/2").body, hashes[..64]);
    for missing in [
        "tile/0/000",
        "tile/0/000.p/4",
        "tile/0/001",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/00/000",
        "tile/8/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/..%2f..%2fregistry.sqlite3",
        "entries/001",
        "checkpoints/001",
        "checkpoints/000.p/3",
        "checkpoints/..%2fcheckpoint",
        "successions",
    ] {
        let reply = http.get(&format!("/v1/log/{missing}"));
        assert_eq!(reply.outcome(), (404, Some(Code::NotFound)), "{missing}: {reply}");
    }
}

#[test]
fn concurrent_publishes_get_a_receipt_each_and_one_log() {
    let (sigstore, registry) = start();
    let submissions: Vec<_> = (0..24)
        .map(|n| match n % 2 {
            0 => Draft::new(NAME, &format!("1.{n}.0")).sign(&sigstore, &acme()),
            _ => {
                Draft::new("io.github.acme/news", &format!("1.{n}.0")).sign(&sigstore, &acme_news())
            }
        })
        .collect();
    let http = registry.http();
    let replies: Vec<ReleaseDocument> = std::thread::scope(|scope| {
        let publishing: Vec<_> =
            submissions.iter().map(|it| scope.spawn(|| http.publish(it))).collect();
        publishing.into_iter().map(|it| it.join().unwrap().json()).collect()
    });
    let trust = trust(http);
    let mut indices = Vec::new();
    let mut sizes = std::collections::BTreeMap::new();
    for document in &replies {
        let receipt: Receipt = document.log.receipt.parse().unwrap();
        let tree = receipt.verify(document.log.entry.get().as_bytes(), &trust).unwrap().tree();
        assert_eq!(*sizes.entry(tree.size).or_insert(tree.root), tree.root, "one root per size");
        indices.push(receipt.index);
    }
    indices.sort_unstable();
    assert_eq!(indices, (0..24).collect::<Vec<u64>>());
    assert_eq!(checkpoint(http).size, 24);
}

#[test]
fn a_tile_that_rotted_proves_nothing_and_is_not_passed_on() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let path = registry.data_dir().join("log/tile/entries/000.p/1");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let reply = registry.http().get(&format!("/v1/packages/{NAME}/1.0.0"));
    assert_eq!(reply.outcome(), (502, Some(Code::LogTile)), "{reply}");
}

#[test]
fn go_reads_the_log_of_a_registry() {
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/interop/log");
    let go =
        |args: &[&str]| std::process::Command::new("go").args(args).current_dir(module).output();
    match go(&["mod", "download"]) {
        Ok(download) if download.status.success() => (),
        _ => {
            eprintln!("skipped: there is no Go, or its module cannot be had");
            return;
        }
    }
    let (sigstore, registry) = start();
    for minor in 0..5 {
        registry.accept(&release(&sigstore, &format!("1.{minor}.0")));
    }
    let (folder, key) =
        (registry.data_dir().join("log"), registry.log_key().verifier().to_string());
    let read = || go(&["run", ".", folder.to_str().unwrap(), &key]).unwrap();
    let output = read();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // And it would have noticed.
    let bundle = folder.join("tile/entries/000.p/5");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[40] ^= 1;
    std::fs::write(bundle, bytes).unwrap();
    assert!(!read().status.success());
}
