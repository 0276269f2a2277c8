//! What was published by somebody: the wrong person, the wrong pipeline, the wrong
//! dependency.

use mcpkg_test_support::Draft;
use mcpkg_test_support::sigstore::Identity;
use serde_json::{Value, json};

use super::{data, host};
use crate::escape::server::{Level, Victim, hostile};
use crate::fixture::{Fixture, NAME, acme};

/// postmark-mcp 1.0.16 (2025-09): a stranger published a clone of a vendor's server
/// under its name, fifteen times as it was, and then with a line that sent a copy of
/// every mail to themselves, through the vendor's own host.
///
/// No sandbox stops that: the host was granted. What does: the vendor's name can be
/// signed for by the vendor's repository alone; a version that is locked stays what runs;
/// and the next one is shown with the files that it changes, before it is taken.
#[test]
fn postmark_mcp_a_clone_that_turned_is_shown_by_its_signer_and_by_its_difference() {
    const CLONE: &str = "io.github.mallory/postmark-mcp";
    let mallory = Identity::github("mallory/postmark-mcp")
        .git_ref("refs/tags/v1")
        .owner_id("3")
        .repository_id("4");
    let (port, mails) = host();
    let asks = json!({ "network": { "allow": [format!("127.0.0.1:{port}")] } });
    let send = format!("fetch 127.0.0.1:{port}");
    let victim = Victim::using(Fixture::empty());
    let (fixture, world) = (&victim.fixture, &victim.world);

    // Under the vendor's own name nobody else publishes, although it is free.
    let stranger = fixture.ci(&mallory);
    hostile(&asks).named("io.github.acme/postmark-mcp").pack(&stranger);
    stranger.refused(&["publish"], 3, &["E_NAMESPACE"]);

    // Under a name of their own they do, and whoever installs it sees whose it is.
    let release = |version: &str, code: &str| {
        hostile(&asks).named(CLONE).version(version).file("server/mail.js", code)
    };
    release("1.0.15", "send(to)\n").publish_as(fixture, &mallory);
    let outcome = world.ok(&["install", CLONE, "--yes"]);
    assert!(outcome.stderr.contains("github.com/mallory/postmark-mcp"), "{outcome}");

    // The line. What is locked goes on as it was, whatever was published since.
    let lock = world.read(".config/mcpkg/mcpkg.lock");
    release("1.0.16", "send(to, bcc)\n").publish_as(fixture, &mallory);
    assert_eq!(world.run(&["outdated"]).code, Some(4));
    world.ok(&["sync", "--locked", "--scope", "user"]);
    assert_eq!(world.read(".config/mcpkg/mcpkg.lock"), lock, "nothing is taken unasked");
    let outcome = world.ok(&["update", "--dry-run", "--json"]);
    let change = &data(&outcome)["servers"][0]["change"];
    assert_eq!(
        change["files"]["changed"],
        json!(["manifest.json", "server/mail.js"]),
        "it is shown"
    );
    assert_eq!(change["permissionsAdded"], json!({}), "it asks for nothing more");
    world.refused(&["update"], 2, &["E_PERMISSION"]);

    // And who takes it all the same is not kept from it by any sandbox.
    world.ok(&["update", "--yes"]);
    let tried = victim.tries_as("postmark-mcp", Level::Strong, &[&send]);
    if tried.was_at(Level::Strong) {
        assert_eq!(tried.came_of(&send), "done", "{}", tried.outcome);
        assert!(mails.recv().unwrap().starts_with(b"GET / "), "it was sent");
    }
}

