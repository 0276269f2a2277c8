//! Identical, different, could not build.

use std::fs;

use super::repository::Repository;
use super::{json, publish, rebuild, script};
use crate::fixture::Fixture;

#[test]
fn a_build_that_depends_on_its_source_alone_is_identical() {
    let script = "echo \"$SOURCE_DATE_EPOCH $TZ $LC_ALL $GREETING $(umask)\" > pkg/server/index.js";
    let toml = "[build]\nsteps = [[\"sh\", \"build.sh\"]]\nfolder = \"pkg\"\n\
                environment.GREETING = \"hello\"\n";
    let Some(repository) = Repository::with(script, "packages/weather", &[("mcpkg.toml", toml)])
    else {
        return;
    };
    let fixture = Fixture::empty();
    let ci = publish(&fixture, &repository);
    let built = fs::read_to_string(format!("{}/pkg/server/index.js", repository.package()));
    assert_eq!(built.unwrap(), "1700000000 UTC C.UTF-8 hello 0022\n");
    assert!(ci.read("dist/recipe.json").contains("packages/weather"));

    let world = fixture.developer();
    let outcome = rebuild(&world, &repository, &["--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let found = json(&outcome);
    assert_eq!(found["result"], "identical", "{outcome}");
    assert_eq!(found["treeFound"], found["treeExpected"]);
    assert_eq!(found["source"]["commit"], repository.commit());
    assert_eq!(found["source"]["repository"], "https://github.com/acme/weather");
    assert_eq!(found["recipeOrigin"], "signed");
    assert_eq!(found["recipe"]["environment"]["GREETING"], "hello");
    assert_eq!(found["entry"], 0);
    assert!(outcome.stderr.contains("Identical"), "{outcome}");
}

#[test]
fn what_differs_is_named_with_a_hint_at_the_usual_cause() {
    let names = "LC_ALL=C sort -f names > pkg/server/index.js";
    let index = "pkg/server/index.js";
    for (cause, script) in [
        (Some("time"), format!("date -u +%Y-%m-%dT%H:%M:%S.%N > {index}")),
        (Some("path"), format!("echo \"from '$PWD/index.ts'\" > {index}")),
        (Some("locale"), script(names, &format!("LC_ALL=C sort names > {index}"))),
        (Some("order"), script(names, &format!("tac names > {index}"))),
        (
            Some("lineEnds"),
            script(&format!("echo a > {index}"), &format!("printf 'a\\r\\n' > {index}")),
        ),
        (None, script(&format!("echo a > {index}"), &format!("echo b > {index}"))),
    ] {
        let names = ("names", "banana\nApple\ncherry\nDate\n");
        let Some(repository) = Repository::with(&script, "", &[names]) else { return };
        let fixture = Fixture::empty();
        publish(&fixture, &repository);
        let world = fixture.developer();
        let outcome = rebuild(&world, &repository, &["--json"]);
        assert_eq!(outcome.code, Some(4), "{cause:?}\n{outcome}");
        let found = json(&outcome);
        assert_eq!(found["result"], "different", "{cause:?}");
        assert_ne!(found["treeFound"], found["treeExpected"]);
        let [difference] = found["differences"].as_array().unwrap().as_slice() else {
            panic!("{cause:?}\n{outcome}")
        };
        assert_eq!(difference["path"], "server/index.js");
        let causes: Vec<_> = cause.into_iter().collect();
        assert_eq!(difference["causes"], serde_json::json!(causes), "{outcome}");
    }
}

#[test]
fn each_kind_of_difference_is_shown_and_called_a_reason_to_look() {
    let rebuilder = "echo b > pkg/server/index.js; echo > pkg/new; chmod +x pkg/tool; rm pkg/old";
    let author = "echo a > pkg/server/index.js";
    let files = [("pkg/tool", "tool"), ("pkg/old", "old")];
    let Some(repository) = Repository::with(&script(author, rebuilder), "", &files) else {
        return;
    };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    let world = fixture.developer();
    let outcome = rebuild(&world, &repository, &["--keep", "kept"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert!(outcome.stderr.contains("a reason to look, and not an accusation"), "{outcome}");
    let found: Vec<&str> = outcome.stdout.lines().map(str::trim_end).collect();
    let expected = [
        "",
        "file         new",
        "             is in the rebuild alone",
        "",
        "file         old",
        "             is in the release alone",
        "",
        "file         server/index.js",
        "             differs from byte 0 on",
        "  release    a\\n",
        "  rebuild    b\\n",
        "",
        "file         tool",
        "             is executable in the rebuild alone",
    ];
    assert_eq!(found[0], "result       different");
    assert_eq!(&found[3..], expected, "{outcome}");
    assert_eq!(world.read("kept/release/server/index.js"), "a\n");
    assert_eq!(world.read("kept/rebuilt/server/index.js"), "b\n");
    // What was kept is not written over.
    let again = rebuild(&world, &repository, &["--keep", "kept"]);
    assert_eq!((again.code, again.codes()), (Some(1), vec!["E_STORAGE"]), "{again}");
}

#[test]
fn a_build_that_comes_to_nothing_says_why_and_where_its_log_is() {
    let author = "echo a > pkg/server/index.js";
    for (reason, rebuilder) in [
        ("step 1 of the recipe ended with status 7", "echo cannot go on; exit 7"),
        ("step 1 of the recipe ended with status 137", "echo cannot go on; kill -9 $$"),
        ("was not made", "echo cannot go on; rm -r pkg"),
        ("leads out of the source", "echo cannot go on; rm -r pkg; ln -s / pkg"),
        ("is no folder", "echo cannot go on; rm -r pkg; touch pkg"),
        ("neither a file nor a folder", "echo cannot go on; ln -s / pkg/root"),
        ("neither a file nor a folder", "echo cannot go on; rm pkg/man*; mkfifo pkg/manifest.json"),
        ("names no file", "echo cannot go on"),
    ] {
        let Some(repository) = Repository::new(&script(author, rebuilder)) else { return };
        let fixture = Fixture::empty();
        publish(&fixture, &repository);
        let world = fixture.developer();
        let outcome = rebuild(&world, &repository, &[]);
        // Unconfined, there is no process in between that tells a signal as a status.
        let is_killed = outcome.stderr.contains("was killed");
        assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_BUILD"]), "{outcome}");
        let said = outcome.stderr.replace('\n', " ");
        let is_missing = reason == "names no file";
        assert!(said.contains(reason) || is_killed || is_missing, "{reason}\n{outcome}");
        assert!(outcome.stderr.contains("| cannot go on"), "{outcome}");
        let log = world.read(".local/state/mcpkg/rebuild/io.github.acme-weather-1.2.0.log");
        assert_eq!(log, "cannot go on\n");
        let found = json(&rebuild(&world, &repository, &["--json"]));
        assert_eq!(found["result"], "failed");
        assert_eq!(found["failure"]["code"], "E_BUILD");
        assert_eq!(found["failure"]["logEnd"], "cannot go on");
        assert!(found.get("treeFound").is_none(), "{found}");
    }
}
