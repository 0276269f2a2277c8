//! What no server gets, and what it gets of what it was granted.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::server::{Level, Victim};
use crate::fixture::NAME;

/// Granted, and refused: the whole launch, with nothing started.
#[test]
fn a_grant_of_what_no_server_gets_is_refused() {
    let read = |path: &str| json!({ "filesystem": { "read": [path] } });
    let write = |path: &str| json!({ "filesystem": { "write": [path] } });
    let rows: [(Value, &str); 8] = [
        (read("${home}/.ssh"), "which no server gets"),
        (read("${home}/.ssh/id_ed25519"), "which no server gets"),
        (read("${home}/link"), "which no server gets"),
        (read("/proc/1"), "which no server gets"),
        (read("${home}/.local/share/mcpkg/trees"), "which no server gets"),
        (write("${home}/.claude.json"), "which no server gets"),
        // Around places that are not there yet, and could be made.
        (write("${home}/.config"), "is not there yet"),
        // The home folder is no project.
        (read("${workspace}"), "is no project"),
    ];
    for (permissions, reason) in rows {
        let victim = Victim::of(&permissions, &[]);
        victim.world.file(".ssh/id_ed25519", "key\n");
        symlink(".ssh", victim.world.path().join("link")).unwrap();
        let outcome = victim.world.refused(&["run", "weather"], 3, &["E_CONFINEMENT"]);
        assert!(outcome.stderr.contains(reason), "{permissions}\n{outcome}");
    }
}

#[test]
fn a_denied_place_in_a_granted_folder_is_empty() {
    let victim = Victim::of(&json!({ "filesystem": { "read": ["${home}/.config"] } }), &[]);
    let world = &victim.world;
    world.file(".config/acme/units", "metric\n");
    world.file(".config/gcloud/token", "token\n");
    let config = world.path().join(".config");
    let config = config.display();
    let (theirs, token) =
        (format!("read {config}/acme/units"), format!("read {config}/gcloud/token"));
    let (ours, write) = (format!("list {config}/mcpkg"), format!("write {config}/acme/units"));
    let attempts = [&theirs, &token, &ours, &write];
    let tried = victim.tries(Level::Strong, &attempts);
    if tried.was_at(Level::Strong) {
        assert_eq!(attempts.map(|it| tried.came_of(it)), ["done", "ENOENT", "", "EROFS"]);
    }
    // Landlock cannot take a place out of a folder that it grants.
    let tried = victim.tries(Level::Medium, &attempts);
    assert_eq!(tried.outcome.codes(), ["E_CONFINEMENT"], "{}", tried.outcome);
}

#[test]
fn a_server_works_in_its_project_but_not_on_what_acts_by_itself_there() {
    let permissions = json!({ "filesystem": { "write": ["${workspace}", "${data}"] } });
    let victim = Victim::of(&permissions, &[]);
    let world = &victim.world;
    for path in [".git/hooks/post-commit", ".git/config", ".mcp.json", "mcpkg.lock", "src/main.rs"]
    {
        world.file(&format!("project/{path}"), "mine\n");
    }
    let project = fs::canonicalize(world.path().join("project")).unwrap();
    let data = project.parent().unwrap().join(".local/share/mcpkg/servers").join(NAME);
    let (project, data) = (project.display(), data.display());
    let rows = [
        (format!("write {project}/src/main.rs"), "done"),
        (format!("write {project}/new"), "done"),
        (format!("read {project}/.git/config"), "done"),
        (format!("write {project}/.git/config"), "EROFS"),
        (format!("write {project}/.git/hooks/pre-push"), "EROFS"),
        (format!("write {project}/.mcp.json"), "EROFS"),
        (format!("write {project}/mcpkg.lock"), "EROFS"),
        // A mount is not moved away.
        (format!("rename {project}/.git/hooks"), "EBUSY"),
        (format!("write {data}/kept"), "done"),
    ];
    let mut command = victim.command(Level::Strong);
    command.current_dir(world.path().join("project"));
    let attempts: Vec<&str> = rows.iter().map(|(attempt, _)| attempt.as_str()).collect();
    let tried = super::server::Tried::of(command, &attempts);
    if !tried.was_at(Level::Strong) {
        return;
    }
    for (attempt, expected) in &rows {
        assert_eq!(tried.came_of(attempt), *expected, "{attempt}\n{}", tried.outcome);
    }
    assert_eq!(world.read("project/src/main.rs"), "mine\nx");
    assert_eq!(world.read("project/.mcp.json"), "mine\n");
    assert_eq!(world.read(&format!(".local/share/mcpkg/servers/{NAME}/kept")), "x");
}

