//! The same tree gives the same bytes, and what cannot be packed says why.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use mcpkg_test_support::{World, world};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};
use crate::program::Program;

fn package(world: &World, folder: &str, files: &[&str]) {
    let manifest = json!({
        "manifest_version": "0.3",
        "name": "weather",
        "version": "1.2.0",
        "description": "The weather",
        "author": { "name": "Acme" },
        "server": {
            "type": "node",
            "entry_point": "server/index.js",
            "mcp_config": { "command": "node", "args": ["${__dirname}/server/index.js"] },
        },
    });
    let server = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "version": "1.2.0",
        "name": NAME,
        "description": "The weather",
    });
    for file in files {
        world.file(&format!("{folder}/{file}"), format!("content of {file}"));
    }
    world.file(&format!("{folder}/manifest.json"), manifest.to_string());
    world.file(&format!("{folder}/server.json"), server.to_string());
}

fn pack(world: &World, folder: &str, out: &str) -> Vec<u8> {
    world.ok(&["pack", folder, "--out", out]);
    fs::read(world.path().join(out).join("weather-1.2.0.mcpb")).unwrap()
}

#[test]
fn copies_with_other_times_modes_and_order_pack_to_the_same_bytes() {
    let world = world!();
    let files = ["server/index.js", "server/lib/a.js", "README.md", "data/ü.txt"];
    package(&world, "one", &files);
    let mut reversed = files;
    reversed.reverse();
    package(&world, "two", &reversed);
    for (index, file) in files.iter().enumerate() {
        let path = world.path().join("two").join(file);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 * index as u64);
        let times = FileTimes::new().set_modified(time).set_accessed(time);
        File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(pack(&world, "one", "out-one"), pack(&world, "two", "out-two"));
    let canonical = |out: &str| fs::read(world.path().join(out).join("server.json")).unwrap();
    assert_eq!(canonical("out-one"), canonical("out-two"));

    let index = world.path().join("two/server/index.js");
    fs::set_permissions(index, fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(
        pack(&world, "one", "out-one"),
        pack(&world, "two", "out-three"),
        "an executable is another tree"
    );
}

#[test]
fn what_must_not_be_published_is_left_out() {
    let world = world!();
    let kept = ["server/index.js", "node_modules/x/index.js"];
    package(&world, "clean", &kept);
    let litter = [
        ".git/config",
        ".env",
        ".env.local",
        ".npmrc",
        "server/.netrc",
        "old.mcpb",
        ".DS_Store",
        "node_modules/.bin/x",
        "secret/notes.txt",
        "mcpkg.toml",
    ];
    package(&world, "littered", &[kept.as_slice(), &litter].concat());
    world.file("littered/mcpkg.toml", "[servers]\n");
    world.file("littered/.mcpbignore", "secret/\n");
    assert_eq!(pack(&world, "clean", "out-one"), pack(&world, "littered", "out-two"));
    // Nor is what an earlier run wrote into the folder itself.
    world.ok(&["pack", "littered", "--out", "littered/dist"]);
    let again = pack(&world, "littered", "littered/dist");
    assert_eq!(pack(&world, "clean", "out-one"), again);
}

#[test]
fn a_platform_is_written_into_the_manifest_and_the_file_name() {
    let world = world!();
    package(&world, "package", &["server/index.js"]);
    let outcome =
        world.ok(&["pack", "package", "--platform", "linux-x86_64", "--json", "--dry-run"]);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["platform"], "linux-x86_64");
    assert_eq!(summary["artifact"], "dist/weather-1.2.0-linux-x86_64.mcpb");
    assert!(!world.path().join("dist").exists(), "a dry run writes nothing");
}

