//! Real documents: what the public registry served, and what is published as
//! MCPB. They are not part of this repository; without them the tests say so.

#![expect(clippy::disallowed_methods, reason = "the tests read files; the crate does not")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is test code")]

use std::path::{Path, PathBuf};

use mcpkg_core::manifest::Manifest;
use mcpkg_core::server_json::{ForeignServerJson, Oddity};
use mcpkg_core::{Code, Coded, System};

/// The files of a folder of the corpus, or nothing if there is no corpus.
fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        eprintln!("skipped: there is no corpus at {}", root.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn nothing_is_off_in_a_document_that_follows_its_schema() {
    for (name, bytes) in corpus("server-json/valid") {
        let server = ForeignServerJson::read_lenient(&bytes).unwrap();
        assert_eq!(server.oddities, [], "{name}");
    }
}

/// What one problem in the corpus's table is as an oddity.
fn stated(problem: &str) -> Oddity {
    if problem == "no or unknown $schema: ''" {
        return Oddity::NoSchema;
    }
    let (at, rest) = problem.split_once(": ").unwrap();
    if let Some((key, _)) = rest.split_once("' is a required property") {
        return Oddity::Missing { at: format!("/{at}/{}", key.trim_matches('\'')) };
    }
    assert_eq!(rest, "'' should be non-empty", "the table has a new kind of problem");
    Oddity::Empty { at: format!("/{at}") }
}

#[test]
fn what_is_off_in_a_real_document_is_said() {
    let readme = corpus("server-json").into_iter().find(|(name, _)| name == "README.md");
    let table = String::from_utf8(readme.map(|(_, bytes)| bytes).unwrap_or_default()).unwrap();
    for (name, bytes) in corpus("server-json/odd") {
        let server = ForeignServerJson::read_lenient(&bytes).unwrap();
        let row = table.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap();
        let problems = row.trim_matches([' ', '|']).rsplit(" | ").next().unwrap();
        for oddity in problems.split("; ").map(stated) {
            assert!(server.oddities.contains(&oddity), "{name}: {oddity:?}");
        }
    }
}

#[test]
fn real_manifests_are_read_and_all_but_one_are_launched() {
    let mut not_launched = Vec::new();
    for (name, bytes) in corpus("mcpb-manifest") {
        let manifest = Manifest::read(&bytes);
        if name.starts_with("INVALID") {
            assert_eq!(manifest.unwrap_err().code(), Code::Manifest, "{name}");
            continue;
        }
        let manifest = manifest.unwrap_or_else(|err| panic!("{name}: {err:?}"));
        for system in [System::Linux, System::Darwin, System::Windows] {
            if let Err(err) = manifest.check_command(system) {
                not_launched.push((name.clone(), err.to_string()));
            }
        }
    }
    not_launched.dedup();
    for (name, reason) in not_launched {
        assert_eq!(name, "06ketan__substack-ops__manifest.json");
        assert_eq!(reason, "`uvx` resolves what it runs at launch");
    }
}
