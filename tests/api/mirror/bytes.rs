//! Bytes that are fetched when somebody asks for them.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::{Code, Digest};
use mcpkg_test_support::{Http, LyingRegistry};

use super::{Stage, configure};
use crate::NAME;
use crate::process::Place;

/// The artifact of the one release.
fn artifact(stage: &Stage) -> Digest {
    let document = stage.source.http().get(&format!("/v1/packages/{NAME}/1.0.0"));
    document.json::<ReleaseDocument>().artifacts[0].digest
}

#[test]
fn fifty_requests_for_one_artifact_make_one_to_the_source() {
    let stage = Stage::new();
    let wire = LyingRegistry::start(stage.source.url(), |_, answer| answer);
    stage.point_to(wire.url());
    let mirror = stage.serve();
    let path = format!("/source/public/v1/blobs/{}", artifact(&stage));
    let clients: Vec<Http> = (0..50).map(|_| Http::new(mirror.http.url())).collect();
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = clients.iter().map(|http| scope.spawn(|| http.get(&path))).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    for reply in bodies {
        assert_eq!((reply.status, Digest::of(&reply.body)), (200, artifact(&stage)), "{reply}");
    }
    let asked = wire.heard().iter().filter(|it| it.target.starts_with("/v1/blobs/")).count();
    assert_eq!(asked, 1);
}

#[test]
fn what_is_not_the_artifact_is_served_to_nobody_and_not_kept() {
    type Lie = fn(Vec<u8>) -> Vec<u8>;
    let rows: [(&str, u16, Code, Lie); 4] = [
        ("one byte", 502, Code::Digest, |mut body| {
            body[10] ^= 1;
            body
        }),
        ("cut short", 502, Code::Digest, |body| body[..body.len() - 1].to_vec()),
        ("too long", 502, Code::Limit, |body| [body, b"x".to_vec()].concat()),
        ("nothing", 502, Code::Digest, |_| Vec::new()),
    ];
    for (what, status, code, lie) in rows {
        let stage = Stage::new();
        let is_lying = Arc::new(AtomicBool::new(true));
        let lies = Arc::clone(&is_lying);
        let liar = LyingRegistry::start(stage.source.url(), move |path, mut answer| {
            if path.starts_with("/v1/blobs/") && lies.load(Ordering::SeqCst) {
                answer.body = lie(answer.body);
            }
            answer
        });
        stage.point_to(liar.url());
        let mirror = stage.serve();
        let path = format!("/source/public/v1/blobs/{}", artifact(&stage));
        assert_eq!(mirror.http.get(&path).outcome(), (status, Some(code)), "{what}");
        let staged = fs::read_dir(stage.place.data().join("staging")).unwrap().count();
        assert_eq!(staged, 0, "{what}: nothing is left of it");
        // A failure is not remembered.
        is_lying.store(false, Ordering::SeqCst);
        assert_eq!(mirror.http.get(&path).status, 200, "{what}");
    }
}

#[test]
fn a_stored_byte_that_flipped_is_never_served_and_fsck_names_it() {
    let stage = Stage::new();
    let mirror = stage.serve();
    let digest = artifact(&stage);
    let path = format!("/source/public/v1/blobs/{digest}");
    assert_eq!(mirror.http.get(&path).status, 200);
    assert_eq!(stage.place.fsck().code, Some(0));

    let hex = digest.to_hex();
    let stored = stage.place.data().join("blobs/sha256").join(&hex[..2]).join(&hex);
    let mut file = fs::File::options().write(true).open(stored).unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    file.write_all(&[0xff]).unwrap();
    assert_eq!(mirror.http.get(&path).outcome(), (502, Some(Code::Blob)));
    let fsck = stage.place.fsck();
    assert_eq!(fsck.code, Some(3));
    assert!(fsck.report["findings"].to_string().contains(&hex), "{fsck:?}");
}

#[test]
fn what_no_entry_of_the_log_names_is_not_asked_for() {
    let stage = Stage::new();
    let wire = LyingRegistry::start(stage.source.url(), |_, answer| answer);
    stage.point_to(wire.url());
    let mirror = stage.serve();
    let other = Digest::of(b"anything");
    let reply = mirror.http.get(&format!("/source/public/v1/blobs/{other}"));
    assert_eq!(reply.outcome(), (404, Some(Code::NotFound)));
    assert!(!wire.heard().iter().any(|it| it.target.contains(&other.to_hex())));
}

#[test]
fn what_nobody_has_asked_for_is_fetched_ahead_where_that_is_wanted() {
    let stage = Stage::new();
    let digest = artifact(&stage);
    let hex = digest.to_hex();
    for (more, is_there) in [("", false), ("prefetch = true", true)] {
        let place = Place::new(&stage.sigstore);
        let key = stage.key().to_string();
        let more = format!("namespaces = ['*']\n{more}");
        configure(&place, ("public", stage.source.url(), &key), "fallback", &more);
        place.json(&["mirror", "sync"]);
        let stored = place.data().join("blobs/sha256").join(&hex[..2]).join(&hex);
        assert_eq!(stored.is_file(), is_there, "{more}");
    }
}
