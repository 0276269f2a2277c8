//! What a build can do to whoever rebuilds.

use super::repository::Repository;
use super::{json, publish, rebuild, script};
use crate::fixture::Fixture;

/// A script that tries `attempt` when it is run again, and tells by its output
/// whether it succeeded.
fn trying(attempt: &str) -> String {
    let index = "pkg/server/index.js";
    let denied = format!("echo denied > {index}");
    let tried = format!("if {attempt}; then echo done > {index}; else {denied}; fi");
    script(&denied, &tried)
}

#[test]
fn a_confined_build_reaches_neither_files_nor_network_nor_processes() {
    let fixture = Fixture::empty();
    let world = fixture.developer();
    let secret = world.file("secret", "secret\n").display().to_string();
    let port = fixture.registry.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let attempts = [
        ("a file of the user's", format!("cat {secret}"), true),
        ("the user's home", format!("ls {}", world.path().display()), true),
        ("another folder", format!("touch {}/made", world.path().display()), true),
        ("the network", format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"), true),
        // It is the first process that a confined build sees, or its child.
        ("other processes", "test $$ -gt 50".to_owned(), true),
        ("who else is on this machine", "grep -q root /etc/passwd".to_owned(), true),
        // What nobody but root can do outside, not even the user.
        ("the system", "touch /usr/made-by-a-build".to_owned(), false),
        ("mounting", "mount -t tmpfs none /tmp".to_owned(), false),
        ("making it writable again", "mount -o remount,rw,bind /usr".to_owned(), false),
        ("a way back", "unshare -Urm mount -o remount,rw,bind /usr".to_owned(), false),
    ];
    for (index, (what, attempt, is_possible_unconfined)) in attempts.iter().enumerate() {
        let Some(repository) = Repository::new(&trying(attempt)) else { return };
        let fixture = Fixture::empty();
        publish(&fixture, &repository);
        let rebuilder = fixture.developer();
        let outcome = rebuild(&rebuilder, &repository, &["--json"]);
        let found = json(&outcome);
        if found["confinement"]["level"] != "confined" {
            assert_eq!(index, 0, "{outcome}");
            return;
        }
        assert_eq!(found["confinement"]["network"], false);
        assert_eq!(found["result"], "identical", "{what} was reached\n{outcome}");
        if *is_possible_unconfined {
            // The attempt is a real one: without confinement it succeeds.
            let outcome = rebuild(&rebuilder, &repository, &["--json", "--unconfined"]);
            let found = json(&outcome);
            assert_eq!(found["result"], "different", "{what} was not reached\n{outcome}");
            assert_eq!(found["confinement"]["level"], "unconfined");
            assert!(outcome.stderr.contains("the build was not confined"), "{outcome}");
        }
    }
}

#[test]
fn a_recipe_may_ask_for_the_network_and_nothing_is_left_running() {
    let fixture = Fixture::empty();
    let port = fixture.registry.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    // A number of seconds that nobody else sleeps for.
    let left = "sleep 86397 & setsid sleep 86398 &";
    let reach =
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' && echo a > pkg/server/index.js");
    let toml = "[build]\nsteps = [[\"sh\", \"build.sh\"]]\nfolder = \"pkg\"\nnetwork = true\n";
    let script = script("echo a > pkg/server/index.js", &format!("{reach}; {left}"));
    let Some(repository) = Repository::with(&script, "", &[("mcpkg.toml", toml)]) else { return };
    publish(&fixture, &repository);
    let outcome = rebuild(&fixture.developer(), &repository, &["--json"]);
    let found = json(&outcome);
    assert_eq!(found["result"], "identical", "{outcome}");
    if found["confinement"]["level"] == "confined" {
        assert_eq!(found["confinement"]["network"], true);
        let running = std::fs::read_dir("/proc").unwrap().any(|process| {
            let line = std::fs::read(process.unwrap().path().join("cmdline"));
            line.is_ok_and(|line| line.starts_with(b"sleep\x008639"))
        });
        assert!(!running, "a process of the build is still there");
    }
}

#[test]
fn the_system_is_read_only_also_where_temporary_files_are_behind_a_link() {
    let Some(repository) = Repository::new(&trying("touch /usr/made-by-a-build")) else { return };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    let mut world = fixture.developer();
    let real = world.file("real/file", "");
    let link = world.path().join("link");
    std::os::unix::fs::symlink(real.parent().unwrap(), &link).unwrap();
    world.set([("TMPDIR".to_owned(), link.display().to_string())]);
    let outcome = world.run(&["rebuild", super::RELEASE, "--source", repository.path(), "--json"]);
    if outcome.codes() == ["E_BUILD"] {
        eprintln!("skipped: confinement\n{outcome}");
        return;
    }
    assert_eq!(json(&outcome)["result"], "identical", "{outcome}");
}

#[test]
fn a_home_among_the_systems_folders_is_not_seen() {
    // What is under `/usr` is shown; this says that it is somebody's home.
    let listing = "test -n \"$(ls /usr/share)\"";
    let Some(repository) = Repository::new(&trying(listing)) else { return };
    let fixture = Fixture::empty();
    publish(&fixture, &repository);
    let mut world = fixture.developer();
    let folder = |name: &str| world.path().join(name).display().to_string();
    let places = [
        ("XDG_CONFIG_HOME", folder(".config")),
        ("XDG_DATA_HOME", folder(".local/share")),
        ("XDG_STATE_HOME", folder(".local/state")),
        ("HOME", "/usr/share".to_owned()),
    ];
    world.set(places.map(|(name, value)| (name.to_owned(), value)));
    let found = json(&rebuild(&world, &repository, &["--json"]));
    if found["confinement"]["level"] == "confined" {
        assert_eq!(found["result"], "identical", "{found}");
    }
}
