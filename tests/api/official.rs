//! `/v0.1/…` and `/v0/…`: the MCP registry's API.

mod allowed;
mod importing;
mod kept;
mod mirrored;
mod openapi;
mod publisher;
mod publishing;
mod reading;
pub(crate) mod withdrawn;

pub(crate) use importing::entry;
use mcpkg_test_support::{Reply, TestRegistry};
use serde_json::Value;

/// The key of `_meta` under which a registry says what it knows.
const REGISTRY_META: &str = "io.modelcontextprotocol.registry/official";

/// A document that has to be there.
#[track_caller]
fn get(registry: &TestRegistry, path: &str) -> Value {
    let reply: Reply = registry.http().get(path);
    assert_eq!(reply.status, 200, "{path}: {reply}");
    reply.json()
}

/// The entries of a page, as `name@version`.
pub(crate) fn listed(page: &Value) -> Vec<String> {
    let servers = page["servers"].as_array().expect("a page has servers");
    assert_eq!(page["metadata"]["count"], servers.len(), "{page}");
    servers.iter().map(title).collect()
}

pub(crate) fn title(entry: &Value) -> String {
    let text = |key: &str| entry["server"][key].as_str().expect("it is text").to_owned();
    format!("{}@{}", text("name"), text("version"))
}

/// What the registry says of an entry.
pub(crate) fn meta(entry: &Value) -> &Value {
    &entry["_meta"][REGISTRY_META]
}
