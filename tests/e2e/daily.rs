//! What is done every day with what is installed.

mod audit;
mod doctor;
mod export;
mod faults;
mod known;
mod permissions;
mod sync;
mod update;

use mcpkg_test_support::{Draft, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};

/// Permissions to connect to these hosts, as they stand in a `server.json`.
fn network(hosts: &[&str]) -> Value {
    json!({ "network": { "allow": hosts } })
}

/// A release that asks for these permissions.
fn asking(name: &str, version: &str, permissions: &Value) -> Draft {
    let mut draft = Draft::new(name, version);
    let meta = "io.modelcontextprotocol.registry/publisher-provided";
    draft.server["_meta"] = json!({ meta: { "mcpkg": { "permissions": permissions } } });
    draft
}

/// Publishes a release that Acme signed.
#[track_caller]
fn publish(fixture: &Fixture, draft: &Draft) {
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));
}

/// What `mcpkg` printed as data.
#[track_caller]
fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The version of Acme's weather server that the user has.
fn installed(developer: &World) -> String {
    let list = data(&developer.ok(&["list", "--json"]).stdout);
    let all = list.as_array().unwrap();
    let weather = all.iter().find(|it| it["server"]["name"] == NAME).unwrap();
    weather["server"]["version"].as_str().unwrap().to_owned()
}
