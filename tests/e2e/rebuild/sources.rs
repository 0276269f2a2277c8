//! Which source, and which recipe: those that were signed.

use mcpkg_core::Digest;
use serde_json::json;

use super::repository::Repository;
use super::{RELEASE, json as parsed, publish, publish_with, rebuild, run, script};
use crate::fixture::{Fixture, NAME, acme};

const SCRIPT: &str = "echo a > pkg/server/index.js";

#[test]
fn the_repository_is_asked_for_the_signed_commit_where_no_clone_is_named() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    let mut world = fixture.developer();
    // git is told where that repository is, on this machine.
    let key = format!("url.file://{}.insteadOf", repository.path());
    world.set([
        ("GIT_CONFIG_COUNT".to_owned(), "1".to_owned()),
        ("GIT_CONFIG_KEY_0".to_owned(), key),
        ("GIT_CONFIG_VALUE_0".to_owned(), "https://github.com/acme/weather".to_owned()),
    ]);
    let outcome = run(&world, &["--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(parsed(&outcome)["result"], "identical");
}

#[test]
fn what_is_not_committed_is_not_looked_at() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    repository.write("build.sh", "exit 1\n");
    repository.write("pkg/more", "more\n");
    repository.write("mcpkg.toml", "[build]\nsteps = [[\"false\"]]\n");
    let world = fixture.developer();
    let outcome = rebuild(&world, &repository, &[]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_source_that_is_not_the_signed_one_is_refused() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    let world = fixture.developer();
    // Another repository with the same files but one: another commit.
    let other = Repository::new("echo b > pkg/server/index.js").unwrap();
    let outcome = rebuild(&world, &other, &[]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SOURCE"]), "{outcome}");
    assert!(outcome.stderr.contains(repository.commit()), "{outcome}");
    // No repository at all.
    world.file("folder/file", "");
    let outcome = world.run(&["rebuild", RELEASE, "--source", "folder", "--unconfined"]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SOURCE"]), "{outcome}");
    // No such release.
    let outcome = world.run(&["rebuild", "io.github.acme/weather@9.9.9"]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_NOT_FOUND"]), "{outcome}");
}

#[test]
fn the_recipe_that_was_signed_is_followed_whatever_the_source_says() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    // In CI the file was another one than at the commit.
    let toml = "[build]\nsteps = [[\"sh\", \"-c\", \"echo b > pkg/server/index.js\"]]\n\
                folder = \"pkg\"\n";
    repository.write("mcpkg.toml", toml);
    repository.write("pkg/server/index.js", "");
    let fixture = Fixture::empty();
    let failing = "mkdir -p pkg/server && echo b > pkg/server/index.js";
    repository.write("mcpkg.toml", &toml.replace("echo b > pkg/server/index.js", failing));
    publish(&fixture, &repository);
    let world = fixture.developer();
    let outcome = rebuild(&world, &repository, &["--json"]);
    let found = parsed(&outcome);
    assert_eq!((outcome.code, &found["result"]), (Some(0), &"identical".into()), "{outcome}");
    assert_eq!(found["recipe"]["steps"][0][2], failing, "the commit's own builds something else");
}

#[test]
fn without_a_signed_recipe_the_one_at_the_commit_is_used_and_said_to_be_unsigned() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    repository.write("pkg/server/index.js", "a\n");
    let fixture = Fixture::empty();
    let pkg = format!("{}/pkg", repository.package());
    let server = format!("{}/server.json", repository.package());
    let ci = fixture.ci(&acme().commit(repository.commit()));
    ci.ok(&["pack", &pkg, "--server-json", &server, "--out", "dist"]);
    assert!(!ci.path().join("dist/recipe.json").exists());
    ci.ok(&["publish", "dist"]);
    let world = fixture.developer();
    let outcome = rebuild(&world, &repository, &["--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(parsed(&outcome)["recipeOrigin"], "committed");
    assert!(outcome.stderr.contains("the recipe was not signed"), "{outcome}");
}

#[test]
fn what_github_attests_is_rebuilt_with_the_recipe_at_the_commit() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    let fixture = Fixture::empty();
    let identity = acme().commit(repository.commit());
    let ci = fixture.ci(&identity);
    ci.ok(&["pack", repository.package(), "--out", "dist"]);
    let digest = |file: &str| Digest::of(&std::fs::read(ci.path().join(file)).unwrap()).to_hex();
    let subjects = ["weather-1.2.0.mcpb", "server.json"].map(
        |file| json!({ "name": file, "digest": { "sha256": digest(&format!("dist/{file}")) } }),
    );
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": { "workflow": { "path": ".github/workflows/release.yml" } },
            },
            "runDetails": { "builder": { "id": "https://github.com/actions/runner" } },
        },
    });
    let bundle = fixture.sigstore.sign_statement(&identity, statement.to_string().as_bytes());
    ci.file("bundle.json", bundle);
    ci.ok(&["publish", "dist", "--bundle", "bundle.json"]);
    let outcome = rebuild(&fixture.developer(), &repository, &["--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(parsed(&outcome)["recipeOrigin"], "committed");
}

#[test]
fn a_release_without_any_recipe_says_what_is_missing() {
    let files = [("mcpkg.toml", "[package]\n"), ("pkg/server/index.js", "a\n")];
    let Some(repository) = Repository::of_files("", &files) else { return };
    let fixture = Fixture::empty();
    let pkg = format!("{}/pkg", repository.package());
    let server = format!("{}/server.json", repository.package());
    let ci = fixture.ci(&acme().commit(repository.commit()));
    ci.ok(&["pack", &pkg, "--server-json", &server, "--out", "dist"]);
    ci.ok(&["publish", "dist"]);
    let outcome = rebuild(&fixture.developer(), &repository, &[]);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SOURCE"]), "{outcome}");
    assert!(outcome.stderr.contains("this release has no recipe"), "{outcome}");
}

#[test]
fn a_recipe_is_signed_only_for_what_was_built_with_it() {
    let Some(repository) = Repository::new(SCRIPT) else { return };
    let fixture = Fixture::empty();
    let ci = fixture.ci(&acme().commit(repository.commit()));
    ci.ok(&["pack", repository.package(), "--out", "dist"]);
    let record = ci.read("dist/recipe.json");
    // Packed as it is: then nothing says how it was built.
    repository.write("pkg/server/index.js", "b\n");
    repository.write(
        "server.json",
        &std::fs::read_to_string(ci.path().join("dist/server.json")).unwrap(),
    );
    let pkg = format!("{}/pkg", repository.package());
    let server = format!("{}/server.json", repository.package());
    ci.ok(&["pack", &pkg, "--server-json", &server, "--out", "dist", "--no-build"]);
    assert!(!ci.path().join("dist/recipe.json").exists());
    // Nor does the record of other artifacts, or one that is none.
    ci.file("dist/recipe.json", &record);
    ci.refused(&["publish", "dist"], 1, &["E_BUILD"]);
    ci.file("dist/recipe.json", "{}");
    ci.refused(&["publish", "dist"], 1, &["E_BUILD"]);
    ci.refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
}

#[test]
fn what_could_not_be_verified_is_not_built() {
    let built = script(SCRIPT, "echo built > pkg/server/index.js");
    let Some(repository) = Repository::new(&built) else { return };
    let fixture = Fixture::empty();
    publish_with(&fixture, &repository, &[], |_| ());
    let liar = fixture.edited(|release| release["serverJson"]["description"] = "Other".into());
    let world = fixture.developer_at(liar.url());
    let outcome = rebuild(&world, &repository, &[]);
    assert_eq!((outcome.code, outcome.codes()), (Some(3), vec!["E_METADATA"]), "{outcome}");
    assert!(!world.path().join(".local/state/mcpkg/rebuild").exists(), "nothing was run");
}

#[test]
fn a_folder_that_is_not_in_the_source_is_no_source() {
    let Some(repository) = Repository::with(SCRIPT, "packages/weather", &[]) else { return };
    let fixture = Fixture::empty();
    let ci = fixture.ci(&acme().commit(repository.commit()));
    ci.ok(&["pack", repository.package(), "--out", "dist"]);
    // What is signed as the folder is not in that commit.
    for folder in ["packages/tides", "packages/weather/mcpkg.toml"] {
        let record = ci.read("dist/recipe.json").replace("packages/weather", folder);
        ci.file("dist/recipe.json", record);
        let fixture = Fixture::empty();
        let submitter = fixture.ci(&acme().commit(repository.commit()));
        for file in ["recipe.json", "server.json", "weather-1.2.0.mcpb"] {
            let content = std::fs::read(ci.path().join("dist").join(file)).unwrap();
            submitter.file(&format!("dist/{file}"), content);
        }
        submitter.ok(&["publish", "dist"]);
        let outcome = rebuild(&fixture.developer(), &repository, &[]);
        assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SOURCE"]), "{outcome}");
        assert!(outcome.stderr.contains("the source has no folder"), "{outcome}");
        let record = ci.read("dist/recipe.json").replace(folder, "packages/weather");
        ci.file("dist/recipe.json", record);
    }
}
