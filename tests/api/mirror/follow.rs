//! Following a source: all of it, byte for byte, and no more than what is new.

use mcpkg_core::Code;
use mcpkg_core::api::{SourceList, Status};
use mcpkg_test_support::{Basis, Draft, LyingRegistry};

use super::{Stage, configure, files, index, point};
use crate::process::Place;
use crate::{NAME, acme, acme_news, release};

const NEWS: &str = "io.github.acme/news";

/// Yanks a release, as its publisher.
fn yank(stage: &Stage, version: &str) {
    let basis = Basis::of(stage.source.http(), NAME);
    let statement = basis.status(version, Status::Yanked, Some("it loses rain"));
    let bundle = basis.sign(&statement, &stage.sigstore, &acme());
    assert_eq!(stage.source.http().post("/v1/statements", bundle).unwrap().status, 201);
}

#[test]
fn a_source_is_served_again_byte_for_byte() {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    yank(&stage, "1.0.0");
    let mirror = stage.serve();
    let artifact = index(stage.source.http(), "").releases[0].version.clone();
    let document = stage.source.http().get(&format!("/v1/packages/{NAME}/{artifact}"));
    let document: mcpkg_core::api::ReleaseDocument = document.json();
    let blob = |digest| format!("/v1/blobs/{digest}");
    for path in [
        "/v1/log".to_owned(),
        "/v1/log/checkpoint".to_owned(),
        "/v1/log/tile/0/000.p/3".to_owned(),
        "/v1/log/tile/0/000.p/2".to_owned(),
        "/v1/log/tile/entries/000.p/3".to_owned(),
        "/v1/log/entries/000.p/1".to_owned(),
        "/v1/log/checkpoints/000".to_owned(),
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}?seen=1"),
        format!("/v1/packages/{NAME}/1.0.0"),
        format!("/v1/packages/{NAME}/1.1.0?at=3"),
        format!("/v1/packages/{NAME}/1.1.0/evidence"),
        "/v1/search?q=forecasts".to_owned(),
        "/v1/removals".to_owned(),
        blob(document.artifacts[0].digest),
        blob(document.metadata),
        blob(document.evidence[0].digest),
    ] {
        let honest = stage.source.http().get(&path);
        let copied = mirror.http.get(&format!("/source/public{path}"));
        assert_eq!((honest.status, copied.status), (200, 200), "{path}: {copied}");
        assert_eq!(copied.body, honest.body, "{path}");
    }
    assert_eq!(mirror.http.get(&format!("/v1/packages/{NAME}")).status, 404, "it is no own one");
    let sources: SourceList = mirror.http.get("/v1/sources").json();
    let [source] = &sources.sources[..] else { panic!("{sources:?}") };
    assert_eq!((source.name.as_str(), source.tree_size, source.withheld), ("public", 3, 0));
    assert_eq!((&source.log_key, source.problem), (&stage.key(), None));
    assert!(source.followed_at.is_some());
}

#[test]
fn a_sync_costs_what_is_new() {
    let stage = Stage::new();
    let wire = LyingRegistry::start(stage.source.url(), |_, answer| answer);
    stage.point_to(wire.url());
    stage.sync();
    let log = stage.place.data().join("sources/public/log");
    let before = wire.heard().len();
    stage.sync();
    let asked: Vec<_> = wire.heard()[before..].iter().map(|it| it.target.clone()).collect();
    assert_eq!(asked, ["/v1/removals", "/v1/log/checkpoint"], "nothing was new");

    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let before = wire.heard().len();
    stage.sync();
    let mut asked: Vec<_> = wire.heard()[before..].iter().map(|it| it.target.clone()).collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "/v1/log/checkpoint",
            "/v1/log/checkpoints/000",
            "/v1/log/tile/entries/000.p/2",
            "/v1/packages/io.github.acme/weather/1.1.0",
            "/v1/removals",
        ]
    );
    assert!(files(&log) == files(&stage.source.data_dir().join("log")), "the same files");
}

#[test]
fn an_index_is_of_the_tree_that_is_served() {
    let stage = Stage::new();
    let other = Draft::new(NEWS, "1.0.0");
    stage.source.accept(&other.sign(&stage.sigstore, &acme_news()));
    let mirror = stage.serve();
    assert_eq!(index(&mirror.http, "/source/public").releases.len(), 1);

    // The source is at a newer tree when it is asked for another index: its log is
    // followed there, and from then on everything is of that tree.
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let news = mirror.http.get(&format!("/source/public/v1/packages/{NEWS}"));
    let honest = stage.source.http().get(&format!("/v1/packages/{NEWS}"));
    assert_eq!((news.status, news.body), (200, honest.body));
    let checkpoint = mirror.http.get("/source/public/v1/log/checkpoint");
    assert_eq!(checkpoint.body, stage.source.http().get("/v1/log/checkpoint").body);
    let newest = index(&mirror.http, "/source/public");
    assert_eq!(newest.log.checkpoint.as_bytes(), checkpoint.body);
    assert_eq!(newest.releases.len(), 2);
}

