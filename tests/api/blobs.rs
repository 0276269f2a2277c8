//! `/v1/blobs/{digest}`

use std::fs;
use std::path::PathBuf;

use mcpkg_core::{Code, Digest};
use mcpkg_test_support::{Draft, Submission, TestRegistry};
use reqwest::Method;

use crate::{NAME, acme, release, start};

/// The length of a chunk, as the server has it.
const CHUNK: usize = 256 * 1024;

fn stored(registry: &TestRegistry, digest: Digest) -> PathBuf {
    let hex = digest.to_hex();
    registry.data_dir().join("blobs/sha256").join(&hex[..2]).join(hex)
}

/// A registry with a release whose artifact has `bytes` and some more.
fn with_artifact(bytes: usize) -> (TestRegistry, Submission) {
    let (sigstore, registry) = start();
    let submission = Draft::new(NAME, "1.0.0").with_bytes(bytes).sign(&sigstore, &acme());
    registry.accept(&submission);
    (registry, submission)
}

#[test]
fn a_blob_may_be_kept_for_ever() {
    let (registry, submission) = with_artifact(3 * CHUNK + 5);
    let (digest, artifact) = (submission.artifact(0), &submission.artifacts[0]);
    let path = format!("/v1/blobs/{digest}");
    let reply = registry.http().get(&path);
    assert_eq!((reply.status, &reply.body), (200, artifact));
    assert_eq!(reply.header("etag"), format!("\"{digest}\""));
    assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("accept-ranges"), "bytes");
    assert_eq!(reply.header("content-length"), artifact.len().to_string());

    let known = registry.http().get_with(&path, &[("if-none-match", reply.header("etag"))]);
    assert_eq!((known.status, known.body.len()), (304, 0));

    let head = registry.http().request(Method::HEAD, &path, &[]).unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), artifact.len().to_string());
}

#[test]
fn a_part_of_a_blob_can_be_had() {
    let (registry, submission) = with_artifact(3 * CHUNK + 5);
    let (digest, artifact) = (submission.artifact(0), &submission.artifacts[0]);
    let (path, len) = (format!("/v1/blobs/{digest}"), artifact.len());
    let tag = format!("\"{digest}\"");
    for (range, expected) in [
        ("bytes=0-0".to_owned(), 0..1),
        (format!("bytes={}-{}", CHUNK - 1, CHUNK), CHUNK - 1..CHUNK + 1),
        (format!("bytes={CHUNK}-"), CHUNK..len),
        ("bytes=-7".to_owned(), len - 7..len),
        (format!("bytes=5-{}", len + 99), 5..len),
    ] {
        let reply = registry.http().get_with(&path, &[("range", &range), ("if-range", &tag)]);
        assert_eq!(reply.status, 206, "{range}");
        let content_range = format!("bytes {}-{}/{len}", expected.start, expected.end - 1);
        assert_eq!(reply.header("content-range"), content_range, "{range}");
        assert_eq!(reply.body, &artifact[expected], "{range}");
    }
    let other = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(registry.http().get_with(&path, &other).status, 200, "a range of another thing");

    let beyond = registry.http().get_with(&path, &[("range", &format!("bytes={len}-"))]);
    assert_eq!(beyond.outcome(), (416, Some(Code::Request)));
    assert_eq!(beyond.header("content-range"), format!("bytes */{len}"));
}

#[test]
fn what_no_release_has_is_not_there() {
    let (registry, _) = with_artifact(0);
    let left_over = Digest::of(b"left over");
    let path = stored(&registry, left_over);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "left over").unwrap();
    for (digest, status, code) in [
        (left_over.to_string(), 404, Code::NotFound),
        (Digest::of(b"").to_string(), 404, Code::NotFound),
        (left_over.to_hex(), 400, Code::Digest),
        (left_over.to_string().to_uppercase(), 400, Code::Digest),
        ("sha256:..%2f..%2fetc%2fpasswd".to_owned(), 400, Code::Digest),
    ] {
        let reply = registry.http().get(&format!("/v1/blobs/{digest}"));
        assert_eq!(reply.outcome(), (status, Some(code)), "{digest}");
    }
}

#[test]
fn a_flipped_byte_is_never_served() {
    let (registry, submission) = with_artifact(3 * CHUNK + 5);
    let (digest, artifact) = (submission.artifact(0), &submission.artifacts[0]);
    let (path, file) = (format!("/v1/blobs/{digest}"), stored(&registry, digest));
    for at in [0, CHUNK - 1, CHUNK, 2 * CHUNK + 7, artifact.len() - 1] {
        let mut damaged = artifact.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let reply = registry.http().get(&path);
        assert_eq!(reply.outcome(), (502, Some(Code::Blob)), "byte {at}");
        assert_eq!(
            reply.problem().detail,
            format!("the stored blob {digest} is damaged: its bytes have changed")
        );
        let part = registry.http().get_with(&path, &[("range", &format!("bytes={at}-{at}"))]);
        assert_eq!(part.outcome(), (502, Some(Code::Blob)), "byte {at} alone");
    }
    // A restored file is served again, without a restart.
    fs::write(&file, artifact).unwrap();
    assert_eq!(registry.http().get(&path).body, *artifact);

    fs::write(&file, &artifact[1..]).unwrap();
    assert_eq!(registry.http().get(&path).outcome(), (502, Some(Code::Blob)), "cut short");
    fs::remove_file(&file).unwrap();
    assert_eq!(registry.http().get(&path).outcome(), (502, Some(Code::Blob)), "gone");

    // And the same release again mends it.
    assert_eq!(registry.publish(&submission).status, 200);
    assert_eq!(registry.http().get(&path).body, *artifact);
}

#[test]
fn damage_far_into_a_large_blob_cuts_the_answer_and_then_is_known() {
    let (registry, submission) = with_artifact(12 << 20);
    let (digest, artifact) = (submission.artifact(0), &submission.artifacts[0]);
    let path = format!("/v1/blobs/{digest}");
    let mut damaged = artifact.clone();
    damaged[10 << 20] ^= 1;
    fs::write(stored(&registry, digest), damaged).unwrap();

    let cut = registry.http().request(Method::GET, &path, &[]);
    let error = cut.expect_err("the answer began, and could not end");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(registry.http().get(&path).outcome(), (502, Some(Code::Blob)));
}

#[test]
fn a_document_with_a_damaged_blob_is_not_served_either() {
    let (sigstore, registry) = start();
    let submission = release(&sigstore, "1.0.0");
    registry.accept(&submission);
    for bytes in [&submission.server_json, &submission.bundles[0]] {
        let file = stored(&registry, Digest::of(bytes));
        let mut damaged = bytes.clone();
        damaged[9] ^= 1;
        fs::write(&file, damaged).unwrap();
        let reply = registry.http().get(&format!("/v1/packages/{NAME}/1.0.0"));
        assert_eq!(reply.outcome(), (502, Some(Code::Blob)));
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(registry.http().get(&format!("/v1/packages/{NAME}/1.0.0")).status, 200);
}
