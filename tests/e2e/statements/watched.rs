//! What a monitor tells of statements.

use mcpkg_core::TreeHasher;
use mcpkg_core::api::Status;
use mcpkg_core::statement::RebuiltArtifact;
use mcpkg_test_support::sigstore::{Identity, surgery};
use mcpkg_test_support::{LyingRegistry, Outcome, World};
use serde_json::{Value, json};

use super::state;
use crate::fixture::{Fixture, NAME, acme, is_index, is_release};

type Edit = fn(&mut Value);

fn look(world: &World, more: &[&str]) -> (Outcome, Vec<Value>) {
    let outcome = world.run(&[&["log", "watch", "--once", "--json"], more].concat());
    let told = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (outcome, told)
}

/// A log in which everything was stated that can be: entries 1 to 4.
fn told() -> Fixture {
    let fixture = Fixture::with_weather();
    state(&fixture, |it| it.status("1.2.0", Status::Yanked, Some("it loses rain")), &acme());
    let release = fixture.release(NAME, "1.2.0");
    let tree = serde_json::from_value(release["artifacts"][0]["tree"].clone()).unwrap();
    let platform = serde_json::from_value(release["artifacts"][0]["platform"].clone()).unwrap();
    for built in [tree, TreeHasher::default().finish()] {
        let artifacts = vec![RebuiltArtifact { platform, published: tree, built }];
        let anna = Identity::github("anna/rebuilds").repository_id("7");
        state(&fixture, |it| it.rebuild("1.2.0", artifacts), &anna);
    }
    let mut moved = release["publisher"].clone();
    moved["repositoryId"] = json!("1002");
    moved["repository"] = json!("https://github.com/acme/forecasts");
    let moved = serde_json::from_value(moved).unwrap();
    state(&fixture, |it| it.binding(&moved), &acme());
    fixture
}

#[test]
fn who_cares_for_a_name_is_told_what_is_stated_and_alarmed_by_what_cannot_wait() {
    let fixture = told();
    let (outcome, events) = look(&fixture.developer(), &["--name", NAME]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    let found: Vec<_> = events
        .iter()
        .map(|it| {
            let word = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            (it["entry"].as_u64().unwrap(), word("kind") + &word("code"))
        })
        .collect();
    let expected = [
        (0, "publish"),
        (1, "status"),
        (2, "rebuild"),
        (3, "rebuild"),
        (3, "E_REBUILDS"),
        (4, "binding"),
        (4, "E_IDENTITY_CHANGED"),
    ];
    assert_eq!(found, expected.map(|(entry, word)| (entry, word.to_owned())), "{outcome}");
    assert_eq!(events[1]["status"], "yanked");
    assert!(events[1]["message"].as_str().unwrap().ends_with(": it loses rain"));
    assert_eq!(
        (&events[2]["result"], &events[3]["result"]),
        (&json!("identical"), &json!("different"))
    );
    let alarm = events[6]["message"].as_str().unwrap();
    assert!(alarm.contains("github.com/acme/forecasts#1002/"), "{alarm}");

    // Somebody who does not is not, and everything holds.
    let world = fixture.developer();
    let (outcome, events) = look(&world, &["--full"]);
    assert_eq!((outcome.code, events.len()), (Some(0), 0), "{outcome}");
    let text = fixture.developer().run(&["log", "watch", "--once", "--name", NAME]);
    assert!(text.stdout.contains("alarm[E_IDENTITY_CHANGED]: "), "{text}");
    assert!(text.stdout.contains("mcpkg publisher cancel"), "{text}");
}

#[test]
fn what_is_shown_otherwise_than_it_was_stated_is_found_out() {
    let fixture = told();
    let statement = "what entry 1 says of";
    let rows: [(&str, &str, &str, Edit, Edit); 8] = [
        (
            "E_HIDDEN_RELEASE",
            statement,
            "not shown",
            |_| (),
            |it| {
                it["statements"].as_array_mut().unwrap().remove(0);
            },
        ),
        (
            "E_LOG_SUBJECT",
            statement,
            "another entry",
            |_| (),
            |it| {
                it["statements"][0]["entry"]["reason"] = json!("none");
            },
        ),
        (
            "E_LOG_SUBJECT",
            statement,
            "another bundle",
            |_| (),
            |it| {
                surgery::flip_signature(&mut it["statements"][0]["bundle"]["bundle"]);
            },
        ),
        (
            "E_LOG_PROOF",
            statement,
            "another receipt",
            |_| (),
            |it| {
                let receipt = it["statements"][1]["receipt"].as_str().unwrap();
                it["statements"][0]["receipt"] = json!(receipt.replace("index 2", "index 1"));
                it["statements"].as_array_mut().unwrap().remove(1);
                let rebuild = it["statements"][1].clone();
                it["statements"].as_array_mut().unwrap().push(rebuild);
            },
        ),
        (
            "E_HIDDEN_RELEASE",
            "the index of",
            "a yank not shown",
            |it| {
                it["releases"][0]["status"] = json!("active");
            },
            |_| (),
        ),
        (
            "E_HIDDEN_RELEASE",
            "the index of",
            "a rebuild not shown",
            |it| {
                it["releases"][0]["rebuilds"].as_array_mut().unwrap().pop();
            },
            |_| (),
        ),
        (
            "E_HIDDEN_RELEASE",
            "the index of",
            "an announcement not shown",
            |it| {
                it.as_object_mut().unwrap().remove("announced");
            },
            |_| (),
        ),
        (
            "E_PUBLISHER",
            "the index of",
            "announced for another time",
            |it| {
                it["announced"]["effective"] = json!("2100-01-01T00:00:00Z");
            },
            |_| (),
        ),
    ];
    for (code, subject, what, index, release) in rows {
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| match path {
            path if is_index(path) => answer.edit(index),
            path if is_release(path) => answer.edit(release),
            _ => answer,
        });
        let world = fixture.developer_at(liar.url());
        let (outcome, events) = look(&world, &[]);
        let is_it = |it: &&Value| {
            it["code"] == code && it["message"].as_str().unwrap().starts_with(subject)
        };
        assert!(events.iter().any(|it| is_it(&it)), "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
    }
}

#[test]
fn an_announcement_that_is_hidden_is_found_out_by_its_entry() {
    let fixture = told();
    let liar = LyingRegistry::start(fixture.registry.url(), |path, answer| {
        if is_index(path) { answer.edit(|it| it["bindings"] = json!([])) } else { answer }
    });
    let (outcome, events) = look(&fixture.developer_at(liar.url()), &[]);
    let about: Vec<_> = events.iter().map(|it| (&it["entry"], &it["code"])).collect();
    let hidden = json!("E_HIDDEN_RELEASE");
    assert_eq!(about, [(&json!(4), &hidden), (&Value::Null, &hidden)], "{outcome}");
}
