//! What the HTTP interface is, for programs: `/openapi.json`.
//!
//! Each group of routes says in its own file what its operations take and answer
//! (`#[utoipa::path]`, collected by a `Document` beside the router), and
//! [`routes::documents`](crate::routes::documents) lists the groups. Here they become
//! one document, with what all of them have in common: a stable id for each operation,
//! the problem that each may answer, and the schemas of the bodies. Those of our own
//! documents are the files in `schemas/`, which are made from the types that are sent.
//!
//! The document is committed in `schemas/openapi.json`, and a test holds it to the
//! code and the code to it.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use crate::routes;

/// The schemas of bodies: of our own documents, and of the MCP registry's API.
const SCHEMAS: [&str; 13] = [
    include_str!("../../schemas/problem.schema.json"),
    include_str!("../../schemas/package-index.schema.json"),
    include_str!("../../schemas/release-document.schema.json"),
    include_str!("../../schemas/search-page.schema.json"),
    include_str!("../../schemas/log.schema.json"),
    include_str!("../../schemas/signed-indexes.schema.json"),
    include_str!("../../schemas/removals.schema.json"),
    include_str!("../../schemas/sources.schema.json"),
    include_str!("../../schemas/review-list.schema.json"),
    include_str!("../../schemas/review.schema.json"),
    include_str!("../../schemas/new-vote.schema.json"),
    include_str!("../../schemas/indexes-request.schema.json"),
    include_str!("openapi/mcp-registry.schema.json"),
];

/// The statuses that every operation may answer, whatever is asked: malformed, from nobody
/// that is known, nothing that they may know of, too long an address, a defect, a damaged
/// disk or a source that lies, and a busy or full one.
const COMMON: [&str; 8] = ["400", "401", "404", "414", "500", "502", "503", "507"];

/// What whole parts of the interface are below, and what that is.
const FACES: [(&str, &str); 2] = [
    ("registry", "One of the registries that the server is configured with"),
    ("source", "One of the registries that the server mirrors"),
];

/// The document's head.
#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "mcpkg-registry",
    description = "A signed registry for MCP servers: its own interface below `/v1`, and the MCP \
                   registry's API below `/v0.1` and `/v0`.",
    license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
))]
struct Head;

/// The document, as it is sent.
pub(crate) fn json() -> Bytes {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
        text.push('\n');
        text.into()
    });
    JSON.clone()
}

fn document() -> Value {
    let mut whole = Head::openapi();
    for (prefix, part) in routes::documents() {
        whole = if prefix.is_empty() { whole.merge_from(part) } else { whole.nest(prefix, part) };
    }
    // Our types have no map with keys that are no strings, which is the only way to fail.
    let mut whole = serde_json::to_value(&whole).unwrap_or_default();
    if let Some(paths) = whole["paths"].as_object_mut() {
        paths.sort_keys();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object_mut().into_iter().flatten() {
                complete(path, method, operation);
            }
        }
    }
    let components = json!({
        "schemas": schemas(&whole),
        "responses": { "Problem": {
            "description": "What is wrong, with a stable code (RFC 9457)",
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" }
            } },
        } },
        "securitySchemes": { "registryToken": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "What `/v0.1/auth/…` answers, good for minutes",
        } },
    });
    whole["components"] = components;
    whole
}

/// Adds to an operation what all have, or need by their address.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let words = path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    let id: Vec<&str> = std::iter::once(method).chain(words).collect();
    operation["operationId"] = id.join("-").into();
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    if let Some(answers) = operation["responses"].as_object_mut() {
        for (status, answer) in answers.iter_mut() {
            if status.starts_with(['4', '5']) && answer.get("content").is_none() {
                *answer = problem.clone();
            }
        }
        for status in COMMON {
            answers.entry(status).or_insert_with(|| problem.clone());
        }
        // From below us, where heads are read: it has no body.
        let head = json!({ "description": "The head of the request is too long" });
        answers.entry("431").or_insert(head);
        answers.sort_keys();
    }
    // Not by index, which would put a `null` where there are none.
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if let Some(schema) = schema_of_parameter(parameter["name"].as_str().unwrap_or_default()) {
            parameter["schema"] = schema;
        }
    }
    for (name, description) in FACES {
        if !path.contains(&format!("{{{name}}}")) {
            continue;
        }
        let parameter = json!({
            "name": name, "in": "path", "required": true, "description": description,
            "schema": { "type": "string", "pattern": "^[a-z0-9-]{1,64}$" },
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.insert(0, parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
}

/// What a variable segment may be, where its type does not say.
fn schema_of_parameter(name: &str) -> Option<Value> {
    const NAMESPACE: &str = "[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?";
    const SHORT: &str = "[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?";
    let pattern = match name {
        "serverName" => format!("^{NAMESPACE}/{SHORT}$"),
        "namespace" => format!("^{NAMESPACE}$"),
        "name" => format!("^{SHORT}$"),
        "digest" => "^sha256:[0-9a-f]{64}$".to_owned(),
        "cursor" => "^[A-Za-z0-9_-]+$".to_owned(),
        _ => return None,
    };
    Some(json!({ "type": "string", "pattern": pattern, "maxLength": 2000 }))
}

/// All schemas by their name: those of the operations' own types, and those of the files.
fn schemas(whole: &Value) -> Map<String, Value> {
    let mut all = whole["components"]["schemas"].as_object().cloned().unwrap_or_default();
    for text in SCHEMAS {
        // The files are in the program; a test parses each.
        let mut schema: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(members) = schema.as_object_mut() else { continue };
        let parts = members.shift_remove("$defs");
        members.retain(|key, _| !matches!(key.as_str(), "$schema" | "$id"));
        let name = members.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        if members.contains_key("type") {
            all.insert(name, schema);
        }
        all.extend(parts.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
    }
    all.values_mut().for_each(point_to_components);
    all.sort_keys();
    all
}

/// Where the parts of a schema are, once it is in the document.
fn point_to_components(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace("#/$defs/", "#/components/schemas/");
            }
            members.values_mut().for_each(point_to_components);
        }
        Value::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => (),
    }
}

#[cfg(test)]
mod tests;
