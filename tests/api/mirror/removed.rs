//! What was taken down, and who has it.

use mcpkg_core::Code;
use mcpkg_core::api::{ReleaseDocument, Removals};

use super::{Stage, configure, index};
use crate::process::Place;
use crate::{NAME, release};
use mcpkg_test_support::sigstore::TestSigstore;

#[test]
fn a_release_that_is_taken_down_is_gone_here_and_at_every_mirror() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let source = place.serve();
    assert_eq!(source.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    assert_eq!(source.http.publish(&release(&sigstore, "1.1.0")).status, 201);
    let far = Place::new(&sigstore);
    let key = place.log_key().verifier().to_string();
    let more = "namespaces = ['*']\nrefresh_seconds = 1";
    configure(&far, ("public", source.http.url(), &key), "online", more);
    let mirror = far.serve();
    mirror.wait_for_log("followed the source");
    let path = format!("/v1/packages/{NAME}/1.0.0");
    let document: ReleaseDocument = mirror.http.get(&format!("/source/public{path}")).json();
    let digest = document.artifacts[0].digest;
    let blob = format!("/v1/blobs/{digest}");
    assert_eq!(mirror.http.get(&format!("/source/public{blob}")).status, 200);
    assert_eq!(source.http.get(&path).status, 200, "it is in the cache of the source, too");

    let reason = "it was built from a stolen account";
    let taken = place.json(&["takedown", NAME, "1.0.0", "--reason", reason]);
    assert_eq!(taken["isNew"], true);
    for (registry, base) in [(&source, ""), (&mirror, "/source/public")] {
        registry.wait_for_log("what was taken down has changed");
        for path in [&path, &blob, &format!("/v1/blobs/{}", document.metadata)] {
            let gone = registry.http.get(&format!("{base}{path}"));
            assert_eq!(gone.outcome(), (410, Some(Code::TakenDown)), "{base}{path}");
            assert!(gone.problem().detail.contains(reason) || path.contains("blobs"), "{gone}");
        }
        let found = index(&registry.http, base);
        assert_eq!(found.releases.len(), 2, "the log has it for ever");
        assert_eq!(found.withheld.len(), 1);
        assert_eq!((found.withheld[0].code, &found.withheld[0].version), {
            (Code::TakenDown, &document.version)
        });
        let other = registry.http.get(&format!("{base}/v1/packages/{NAME}/1.1.0"));
        assert_eq!(other.status, 200, "{other}");
        let list: Removals = registry.http.get(&format!("{base}/v1/removals")).json();
        assert_eq!(list.removals[0].reason, reason);
    }
    let official = format!("/v0.1/servers/{}/versions", NAME.replace('/', "%2F"));
    assert_eq!(source.http.get(&format!("{official}/1.1.0")).status, 200);
    assert_eq!(source.http.get(&format!("{official}/1.0.0")).status, 404);
    let again = place.json(&["takedown", NAME, "1.0.0", "--reason", "twice"]);
    assert_eq!(again["isNew"], false);
    assert!(mirror.terminate().success(), "what was fetched is written");
    assert!(source.terminate().success());

    // It is no entry of the log, and goes along all the same.
    place.json(&["backup", "--to", "copy"]);
    let copied = std::fs::read(place.folder().join("copy/removals.json")).unwrap();
    assert_eq!(copied, std::fs::read(place.data().join("removals.json")).unwrap());
    far.json(&["fsck", "--rebuild"]);

    let fetched = far.json(&["mirror", "fetches", &digest.to_string()]);
    assert_eq!(fetched["fetches"][0]["source"], "public");
    assert_eq!(fetched["fetches"][0]["who"], "127.0.0.1");
    assert_eq!(fetched["fetches"][0]["times"], 1);
}

/// The operator of a mirror stops giving out something of a source that goes on.
#[test]
fn a_mirror_takes_down_what_its_source_still_gives_out() {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let mirror = stage.serve();
    let path = format!("/v1/packages/{NAME}/1.0.0");
    let document: ReleaseDocument = mirror.http.get(&format!("/source/public{path}")).json();
    let blob = format!("/v1/blobs/{}", document.artifacts[0].digest);
    assert_eq!(mirror.http.get(&format!("/source/public{blob}")).status, 200);
    assert!(mirror.terminate().success(), "who fetched it is written");

    let far = Place::new(&stage.sigstore);
    let mirror = stage.place.serve();
    let near = format!("{}/source/public", mirror.http.url());
    let more = "namespaces = ['*']\nrefresh_seconds = 1";
    configure(&far, ("public", &near, &stage.key().to_string()), "online", more);
    let chained = far.serve();
    chained.wait_for_log("followed the source");

    let reason = "legal asked us to";
    let takedown = ["takedown", NAME, "1.0.0", "--source", "public", "--reason", reason];
    let taken = stage.place.json(&takedown);
    assert_eq!((&taken["isNew"], &taken["isHere"]), (&true.into(), &true.into()));
    assert_eq!(taken["fetched"][0]["digest"], document.artifacts[0].digest.to_string());
    assert_eq!(taken["fetched"][0]["fetches"][0]["who"], "127.0.0.1");
    for registry in [&mirror, &chained] {
        registry.wait_for_log("what was taken down has changed");
        for path in [&path, &blob] {
            let gone = registry.http.get(&format!("/source/public{path}"));
            assert_eq!(gone.outcome(), (410, Some(Code::TakenDown)), "{path}");
        }
        let other = registry.http.get(&format!("/source/public/v1/packages/{NAME}/1.1.0"));
        assert_eq!(other.status, 200, "{other}");
        // The log has it for ever, as its source signed it.
        assert_eq!(index(&registry.http, "/source/public").releases.len(), 2);
    }
    assert_eq!(stage.source.http().get(&path).status, 200, "its source goes on");
    assert!(mirror.terminate().success());

    // What the source says of itself does not bring it back.
    stage.sync();
    let mirror = stage.place.serve();
    let gone = mirror.http.get(&format!("/source/public{path}"));
    assert_eq!(gone.outcome(), (410, Some(Code::TakenDown)));
    assert_eq!(stage.place.json(&takedown)["isNew"], false);
    let unknown = ["takedown", NAME, "1.0.0", "--source", "elsewhere", "--reason", reason];
    let said = stage.place.refused(&unknown, 1);
    assert!(said.starts_with("error[E_CONFIG]"), "{said}");
    let typo = ["takedown", NAME, "7.0.0", "--source", "public", "--reason", reason];
    assert_eq!(stage.place.json(&typo)["isHere"], false);
}
