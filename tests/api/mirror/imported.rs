//! A source that was carried over in a folder.

use std::fs;
use std::path::Path;

use mcpkg_core::Code;
use mcpkg_core::api::ReleaseDocument;

use super::{Stage, index};
use crate::{NAME, release};

/// Writes what a folder of the source has, at the addresses of the source.
fn carry(stage: &Stage, folder: &Path) -> ReleaseDocument {
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let copy = |path: &str| {
        let reply = stage.source.http().get(&format!("/{path}"));
        assert_eq!(reply.status, 200, "{reply}");
        write(path, &reply.body);
        reply
    };
    let size = index(stage.source.http(), "").log.checkpoint;
    let size = size.lines().nth(1).unwrap();
    // In a folder, `v1/log` is a folder.
    write("v1/log.json", &stage.source.http().get("/v1/log").body);
    copy("v1/log/checkpoint");
    copy("v1/log/checkpoints/000");
    copy(&format!("v1/log/tile/entries/000.p/{size}"));
    let found = index(stage.source.http(), "");
    write(&format!("v1/log/indexes/{NAME}"), found.log.index.as_bytes());
    let mut last = None;
    for line in &found.releases {
        let reply = copy(&format!("v1/packages/{NAME}/{}", line.version));
        let document: ReleaseDocument = reply.json();
        copy(&format!("v1/blobs/{}", document.artifacts[0].digest));
        last = Some(document);
    }
    last.unwrap()
}

#[test]
fn a_machine_without_a_network_has_all_of_it() {
    let stage = Stage::with("offline");
    let folder = stage.place.folder().join("carried");
    let document = carry(&stage, &folder);
    let import = ["import", folder.to_str().unwrap(), "--source", "public"];
    let imported = stage.place.json(&import);
    assert_eq!(imported["sources"][0]["entries"], 1);
    let mirror = stage.place.serve();
    for path in [
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}/1.0.0"),
        format!("/v1/blobs/{}", document.artifacts[0].digest),
        "/v1/log/checkpoint".to_owned(),
    ] {
        let honest = stage.source.http().get(&path);
        assert_eq!(mirror.http.get(&format!("/source/public{path}")).body, honest.body, "{path}");
    }
    assert!(mirror.terminate().success());

    // What is new is carried over another time.
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    carry(&stage, &folder);
    assert_eq!(stage.place.json(&import)["sources"][0]["entries"], 2);
}

#[test]
fn a_folder_in_which_a_byte_was_changed_is_refused() {
    for (path, code) in [
        ("v1/log/tile/entries/000.p/1", Code::LogTile),
        ("v1/log/checkpoint", Code::Note),
        ("v1/log/checkpoints/000", Code::Registry),
        ("v1/log/indexes/io.github.acme/weather", Code::Note),
    ] {
        let stage = Stage::with("offline");
        let folder = stage.place.folder().join("carried");
        carry(&stage, &folder);
        let mut bytes = fs::read(folder.join(path)).unwrap();
        let at = if path.ends_with("checkpoints/000") { 1 } else { bytes.len() - 10 };
        bytes[at] ^= 1;
        fs::write(folder.join(path), bytes).unwrap();
        let import = ["import", folder.to_str().unwrap(), "--source", "public"];
        let said = stage.place.refused(&import, 3);
        assert!(said.starts_with(&format!("error[{code}]")), "{path}: {said}");
    }
}

#[test]
fn bytes_that_are_not_the_artifact_or_not_there_are_served_to_nobody() {
    let stage = Stage::with("offline");
    let folder = stage.place.folder().join("carried");
    let document = carry(&stage, &folder);
    let digest = document.artifacts[0].digest;
    let blob = folder.join(format!("v1/blobs/{digest}"));
    let mut bytes = fs::read(&blob).unwrap();
    bytes[3] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let import = ["import", folder.to_str().unwrap(), "--source", "public"];
    stage.place.json(&import);
    let mirror = stage.place.serve();
    let reply = mirror.http.get(&format!("/source/public/v1/blobs/{digest}"));
    assert_eq!(reply.outcome(), (503, Some(Code::Unavailable)));
}

#[test]
fn a_link_in_a_folder_leads_nowhere() {
    let stage = Stage::with("offline");
    let folder = stage.place.folder().join("carried");
    carry(&stage, &folder);
    let checkpoint = folder.join("v1/log/checkpoint");
    fs::rename(&checkpoint, folder.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.join("elsewhere"), &checkpoint).unwrap();
    let import = ["import", folder.to_str().unwrap(), "--source", "public"];
    let said = stage.place.refused(&import, 3);
    assert!(said.starts_with("error[E_REGISTRY]"), "{said}");
}
