//! The life of a package, from its first release to somebody else's hands, by the
//! commands that its people use.

use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Setup, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};
use crate::rebuild::repository::{Repository, documents};

/// A build that depends on its source alone.
const HONEST: &str = "echo \"rain\" > pkg/server/index.js\n";
/// A build that comes out otherwise each time.
const DATED: &str = "date -u +%s.%N > pkg/server/index.js\n";

/// The source of a release.
fn source(version: &str, script: &str) -> Option<Repository> {
    let [server, manifest] = documents(version);
    let files = [(server.0, server.1.as_str()), (manifest.0, manifest.1.as_str())];
    Repository::with(script, "", &files)
}

/// A CI job that has packed a source.
fn job(fixture: &Fixture, source: &Repository, by: Identity) -> World {
    let ci = fixture.ci(&by.commit(source.commit()));
    ci.ok(&["pack", source.package(), "--out", "dist"]);
    ci
}

/// Somebody who builds releases again, and says so.
#[expect(clippy::print_stderr, reason = "what is skipped has to be said")]
fn rebuild(world: &World, version: &str, source: &Repository) -> (Option<i32>, Value) {
    let release = format!("{NAME}@{version}");
    let args = ["rebuild", &release, "--source", source.path(), "--attest", "--json"];
    let mut outcome = world.run(&args);
    if outcome.stderr.contains("a build cannot be confined here") {
        eprintln!("skipped: confinement\n{outcome}");
        outcome = world.run(&[&args[..], &["--unconfined"]].concat());
    }
    let said = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome}"));
    (outcome.code, said)
}

#[test]
fn a_package_is_published_moved_yanked_and_built_again() {
    let Some(first) = source("1.0.0", HONEST) else { return };
    let sources = ["1.1.0", "2.0.0"].map(|version| source(version, HONEST));
    let [Some(second), Some(third)] = sources else { return };
    let Some(dated) = source("2.1.0", DATED) else { return };
    let mut setup = Setup::default();
    // What waits, and for how long, is `a_new_publisher_is_announced_…`'s subject.
    setup.limits.publisher_change_hours = 0;
    let fixture = Fixture::set_up(setup);

    // The first release binds the name, and the second is by the same.
    job(&fixture, &first, acme()).ok(&["publish", "dist"]);
    job(&fixture, &second, acme()).ok(&["publish", "dist"]);
    // A fork has the same workflow, and other numbers.
    let fork = || Identity::github("acme/weather-fork").repository_id("9").git_ref("refs/tags/v3");
    let refused = job(&fixture, &third, fork()).refused(&["publish", "dist"], 3, &["E_PUBLISHER"]);
    assert!(refused.stderr.contains("repository id"), "{refused}");

    let developer = fixture.developer();
    let install = ["install", NAME, "--yes"];
    developer.ok(&install);
    let lock = ".config/mcpkg/mcpkg.lock";
    assert!(developer.read(lock).contains("version = \"1.1.0\""));

    // It moves: announced by the old, published by the new, and accepted by name.
    let new = || Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v2");
    let next = job(&fixture, &third, new());
    next.refused(&["publish", "dist"], 3, &["E_PUBLISHER"]);
    let to = next.ok(&["publisher", "whoami"]).stdout.trim_end().to_owned();
    let old = fixture.ci(&acme());
    old.ok(&["publisher", "change", NAME, "--to", &to]);
    next.ok(&["publish", "dist"]);
    let refused = developer.refused(&install, 3, &["E_IDENTITY_CHANGED"]);
    assert!(refused.stderr.contains(&to), "{refused}");
    assert!(developer.read(lock).contains("version = \"1.1.0\""), "what was there stays");
    developer.ok(&[&install[..], &["--accept-publisher", &to]].concat());
    assert!(developer.read(lock).contains("version = \"2.0.0\""));

    // The old one has no say any more; the new one withdraws what it left.
    let yank = ["yank", "io.github.acme/weather@1.1.0", "--reason", "it loses rain"];
    old.refused(&yank, 3, &["E_PUBLISHER"]);
    next.ok(&yank);
    let yanked = ["install", "io.github.acme/weather@1.1.0", "--yes"];
    fixture.developer().refused(&yanked, 3, &["E_YANKED"]);

    // A company takes what two of its rebuilders have built again.
    let company = fixture.developer();
    let rebuilders = [("anna", "71"), ("ben", "72")];
    let by: Vec<_> = rebuilders
        .iter()
        .map(|(name, id)| {
            format!(
                "{{ issuer = \"https://token.actions.githubusercontent.com\", \
                 repository = \"https://github.com/{name}/rebuilds\", repository_id = \"{id}\" }}"
            )
        })
        .collect();
    let config = company.read(".config/mcpkg/config.toml");
    let rule =
        format!("[[registry.rebuilds]]\npattern = \"*\"\nrequired = 2\nby = [{}]\n", by.join(", "));
    company.file(".config/mcpkg/config.toml", format!("{config}\n{rule}"));
    for (at, (name, id)) in rebuilders.into_iter().enumerate() {
        let refused = company.refused(&install, 3, &["E_REBUILDS"]);
        assert!(refused.stderr.contains(&format!("{at} of the 2 rebuilds")), "{refused}");
        let rebuilder = Identity::github(&format!("{name}/rebuilds")).repository_id(id);
        let (code, said) = rebuild(&fixture.ci(&rebuilder), "2.0.0", &third);
        assert_eq!((code, &said["result"]), (Some(0), &json!("identical")), "{said}");
        assert_eq!(said["attested"]["logged"], json!(true), "{said}");
    }
    company.ok(&install);

    // A build that is another each time is a reason to look, and is seen by all.
    job(&fixture, &dated, new()).ok(&["publish", "dist"]);
    let anna = Identity::github("anna/rebuilds").repository_id("71");
    let (code, said) = rebuild(&fixture.ci(&anna), "2.1.0", &dated);
    assert_eq!((code, &said["result"]), (Some(4), &json!("different")), "{said}");
    assert_eq!(said["attested"]["logged"], json!(true), "{said}");
    company.refused(&install, 3, &["E_REBUILDS"]);
    let info = developer.ok(&["info", "io.github.acme/weather@2.1.0"]).stdout;
    assert!(info.contains("other files, which is a reason to look"), "{info}");
    let info = developer.ok(&["info", "io.github.acme/weather@2.0.0"]).stdout;
    assert_eq!(info.matches("the same files").count(), 2, "{info}");
    // All of it is in the log, and the log holds.
    developer.ok(&["log", "verify"]);
}