/// `TanStack`, CVE-2026-45321 (2026-05): a poisoned cache in the real workflow published
/// 84 versions with provenance that was valid. They were found within hours.
///
/// What stops it: a release has to be a day old, whoever signed it. Another workflow,
/// branch or event of the same repository is not the publisher. And what was installed
/// before that day is confined.
#[test]
fn tanstack_valid_provenance_is_no_reason_to_install_what_is_an_hour_old() {
    let fixture = Fixture::with_weather();
    let stranger = fixture.stranger_at(fixture.registry.url(), &[]);
    stranger.file(".claude.json", "{}\n");
    stranger.ok(&["install", NAME, "--yes", "--accept-fresh", "io.github.acme/weather@1.2.0"]);
    let lock = stranger.read(".config/mcpkg/mcpkg.lock");

    // From the real workflow, signed and logged as ever.
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let info = stranger.ok(&["info", NAME]);
    assert!(info.stdout.contains("1.3.0"), "{info}");
    let poisoned = "io.github.acme/weather@1.3.0";
    stranger.refused(&["install", poisoned, "--yes"], 3, &["E_TOO_FRESH"]);
    stranger.ok(&["update", "--yes"]);
    let outcome = stranger.ok(&["outdated", "--json"]);
    let passed = &data(&outcome)["servers"][0]["passedOver"][0];
    assert_eq!(passed["version"], "1.3.0");
    assert_eq!(passed["reasons"][0]["rule"], "tooYoung");
    assert_eq!(stranger.read(".config/mcpkg/mcpkg.lock"), lock);

    // What else a hold on the repository is good for.
    let draft = Draft::new(NAME, "1.4.0");
    for (code, what, identity) in [
        ("E_PUBLISHER", "another workflow", acme().workflow(".github/workflows/bundle-size.yml")),
        ("E_PUBLISHER", "a branch", acme().git_ref("refs/heads/main")),
        ("E_OIDC_EVENT", "a pull request's event", acme().event("pull_request_target")),
    ] {
        let reply = fixture.registry.publish(&draft.sign(&fixture.sigstore, &identity));
        assert_eq!(reply.json::<Value>()["code"], code, "{what}: {reply}");
    }

    // What runs all the same reaches nobody to hand things to.
    let victim = Victim::of(&json!({}), &[]);
    victim.world.file(".npmrc", "//registry.npmjs.org/:_authToken=npm_x\n");
    let token = format!("read {}/.npmrc", victim.world.path().display());
    let tried = victim.tries(Level::Strong, &[token.as_str(), "tcp 192.0.2.1:443"]);
    if tried.was_at(Level::Strong) {
        assert_eq!(tried.came_of(&token), "ENOENT", "{}", tried.outcome);
        assert_eq!(tried.came_of("tcp 192.0.2.1:443"), "ENETUNREACH", "{}", tried.outcome);
    }
}

/// event-stream (2018): a new maintainer added a dependency that took wallets, and every
/// build fetched it.
///
/// What stops it: a release carries its dependencies, so none can join it later; and an
/// update says which came with it, and is asked about.
#[test]
fn event_stream_a_dependency_that_joins_is_shown_before_it_runs() {
    let fixture = Fixture::empty();
    let publish = |draft: &Draft| {
        fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));
    };
    publish(&Draft::new(NAME, "1.2.0"));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");

    // From outside nothing joins what was signed: the launch compares every file.
    let trees = developer.store_path().join("trees");
    let tree = std::fs::read_dir(trees).unwrap().next().unwrap().unwrap().path();
    let joined = tree.join("server/node_modules/flatmap-stream");
    std::fs::create_dir_all(&joined).unwrap();
    std::fs::write(joined.join("index.js"), "steal()\n").unwrap();
    developer.refused(&["run", "weather"], 3, &["E_TREE"]);
    std::fs::remove_dir_all(tree.join("server/node_modules")).unwrap();

    // With a release it does, for all to see.
    let mut next = Draft::new(NAME, "1.2.1");
    let package = "server/node_modules/flatmap-stream/package.json".to_owned();
    next.artifacts[0].files.push((package, br#"{"version":"0.1.1"}"#.to_vec()));
    publish(&next);
    let outcome = developer.ok(&["update", "--dry-run", "--json"]);
    let change = &data(&outcome)["servers"][0]["change"];
    assert_eq!(change["dependencies"]["added"], json!(["npm:flatmap-stream"]));
    let outcome = developer.refused(&["update"], 2, &["E_PERMISSION"]);
    assert!(outcome.stderr.contains("dependencies + npm:flatmap-stream"), "{outcome}");
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
}
