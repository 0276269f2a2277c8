//! `lock` and `sync`, of what is made of packages of npm: the same bytes on every machine.

use mcpkg_test_support::World;
use serde_json::json;

use super::everyday::acme_at;
use super::{NAME, RELEASE, Upstream};

const WANTED: &str = "[servers.\"org.npmjs.acme/weather\"]\nversion = \"^1\"\n\
                      from = \"npm:@acme/weather\"\n";
const FRESH: [&str; 3] = ["--yes", "--accept-fresh", RELEASE];

/// Another machine with the same project.
fn colleague(upstream: &Upstream, project: &World) -> World {
    let colleague = upstream.developer();
    for file in ["mcpkg.toml", "mcpkg.lock"] {
        colleague.file(file, project.read(file));
    }
    colleague
}

/// The trees in the store of somebody: each is named by what is in it.
fn trees(world: &World) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(world.store_path().join("trees")) else { return vec![] };
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

/// A project that has locked the server.
fn locked(upstream: &Upstream) -> World {
    let developer = upstream.developer();
    developer.file("mcpkg.toml", WANTED);
    developer.refused(&["lock", "--accept-fresh", RELEASE], 2, &["E_PERMISSION"]);
    assert!(!developer.path().join("mcpkg.lock").exists());
    developer.ok(&[["lock"].as_slice(), &FRESH].concat());
    developer
}

#[test]
fn a_lock_gives_the_same_bytes_on_another_machine_and_nobody_chooses_again() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = locked(&upstream);
    let lock = developer.read("mcpkg.lock");
    developer.ok(&["lock"]);
    assert_eq!(developer.read("mcpkg.lock"), lock, "the same again is the same bytes");
    // What was fetched to lock it is here, and nobody is asked for it again.
    developer.ok(&["--offline", "sync", "--frozen"]);

    // What is newer by now is nobody's business there, a dependency's release included.
    upstream.clouds("2.0.1", "hail");
    let sha512 = upstream.publish("1.3.0", &json!({ "clouds": "^2.0.0" }));
    upstream.attest_as(&acme_at("1.3.0"), "1.3.0", sha512);
    for flag in ["--locked", "--frozen"] {
        let colleague = colleague(&upstream, &developer);
        colleague.refused(&["--offline", "sync", flag], 1, &["E_OFFLINE"]);
        let before = upstream.ecosystem.asked().len();
        colleague.ok(&["sync", flag]);
        let asked = upstream.ecosystem.asked().split_off(before);
        // Tarballs and attestations: no package's list of releases is asked for.
        assert!(asked.iter().all(|it| it.contains("/-/")), "{asked:?}");
        assert_eq!(colleague.read("mcpkg.lock"), lock);
        assert_eq!(trees(&colleague), trees(&developer));
        colleague.ok(&["verify"]);
        colleague.ok(&["--offline", "sync", "--frozen"]);
    }
}

#[test]
fn what_a_lock_pins_is_made_of_nothing_else() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = locked(&upstream);
    let lock = developer.read("mcpkg.lock");
    let line = |start: &str| lock.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let evidence = line("evidence = ");
    let zeros = format!("sha256:{}", "0".repeat(64));
    let first = evidence.split('"').nth(1).unwrap();
    // One thing at a time.
    for (what, old, new, code, exit) in [
        (
            "an artifact of other bytes",
            line("digest = "),
            format!("digest = \"{zeros}\""),
            "E_DIGEST",
            3,
        ),
        ("another tree", line("tree = "), format!("tree = \"tree-{zeros}\""), "E_TREE", 3),
        ("a statement that there is not", first.to_owned(), zeros.clone(), "E_PROVENANCE_LOST", 3),
        (
            "a package's licence",
            "\"license\":\"MIT\"".to_owned(),
            "\"license\":\"BSD\"".to_owned(),
            "E_DIGEST",
            3,
        ),
        (
            "a place outside",
            "node_modules/clouds".to_owned(),
            "node_modules/../clouds".to_owned(),
            "E_LOCK",
            1,
        ),
        ("another server", "/clouds/-/clouds-2.0.0.tgz".to_owned(), String::new(), "E_LOCK", 1),
        (
            "another index",
            line("registry = "),
            "registry = \"https://evil.example/\"".to_owned(),
            "E_SOURCE_CHANGED",
            3,
        ),
    ] {
        let colleague = colleague(&upstream, &developer);
        let changed = if what == "another server" {
            let here = format!("{}clouds/-", upstream.ecosystem.npm_url());
            lock.replace(&here, "https://evil.example/clouds/-")
        } else {
            lock.replace(&old, &new)
        };
        assert_ne!(changed, lock, "{what}");
        colleague.file("mcpkg.lock", changed);
        let outcome = colleague.refused(&["sync", "--frozen"], exit, &[code]);
        assert!(trees(&colleague).is_empty(), "{what}: {outcome}");
        assert!(!colleague.path().join(".mcp.json").exists(), "{what}");
    }
    // And what its registry changed since.
    let path = "/clouds/-/clouds-2.0.0.tgz";
    let mut bytes = upstream.ecosystem.get(path);
    bytes[200] ^= 1;
    upstream.ecosystem.put(path, "application/octet-stream", bytes);
    let colleague = colleague(&upstream, &developer);
    colleague.refused(&["sync", "--locked"], 3, &["E_DIGEST"]);
    assert!(trees(&colleague).is_empty());
}

