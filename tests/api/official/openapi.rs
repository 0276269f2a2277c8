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
