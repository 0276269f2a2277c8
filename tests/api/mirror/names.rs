//! One name is one place.

use std::fs;

use mcpkg_core::Code;
use mcpkg_test_support::LyingRegistry;

use super::{Stage, configure, index};
use crate::process::Place;
use crate::{NAME, release};

#[test]
fn a_private_name_is_never_asked_of_a_source() {
    let stage = Stage::new();
    let wire = LyingRegistry::start(stage.source.url(), |_, answer| answer);
    stage.point_to(wire.url());
    stage.place.configure(
        "[[namespace]]\npattern = 'com.acme/*'\n[[namespace.identities]]\n\
         issuer = 'https://sso.acme.example'\nsubject = 'release@acme.example'",
    );
    let mirror = stage.serve();
    for path in [
        "/source/public/v1/packages/com.acme/secret",
        "/source/public/v1/packages/com.acme/secret/1.0.0",
        "/v1/packages/com.acme/secret",
        "/source/public/v1/packages/io.github.acme/unheard-of",
        "/v0.1/servers/com.acme%2Fsecret/versions",
        "/v0.1/servers/com.acme%2Fsecret/versions/latest",
        "/v0.1/servers/io.github.acme%2Funheard-of/versions/1.0.0",
        "/v0.1/x/dev.mcpkg/servers/com.acme%2Fsecret/versions/1.0.0",
    ] {
        assert_eq!(mirror.http.get(path).outcome(), (404, Some(Code::NotFound)), "{path}");
    }
    let names = r#"{"names": ["com.acme/secret", "io.github.acme/weather"]}"#;
    let reply = mirror.http.post("/source/public/v1/log/indexes", names).unwrap();
    assert_eq!(reply.status, 200, "{reply}");
    for path in ["/source/public/v1/search?q=secret", "/v0.1/servers?search=secret"] {
        let reply = mirror.http.get(path);
        assert_eq!(reply.status, 200, "{reply}");
    }
    let heard = wire.heard();
    assert!(heard.iter().any(|it| String::from_utf8_lossy(&it.body).contains("weather")));
    for it in heard {
        let body = String::from_utf8_lossy(&it.body).into_owned();
        let said = format!("{} {body}", it.target);
        assert!(!said.contains("secret") && !said.contains("unheard"), "{said}");
    }
}

#[test]
fn a_name_that_a_source_offers_and_that_is_not_its_own_is_not_served() {
    let stage = Stage::new();
    let wire = LyingRegistry::start(stage.source.url(), |_, answer| answer);
    let place = Place::new(&stage.sigstore);
    let key = stage.key().to_string();
    let more = "namespaces = ['com.other/*']";
    configure(&place, ("public", wire.url(), &key), "fallback", more);
    let mirror = place.serve();
    mirror.wait_for_log("followed the source");
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.outcome(), (403, Some(Code::NamespaceOwner)));
    assert!(!wire.heard().iter().any(|it| it.target.contains("weather")), "nor is it asked for");
}

#[test]
fn a_package_of_ones_own_is_not_replaced_by_a_source() {
    let stage = Stage::new();
    let mirror = Place::new(&stage.sigstore);
    let process = mirror.serve();
    assert_eq!(process.http.publish(&release(&stage.sigstore, "0.9.0")).status, 201);
    assert!(process.terminate().success());
    let key = stage.key().to_string();
    let more = "namespaces = ['*']";
    configure(&mirror, ("public", stage.source.url(), &key), "fallback", more);
    let process = mirror.serve();
    process.wait_for_log("followed the source");
    let document = process.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.outcome(), (403, Some(Code::NamespaceOwner)));
    assert_eq!(index(&process.http, "").releases.len(), 1);
}

#[test]
fn a_package_that_comes_from_a_source_is_published_nowhere_else() {
    let stage = Stage::new();
    let mirror = stage.serve();
    let reply = mirror.http.publish(&release(&stage.sigstore, "2.0.0"));
    assert_eq!(reply.outcome(), (409, Some(Code::SourceChanged)));
}

#[test]
fn a_package_that_comes_from_another_source_than_before_is_refused() {
    let stage = Stage::new();
    stage.sync();
    let path = stage.place.folder().join("registry.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("name = 'public'", "name = 'other'")).unwrap();
    let mirror = stage.serve();
    let document = mirror.http.get(&format!("/source/other/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.outcome(), (403, Some(Code::SourceChanged)));
    let found = index(&mirror.http, "/source/other");
    assert_eq!(found.withheld[0].code, Code::SourceChanged);
    assert!(mirror.terminate().success());

    // Unless the operator means it.
    let released = stage.place.json(&["mirror", "release", NAME]);
    assert_eq!(released["wasClaimed"], true);
    stage.sync();
    let mirror = stage.place.serve();
    let document = mirror.http.get(&format!("/source/other/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.status, 200, "{document}");
}

#[test]
fn where_a_package_came_from_is_in_a_backup_and_in_a_database_that_is_made_again() {
    let stage = Stage::new();
    let place = &stage.place;
    assert!(stage.serve().terminate().success());
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    place.json(&["backup", "--to", to]);
    let path = place.folder().join("registry.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("name = 'public'", "name = 'other'")).unwrap();
    let given = |what: &str| {
        let mirror = stage.serve();
        let document = mirror.http.get(&format!("/source/other/v1/packages/{NAME}/1.0.0"));
        assert!(mirror.terminate().success());
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(0), "{what}: {fsck:?}");
        document
    };
    let refused = (403, Some(Code::SourceChanged));
    let lose = || fs::remove_dir_all(place.data()).unwrap();
    lose();
    place.json(&["restore", "--from", to]);
    assert_eq!(given("restored").outcome(), refused);
    fs::remove_dir_all(place.data().join("sources")).unwrap();
    place.json(&["fsck", "--rebuild"]);
    assert_eq!(given("made again").outcome(), refused);

    // Without it, it may come from anywhere.
    for file in ["beside.sqlite3", "beside.digest"] {
        fs::remove_file(backup.join(file)).unwrap();
    }
    lose();
    place.json(&["restore", "--from", to]);
    let found = given("an older backup");
    assert_eq!(found.status, 200, "{found}");
}

#[test]
fn a_configuration_in_which_a_name_has_two_places_is_refused() {
    let stage = Stage::new();
    stage.mirror("other", "http://127.0.0.1:1", "online", "namespaces = ['*']");
    let said = stage.place.refused(&["mirror", "status"], 1);
    assert!(said.contains("E_CONFIG") && said.contains("comes from elsewhere"), "{said}");
}