#[test]
fn an_index_that_was_asked_for_is_renewed_and_served_without_the_source() {
    let stage = Stage::new();
    let mirror = stage.serve();
    assert_eq!(index(&mirror.http, "/source/public").releases.len(), 1);
    assert!(mirror.terminate().success());

    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    stage.sync();
    stage.point_to("http://127.0.0.1:1");
    let mirror = stage.place.serve();
    mirror.wait_for_log("the source could not be followed");
    assert_eq!(index(&mirror.http, "/source/public").releases.len(), 2);
    let release = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.1.0"));
    assert_eq!(release.status, 200, "{release}");
}

#[test]
fn an_index_that_is_not_here_for_the_tree_that_was_shown_is_not_served() {
    let stage = Stage::new();
    stage.sync();
    // Nobody has asked for it yet, and the source is gone.
    stage.point_to("http://127.0.0.1:1");
    let mirror = stage.place.serve();
    mirror.wait_for_log("the source could not be followed");
    let reply = mirror.http.get(&format!("/source/public/v1/packages/{NAME}"));
    assert_eq!(reply.outcome(), (503, Some(Code::Behind)));
    assert!(!reply.header("retry-after").is_empty());
    let bulk = format!("{{\"names\": [\"{NAME}\"]}}");
    let bulk = mirror.http.post("/source/public/v1/log/indexes", bulk).unwrap();
    assert_eq!(bulk.outcome(), (503, Some(Code::Behind)));
}

#[test]
fn a_source_that_is_online_and_silent_is_not_served() {
    let stage = Stage::with("online");
    stage.sync();
    stage.point_to("http://127.0.0.1:1");
    let mirror = stage.place.serve();
    mirror.wait_for_log("the source could not be followed");
    for path in [format!("/v1/packages/{NAME}/1.0.0"), "/v1/log/checkpoint".to_owned()] {
        let reply = mirror.http.get(&format!("/source/public{path}"));
        assert_eq!(reply.outcome(), (503, Some(Code::Unavailable)), "{path}");
    }
}

#[test]
fn a_source_that_gets_another_key_is_followed_on() {
    let stage = Stage::new();
    let source = Place::new(&stage.sigstore);
    let process = source.serve();
    assert_eq!(process.http.publish(&release(&stage.sigstore, "1.0.0")).status, 201);
    let key = source.log_key().verifier().to_string();
    let far = Place::new(&stage.sigstore);
    let more = "namespaces = ['*']";
    configure(&far, ("public", process.http.url(), &key), "fallback", more);
    far.json(&["mirror", "sync"]);
    assert!(process.terminate().success());

    source.json(&["log", "rotate"]);
    let process = source.serve();
    assert_eq!(process.http.publish(&release(&stage.sigstore, "1.1.0")).status, 201);
    point(&far, process.http.url());
    far.json(&["mirror", "sync"]);
    let mirror = far.serve();
    for path in ["/v1/log".to_owned(), format!("/v1/packages/{NAME}/1.0.0")] {
        let honest = process.http.get(&path);
        assert_eq!(mirror.http.get(&format!("/source/public{path}")).body, honest.body, "{path}");
    }
    assert_eq!(index(&mirror.http, "/source/public").releases.len(), 2);
}

#[test]
fn a_mirror_is_a_source_too() {
    let stage = Stage::new();
    let near = stage.serve();
    let far = Place::new(&stage.sigstore);
    let url = format!("{}/source/public", near.http.url());
    let key = stage.key().to_string();
    configure(&far, ("public", &url, &key), "online", "namespaces = ['*']");
    let far = far.serve_and_follow();
    for path in [
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}/1.0.0"),
        "/v1/log/checkpoint".to_owned(),
    ] {
        let honest = stage.source.http().get(&path);
        let copied = far.1.http.get(&format!("/source/public{path}"));
        assert_eq!(copied.body, honest.body, "{path}: {copied}");
    }
}

impl Place {
    /// Itself, and a mirror in it that has followed its source.
    fn serve_and_follow(self) -> (Self, crate::process::Process) {
        let process = self.serve();
        process.wait_for_log("followed the source");
        (self, process)
    }
}