#[test]
fn what_acts_by_itself_and_was_made_in_a_project_is_told() {
    let permissions = json!({ "filesystem": { "write": ["${workspace}"] } });
    let victim = Victim::of(&permissions, &[]);
    let world = &victim.world;
    world.file("project/package.json", "{}\n");
    let project = fs::canonicalize(world.path().join("project")).unwrap();
    let failure = world.path().join(format!(".local/state/mcpkg/failures/{NAME}.json"));
    for level in [Level::Strong, Level::Medium] {
        let run = |attempt: &str| {
            let mut command = victim.command(level);
            command.current_dir(&project);
            super::server::Tried::of(command, &[attempt])
        };
        let harmless = format!("write {}/notes.txt", project.display());
        let tried = run(&harmless);
        if !tried.was_at(level) {
            continue;
        }
        assert_eq!(tried.came_of(&harmless), "done", "{}", tried.outcome);
        assert!(!failure.exists(), "{}", tried.outcome);
        let settings = project.join(".mcp.json");
        let write = format!("write {}", settings.display());
        let tried = run(&write);
        assert_eq!(tried.came_of(&write), "done", "nothing can cover what is not there");
        let said = tried.outcome.stderr.contains("this was made, which agents or git act on");
        assert!(said, "{}", tried.outcome);
        let kept = fs::read_to_string(&failure).unwrap();
        assert!(kept.contains("E_CONFINEMENT") && kept.contains(".mcp.json"), "{kept}");
        let doctor = world.run(&["doctor"]);
        assert!(doctor.stdout.contains("before you start an agent there"), "{doctor}");
        fs::remove_file(settings).unwrap();
        run(&harmless);
        assert!(!failure.exists(), "it is news once");
    }
}

#[test]
fn a_link_in_a_project_leads_nowhere() {
    let permissions = json!({ "filesystem": { "read": ["${workspace}/docs"] } });
    let victim = Victim::of(&permissions, &[]);
    victim.world.file("project/.git/config", "");
    victim.world.file("documents/letter", "dear\n");
    let project = victim.world.path().join("project");
    symlink("../documents", project.join("docs")).unwrap();
    let mut command = victim.command(Level::Strong);
    command.current_dir(&project);
    let tried = super::server::Tried::of(command, &["variables"]);
    assert_eq!(tried.outcome.codes(), ["E_CONFINEMENT"], "{}", tried.outcome);
}

#[test]
fn running_unconfined_is_asked_for_by_name_and_said_at_every_start() {
    let victim = Victim::of(&json!({}), &[]);
    let lock = victim.world.read(".config/mcpkg/mcpkg.lock");
    assert!(!lock.contains("confinement"), "{lock}");
    let outcome = victim.world.ok(&["install", NAME, "--yes", "--unconfined"]);
    assert!(outcome.stderr.contains("NONE, as you asked"), "{outcome}");
    let lock = victim.world.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains("confinement = \"none\""), "{lock}");
    let tried = victim.tries(Level::None, &["status Seccomp"]);
    assert!(tried.outcome.stderr.contains("is not confined"), "{}", tried.outcome);
    // Installed again without the word, it is confined again.
    let outcome = victim.world.ok(&["install", NAME, "--yes"]);
    assert!(!outcome.stderr.contains("NONE"), "{outcome}");
    assert!(!victim.world.read(".config/mcpkg/mcpkg.lock").contains("confinement"));
}
