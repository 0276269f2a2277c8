//! The tools that a recipe names, in the versions that it names.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mcpkg_test_support::World;

use super::repository::Repository;
use super::{json, publish_with, rebuild};
use crate::fixture::{Fixture, NAME};

/// A compiler of this version, in `folder/bin` of a world.
fn compiler(world: &World, folder: &str, version: &str) -> String {
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo \"weatherc v{version} (2026)\"; exit; fi\n\
         echo compiled > \"$1\"\n"
    );
    let path = world.file(&format!("{folder}/bin/weatherc"), script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = Path::new(&path).ancestors().nth(2).unwrap();
    folder.to_str().unwrap().to_owned()
}

fn on_path(world: &mut World, folder: &str) {
    world.set([("PATH".to_owned(), format!("{folder}/bin:/usr/bin:/bin"))]);
}

#[test]
fn a_build_is_done_with_the_tools_of_the_recipe_or_not_at_all() {
    let toml = "[build]\nsteps = [[\"weatherc\", \"pkg/server.js\"], [\"sh\", \"build.sh\"]]\n\
                folder = \"pkg\"\ntoolchain.weatherc = \"1.4.0\"\n";
    let script = "mv pkg/server.js pkg/server/index.js";
    let Some(repository) = Repository::with(script, "", &[("mcpkg.toml", toml)]) else { return };
    let fixture = Fixture::empty();
    publish_with(&fixture, &repository, &[], |ci| {
        let folder = compiler(ci, "tools", "1.4.0");
        on_path(ci, &folder);
    });

    let mut world = fixture.developer();
    let outcome = rebuild(&world, &repository, &[]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_BUILD"]), "{outcome}");
    assert!(outcome.stderr.contains("needs weatherc 1.4.0, and there is none"), "{outcome}");

    let newer = compiler(&world, "newer", "1.4.1");
    on_path(&mut world, &newer);
    let outcome = rebuild(&world, &repository, &[]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_BUILD"]), "{outcome}");
    assert!(outcome.stderr.contains("expected 1.4.0"), "{outcome}");
    assert!(outcome.stderr.contains("found    weatherc v1.4.1 (2026)"), "{outcome}");

    // The folder that is named comes before the PATH, and a confined build sees it.
    let right = compiler(&world, "right", "1.4.0");
    let outcome = rebuild(&world, &repository, &["--toolchain", &right, "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(json(&outcome)["tools"]["weatherc"], "weatherc v1.4.0 (2026)");
}

#[test]
fn an_author_whose_tools_are_others_packs_nothing() {
    let toml = "[build]\nsteps = [[\"sh\", \"build.sh\"]]\nfolder = \"pkg\"\n\
                toolchain.git = \"0.0.1\"\n";
    let script = "echo a > pkg/server/index.js";
    let Some(repository) = Repository::with(script, "", &[("mcpkg.toml", toml)]) else { return };
    let fixture = Fixture::empty();
    let author = fixture.developer();
    author.refused(&["pack", repository.package(), "--out", "dist"], 1, &["E_BUILD"]);
    assert!(!author.path().join("dist").exists());

    repository.write("mcpkg.toml", "[build]\nsteps = [[\"sh\", \"-c\", \"exit 3\"]]\n");
    let failed = author.refused(&["pack", repository.package()], 1, &["E_BUILD"]);
    assert!(failed.stderr.contains("step 1 of the recipe ended with status 3"), "{failed}");
    for (toml, code) in [
        ("[build]\nsteps = []\n", "E_CONFIG"),
        ("[build]\nsteps = [[\"true\"]]\nenvironment.NPM_TOKEN = \"x\"\n", "E_CONFIG"),
        (
            "[build]\nsteps = [[\"true\"]]\nfolder = \"pkg\"\nplatforms = [\"windows-x86_64\"]\n",
            "E_CONFIG",
        ),
        ("[bulid]\n", "E_CONFIG"),
    ] {
        repository.write("mcpkg.toml", toml);
        repository.write("pkg/server/index.js", "");
        author.refused(&["pack", repository.package(), "--out", "dist"], 1, &[code]);
        assert!(!author.path().join("dist").exists(), "{toml}");
    }
    author.refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
}