/// Replaces a text in a file that has it.
fn replace(root: &Path, file: &str, from: &str, to: &str) {
    let path = root.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_cannot_be_packed_is_refused_with_its_reason() {
    type Change = fn(&Path);
    let rows: [(i32, &str, Change); 12] = [
        (3, "E_ENTRY_TYPE", |root| symlink("/etc/passwd", root.join("link")).unwrap()),
        (3, "E_PATH", |root| fs::write(root.join("a\\b"), "").unwrap()),
        (3, "E_PATH", |root| fs::write(root.join("con.txt"), "").unwrap()),
        (3, "E_PATH_COLLISION", |root| {
            fs::write(root.join("MANIFEST.txt"), "")
                .and_then(|()| fs::write(root.join("manifest.txt"), ""))
                .unwrap();
        }),
        (3, "E_MANIFEST", |root| replace(root, "manifest.json", "1.2.0", "1.2.1")),
        (3, "E_MANIFEST", |root| replace(root, "manifest.json", "\"weather\"", "\"tides\"")),
        (3, "E_MANIFEST", |root| {
            replace(root, "manifest.json", "\"name\"", "\"name\":\"x\",\"name\"");
        }),
        (3, "E_MANIFEST", |root| fs::remove_file(root.join("server/index.js")).unwrap()),
        (3, "E_METADATA", |root| {
            replace(root, "server.json", "\"description\"", "\"descriptions\"");
        }),
        (3, "E_NAME", |root| replace(root, "server.json", "acme/weather", "acme/..")),
        (3, "E_VERSION", |root| replace(root, "server.json", "1.2.0", "v1.2.0")),
        (1, "E_CONFIG", |root| fs::remove_file(root.join("server.json")).unwrap()),
    ];
    for (exit_code, code, change) in rows {
        let world = world!();
        package(&world, "package", &["server/index.js"]);
        change(&world.path().join("package"));
        world.refused(&["pack", "package"], exit_code, &[code]);
        assert!(!world.path().join("dist").exists(), "{code}: nothing is written");
    }
}

#[test]
fn a_folder_in_the_settings_that_is_not_asked_for_is_said_to_the_author_and_the_user() {
    let said = "its setting `docs` is a folder, and its server.json asks for no file";
    let settings = json!({ "docs": { "type": "directory", "title": "Documents" } });
    let program = Program::new(NAME, "#!/bin/sh\n").user_config(settings);
    let reads = json!({ "filesystem": { "read": ["${home}/docs"] } });
    for (program, is_warned) in [(program.clone(), true), (program.permissions(&reads), false)] {
        let fixture = Fixture::empty();
        let author = fixture.ci(&acme());
        program.pack(&author);
        let platform = mcpkg_core::Platform::current().unwrap().to_string();
        let packed = author.ok(&["pack", "package", "--platform", &platform]);
        assert_eq!(packed.stderr.contains(said), is_warned, "{packed}");
        let published = author.ok(&["publish"]);
        assert_eq!(published.stderr.contains(said), is_warned, "{published}");
        let developer = fixture.developer();
        let home = developer.path().display().to_string();
        for (folder, is_seen) in
            [(format!("{home}/docs/a"), true), (format!("{home}/other"), false)]
        {
            let set = format!("docs={folder}");
            let outcome = developer.ok(&["install", NAME, "--yes", "--set", &set]);
            assert_eq!(outcome.stderr.contains(said), is_warned, "{outcome}");
            let unseen = format!("`{folder}`, which is in nothing that it was granted");
            assert_eq!(outcome.stderr.contains(&unseen), !is_warned && !is_seen, "{outcome}");
        }
    }
}

#[test]
fn a_surface_that_does_not_fit_the_metadata_is_refused_with_advice() {
    let world = world!();
    package(&world, "one", &["server/index.js"]);
    let surface = |count: usize| {
        let digest = mcpkg_core::Digest::of(b"x");
        let tool = |index| (format!("tool-{index}"), json!({ "description": digest }));
        let tools: serde_json::Map<String, Value> = (0..count).map(tool).collect();
        json!({ "surface": [{ "protocols": ["2025-11-25"], "tools": tools }] }).to_string()
    };
    let args = ["pack", "one", "--surface", "surface.json"];
    world.file("surface.json", surface(20));
    world.ok(&args);
    let packed = world.read("dist/server.json");
    world.file("surface.json", surface(60));
    let outcome = world.refused(&args, 3, &["E_METADATA"]);
    assert!(outcome.stderr.contains("expected at most 4096"), "{outcome}");
    assert!(outcome.stderr.contains("pins it with `mcpkg inspect`"), "{outcome}");
    assert_eq!(world.read("dist/server.json"), packed, "nothing was written");
    // Row 43: nobody signs a name that is not what it looks like.
    for name in ["to\u{200b}ol-1", "t\u{43e}ol-1", "tool-1\u{202e}"] {
        world.file("surface.json", surface(2).replace("tool-1", name));
        world.refused(&args, 3, &["E_METADATA"]);
        assert_eq!(world.read("dist/server.json"), packed, "nothing was written");
    }
}
