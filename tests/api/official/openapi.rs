//! `/openapi.json`

use std::path::Path;

use serde_json::Value;

use super::get;
use crate::{release, start};

#[test]
fn every_documented_address_answers_with_a_documented_status() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let document = get(&registry, "/openapi.json");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(operation) = methods.get("get") else { continue };
        let answers = operation["responses"].as_object().unwrap();
        let there = path
            .replace("{registry}", "team")
            .replace("{source}", "public")
            .replace("{serverName}", "io.github.acme%2Fweather")
            .replace("{namespace}", "io.github.acme")
            .replace("{name}", "weather")
            .replace("{version}", "1.0.0")
            .replace("{path}", "0/000.p/1");
        for path in [there.clone(), format!("{there}?limit=x&at=x&seen=x"), path.replace('{', "%")]
        {
            let reply = registry.http().get(&path);
            let status = reply.status.to_string();
            let answer = answers.get(&status).unwrap_or_else(|| panic!("{path}: {reply}"));
            let types = answer["content"].as_object();
            if let Some(types) = types {
                let found = reply.header("content-type");
                assert!(types.contains_key(found), "{path} is {found}, expected {types:?}");
                if found.ends_with("json") && path != "/openapi.json" {
                    fits(&document, &types[found]["schema"], &reply.json(), &path);
                }
            }
            asked += 1;
        }
        let is_named = there.contains("/registry/") || there.contains("/source/");
        let is_elsewhere =
            ["{digest}", "/entries/", "/checkpoints/", "/access/", "/review", "/.well-known/"]
                .iter()
                .any(|part| path.contains(part));
        if !is_named && !is_elsewhere {
            assert_eq!(registry.http().get(&there).status, 200, "{there}");
        }
    }
    assert!(asked > 60, "{asked}");
}

/// Whether a value has what its schema asks for, and nothing that it does not name.
#[track_caller]
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        return fits(document, target, value, place);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place} lacks {required}");
    }
    let named = schema["properties"].as_object();
    for (key, member) in value.as_object().into_iter().flatten() {
        let place = format!("{place}/{key}");
        match named.map(|named| named.get(key)) {
            Some(Some(schema)) => fits(document, schema, member, &place),
            // The MCP registry lets its documents have more than it names.
            Some(None) if schema["additionalProperties"] == false || !place.contains("/v0") => {
                panic!("{place} is not named")
            }
            _ => (),
        }
    }
    let items = schema.get("items").filter(|_| value.is_array());
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(schema) = items {
            fits(document, schema, item, &format!("{place}/{index}"));
        }
    }
}

#[test]
fn a_review_is_what_the_document_says() {
    let (_sigstore, registry) = start();
    let document = get(&registry, "/openapi.json");
    let line = serde_json::json!({
        "name": "io.github.acme/weather", "version": "1.0.0",
        "decision": {
            "outcome": "quarantined", "sentence": "it asks for a host", "policies": ["hosts"],
            "approvals": { "needed": 1, "given": 0, "isOverride": false },
            "decidedAt": "2026-11-01T00:00:00Z",
        },
    });
    let line: mcpkg_core::review::ReviewLine = serde_json::from_value(line).unwrap();
    let review = mcpkg_core::review::Review {
        line: line.clone(),
        facts: serde_json::json!({}),
        difference: mcpkg_core::review::Difference {
            tools: vec!["a new tool".to_owned()],
            ..Default::default()
        },
        votes: Vec::new(),
        fingerprint: mcpkg_core::Digest::of(b"x"),
    };
    let list = mcpkg_core::review::ReviewList { releases: vec![line], next_cursor: None };
    let one = "/v1/review/{namespace}/{name}/{version}";
    for (path, value) in [
        ("/v1/review", serde_json::to_value(list).unwrap()),
        (one, serde_json::to_value(review).unwrap()),
    ] {
        let answer = &document["paths"][path]["get"]["responses"]["200"];
        let schema = &answer["content"]["application/json"]["schema"];
        fits(&document, schema, &value, path);
    }
    let body = &document["paths"][format!("{one}/approve")]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/NewVote");
}

#[test]
fn what_the_mcp_registry_documents_for_readers_is_there() {
    let (_sigstore, registry) = start();
    let document = get(&registry, "/openapi.json");
    for path in [
        "/v0.1/servers",
        "/v0.1/servers/{serverName}/versions",
        "/v0.1/servers/{serverName}/versions/{version}",
    ] {
        let ours = document["paths"][path]["get"].as_object();
        assert!(ours.is_some(), "{path}");
    }
    let list = &document["paths"]["/v0.1/servers"]["get"]["parameters"];
    let names: Vec<&Value> = list.as_array().unwrap().iter().map(|it| &it["name"]).collect();
    for name in ["cursor", "limit", "search", "updated_since", "version", "include_deleted"] {
        assert!(names.contains(&&Value::from(name)), "{name} in {names:?}");
    }
}

#[test]
fn the_document_that_is_served_is_the_one_that_is_committed() {
    let (_sigstore, registry) = start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let served = registry.http().get("/openapi.json");
    assert!(String::from_utf8(served.body).unwrap() == kept, "schemas/openapi.json is another");
}