#[test]
fn what_somebody_else_took_unattested_is_named_by_whoever_syncs_it() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.weather();
    let developer = upstream.developer();
    developer.file("mcpkg.toml", WANTED);
    developer.refused(&["lock", "--yes"], 3, &["E_PROVENANCE"]);
    let accept = ["--accept-unattested", RELEASE];
    developer.ok(&[["lock", "--yes"].as_slice(), &accept].concat());
    let colleague = colleague(&upstream, &developer);
    for flag in ["--locked", "--frozen"] {
        colleague.refused(&["sync", flag, "--yes"], 3, &["E_PROVENANCE"]);
    }
    assert!(trees(&colleague).is_empty());
    let outcome = colleague.ok(&[["sync", "--frozen", "--yes"].as_slice(), &accept].concat());
    assert!(outcome.stderr.contains("nobody attests who built it"), "{outcome}");
    // Whoever approved it has taken it upon themselves.
    std::fs::remove_dir_all(colleague.store_path()).unwrap();
    colleague.ok(&["sync", "--frozen"]);
    assert_eq!(trees(&colleague), trees(&developer));
}

#[test]
fn mcpkg_toml_says_what_a_package_gets_and_yes_does_not_widen_it() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    let wanted =
        |hosts: &str| format!("{WANTED}permissions = {{ network = {{ allow = [{hosts}] }} }}\n");
    developer.file("mcpkg.toml", wanted("\"a.example.com:443\""));
    developer.ok(&[["lock"].as_slice(), &FRESH].concat());
    let lock = developer.read("mcpkg.lock");
    assert!(lock.contains("a.example.com:443"), "{lock}");
    developer.file("mcpkg.toml", wanted("\"a.example.com:443\", \"b.example.com:443\""));
    let outcome = developer.refused(&["lock", "--yes"], 3, &["E_PERMISSION"]);
    assert!(outcome.stderr.contains(&format!("--accept-permissions {NAME}@1.2.0")), "{outcome}");
    assert_eq!(developer.read("mcpkg.lock"), lock);
    developer.ok(&["lock", "--yes", "--accept-permissions", &format!("{NAME}@1.2.0")]);
    assert!(developer.read("mcpkg.lock").contains("b.example.com:443"));
    // Less needs nobody's word.
    developer.file("mcpkg.toml", wanted(""));
    developer.ok(&["lock"]);
    assert!(!developer.read("mcpkg.lock").contains("example.com:443"));
}

#[test]
fn an_install_in_a_project_says_where_it_is_from() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    developer.file("mcpkg.toml", "# ours\n[servers]\n");
    let install = ["install", "npm:@acme/weather@^1", "--scope", "project", "--unconfined"];
    let install = [install.as_slice(), &FRESH].concat();
    developer.ok(&install);
    let wanted = format!(
        "# ours\n[servers]\n\"{NAME}\" = {{ version = \"^1\", from = \"npm:@acme/weather\" }}\n"
    );
    assert_eq!(developer.read("mcpkg.toml"), wanted);
    developer.ok(&install);
    assert_eq!(developer.read("mcpkg.toml"), wanted);
    developer.ok(&["sync", "--locked"]);
    developer.ok(&["remove", NAME, "--scope", "project"]);
    assert_eq!(developer.read("mcpkg.toml"), "# ours\n[servers]\n");
}
