//! The files in `schemas/` say what the types say.
//!
//! `MCPKG_WRITE_SCHEMAS=1` writes the generated ones anew.

#![expect(clippy::disallowed_methods, reason = "the tests read files; the crate does not")]

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::{Code, schema};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

#[test]
fn the_schemas_are_those_of_the_types() {
    for (file, schema) in schema::all() {
        let path = folder().join(file);
        let generated = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("MCPKG_WRITE_SCHEMAS").is_some() {
            fs::write(&path, &generated).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        assert_eq!(kept, generated, "{file} is out of date: set MCPKG_WRITE_SCHEMAS=1");
    }
}

#[test]
fn every_code_is_described() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let described: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `E_")?.split_once('`'))
        .map(|(code, _)| format!("E_{code}"))
        .collect();
    let codes: Vec<_> = Code::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(described, codes);
}
