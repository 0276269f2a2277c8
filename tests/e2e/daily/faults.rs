//! A full disk, and a process that is killed at any point: nothing is half done, and the
//! next run goes on.

use std::fs;
use std::time::{Duration, Instant};

use mcpkg_test_support::mount::Mount;
use mcpkg_test_support::{Draft, World};

use super::{installed, publish};
use crate::fixture::{Fixture, NAME};

/// Runs `mcpkg` and kills it after so many milliseconds.
fn killed(world: &World, args: &[&str], milliseconds: u64) {
    let mut child = world.command(args).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_update_that_is_killed_leaves_the_old_or_the_new_release() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    publish(&fixture, &Draft::new(NAME, "1.3.0").with_bytes(4 << 20));
    let old = developer.read(".config/mcpkg/mcpkg.lock");
    // Somewhere in the download, while unpacking, between the steps that commit.
    for milliseconds in (0..120).step_by(12) {
        fs::write(developer.lock_path(), &old).unwrap();
        killed(&developer, &["update", "--yes", "--quiet"], milliseconds);
        developer.ok(&["verify"]);
    }
    developer.ok(&["update", "--yes"]);
    assert_eq!(installed(&developer), "1.3.0");
}

#[test]
fn a_sync_that_is_killed_is_finished_by_the_next() {
    let fixture = Fixture::empty();
    publish(&fixture, &Draft::new(NAME, "1.2.0").with_bytes(4 << 20));
    let developer = fixture.developer();
    developer.file("mcpkg.toml", "[servers]\n\"io.github.acme/weather\" = \"*\"\n");
    developer.ok(&["sync", "--yes"]);
    for milliseconds in (0..120).step_by(12) {
        let colleague = fixture.developer();
        for file in ["mcpkg.toml", "mcpkg.lock"] {
            colleague.file(file, developer.read(file));
        }
        killed(&colleague, &["sync", "--locked", "--quiet"], milliseconds);
        // Settings name only what is there.
        if colleague.path().join(".mcp.json").exists() {
            colleague.ok(&["verify"]);
        }
        colleague.ok(&["sync", "--locked"]);
        colleague.ok(&["verify"]);
        assert_eq!(colleague.read("mcpkg.lock"), developer.read("mcpkg.lock"));
        let staging = colleague.store_path().join("staging");
        let left = fs::read_dir(staging).map(Iterator::count).unwrap_or_default();
        // What a killed process left there is swept away when something is next staged.
        assert!(left <= 1, "{left}");
    }
}

#[test]
fn a_full_disk_keeps_the_old_release_and_the_next_update_goes_on() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let Some(_mount) = Mount::over(developer.store_path(), "2m") else { return };
    developer.ok(&["install", NAME, "--yes"]);
    publish(&fixture, &Draft::new(NAME, "1.3.0").with_bytes(4 << 20));
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.refused(&["update", "--yes"], 1, &["E_STORAGE"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    assert_eq!(fs::read_dir(developer.store_path().join("staging")).unwrap().count(), 0);
    developer.ok(&["verify"]);
    publish(&fixture, &Draft::new(NAME, "1.3.1"));
    developer.ok(&["update", "--yes"]);
    assert_eq!(installed(&developer), "1.3.1");
}
