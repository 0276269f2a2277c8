//! What an export carries that no log has signed: used only as far as a person says.

use std::fs;
use std::path::Path;

use mcpkg_core::{Code, Digest};
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::{Value, json};

use super::airgap::{Members, carried, export, import, kept, members, write};
use super::{Stage, configure};
use crate::process::Place;
use crate::{NAME, release};

fn digest(file: &Path) -> String {
    Digest::of(&fs::read(file).unwrap()).to_string()
}

fn vouched<'a>(file: &'a Path, digest: &'a str) -> Vec<&'a str> {
    [&import(file)[..], &["--digest", digest]].concat()
}

/// What the mirror says for and against its one package.
fn words(stage: &Stage) -> Value {
    let said = stage.place.json(&["export", "words.tar", "--source", "public"]);
    let file = stage.place.folder().join(said["path"].as_str().unwrap());
    let unsigned = members(&file).into_iter().map(|(path, _)| path);
    unsigned.filter(|path| path.starts_with("unsigned/")).collect::<Vec<_>>().into()
}

#[test]
fn advisories_are_used_where_somebody_vouches_for_the_file_that_has_them() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let root = "unsigned/trust-roots/";
    let roots_of = |paths: &Value| {
        let paths = paths.as_array().unwrap().iter();
        paths.filter(|it| it.as_str().unwrap().starts_with(root)).count()
    };

    let said = stage.place.json(&import(&file))["unsigned"].clone();
    assert_eq!((&said["advisories"], &said["vex"]), (&json!(2), &json!(1)));
    assert_eq!(said["isUsed"], false);
    assert!(!stage.place.data().join("advisories.sqlite3").exists());
    let found = words(&stage);
    assert_eq!((found.as_array().unwrap().len(), roots_of(&found)), (1, 1), "{found}");

    // The digest of another file.
    let other = Digest::of(b"another").to_string();
    let refused = stage.place.refused(&vouched(&file, &other), 3);
    assert!(refused.starts_with("error[E_DIGEST]"), "{refused}");
    assert!(!stage.place.data().join("advisories.sqlite3").exists());

    let right = digest(&file);
    for _ in 0..2 {
        let said = stage.place.json(&vouched(&file, &right))["unsigned"].clone();
        assert_eq!(said["isUsed"], true);
        let found = words(&stage);
        assert_eq!(found.as_array().unwrap().len(), 3, "once, however often: {found}");
    }
    assert!(stage.place.data().join("advisories.sqlite3").exists());
}

/// An export that says of itself what it is, with one member that is something else.
fn with_member(honest: &Members, path: &str, bytes: &[u8]) -> Members {
    let mut changed = honest.clone();
    let place = changed.iter().position(|(it, _)| it == path).expect("it is there");
    changed[place].1 = bytes.to_vec();
    let mut manifest: Value = serde_json::from_slice(&changed[0].1).unwrap();
    manifest["unsigned"][path] = Digest::of(bytes).to_string().into();
    changed[0].1 = serde_json::to_vec(&manifest).unwrap();
    changed
}

#[test]
fn what_cannot_be_used_of_it_is_refused_before_anything_is_taken() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let honest = members(&file);
    let path = |part: &str| {
        let found = honest.iter().find(|(path, _)| path.starts_with(part));
        found.expect("it is there").0.clone()
    };
    let rows: [(&str, &[u8], Code); 6] = [
        ("unsigned/advisories/", b"[", Code::Request),
        ("unsigned/advisories/", b"[]", Code::Request),
        ("unsigned/trust-roots/", b"{}", Code::TrustRoot),
        ("unsigned/vex.json", b"{}", Code::Export),
        (
            "unsigned/vex.json",
            br#"[{"name":"a/b","version":null,"document":"{}","author":null}]"#,
            { Code::Export },
        ),
        ("unsigned/vex.json", b"[1]", Code::Export),
    ];
    let changed = stage.place.folder().join("changed.tar");
    for (part, bytes, code) in rows {
        write(&with_member(&honest, &path(part), bytes), &changed);
        let digest = digest(&changed);
        let refused = stage.place.run(&vouched(&changed, &digest));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.starts_with(&format!("error[{code}]")), "{part}: {said}");
        assert_eq!(refused.status.code(), Some(3), "{part}: {said}");
        assert_eq!(kept(&stage), [], "{part}");
        assert!(!stage.place.data().join("advisories.sqlite3").exists(), "{part}");
    }
    // One that the export does not say it has.
    let mut more = honest.clone();
    let place = more.iter().position(|(path, _)| path.starts_with("v1/")).unwrap();
    more.insert(place, ("unsigned/zzz".to_owned(), b"x".to_vec()));
    write(&more, &changed);
    let said = stage.place.refused(&import(&changed), 3);
    assert!(said.starts_with("error[E_EXPORT]") && said.contains("unsigned/zzz"), "{said}");
}

/// Whoever carries a trust root beside what it vouches for could vouch for anything.
#[test]
fn a_trust_root_in_an_export_is_kept_to_be_looked_at_and_trusted_by_nobody() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let other = Place::new(&TestSigstore::start());
    let key = stage.key().to_string();
    configure(&other, ("public", stage.source.url(), &key), "offline", "namespaces = ['*']");
    let digest = digest(&file);
    let said = other.refused(&vouched(&file, &digest), 3);
    assert!(said.starts_with("error[E_TRUST_ROOT]"), "{said}");
    assert!(said.contains("`[[source.trust_root]]`"), "{said}");
    let offered = other.data().join("sources/public/offered");
    let mut files = fs::read_dir(&offered).unwrap();
    let path = files.next().unwrap().unwrap().path();
    let root = fs::read_to_string(&path).unwrap();
    assert_eq!((root.trim(), files.count()), (stage.sigstore.trusted_root_json().trim(), 0));
    assert!(said.contains(path.file_stem().unwrap().to_str().unwrap()), "{said}");
    assert!(!other.data().join("sources/public/log").exists(), "nothing was taken over");
    assert!(!other.data().join("advisories.sqlite3").exists());

    // A person has looked, and says whose it is.
    fs::copy(&path, other.folder().join("trusted_root.json")).unwrap();
    let said = other.json(&import(&file));
    assert_eq!(said["unsigned"]["trustRoots"][0].get("kept"), None);
    let mirror = other.serve();
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.1.0"));
    assert_eq!(document.status, 200, "{document}");
}

#[test]
fn nothing_is_imported_while_a_server_runs() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    stage.place.json(&import(&file));
    stage.source.accept(&release(&stage.sigstore, "1.2.0"));
    let (file, _) = export(&stage, &[]);
    let mirror = stage.place.serve();
    let before = kept(&stage);
    let said = stage.place.refused(&import(&file), 1);
    assert!(said.starts_with("error[E_STORAGE]"), "{said}");
    assert!(said.contains("stop the other one"), "{said}");
    assert!(kept(&stage) == before);
    assert!(mirror.terminate().success());
    assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 4);
}
