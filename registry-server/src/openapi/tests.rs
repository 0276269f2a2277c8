//! The document says what the code does, and the code what the document says.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn kept() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json")
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let generated = String::from_utf8(json().to_vec()).unwrap();
    if std::env::var_os("MCPKG_WRITE_SCHEMAS").is_some() {
        std::fs::write(kept(), &generated).unwrap();
    }
    let kept = std::fs::read_to_string(kept()).unwrap().replace("\r\n", "\n");
    assert!(kept == generated, "schemas/openapi.json is out of date: set MCPKG_WRITE_SCHEMAS=1");
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let document = document();
    let documented: BTreeSet<String> =
        document["paths"].as_object().unwrap().keys().cloned().collect();
    let routed: BTreeSet<String> = routes::addresses().into_iter().collect();
    assert_eq!(routed, documented);
}

#[test]
fn whatever_is_referred_to_is_there_and_every_operation_has_its_own_id() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split('{').skip(1).filter_map(|rest| rest.split_once('}')) {
                let is_it = |it: &Value| it["name"] == name.0 && it["in"] == "path";
                assert!(parameters.iter().any(is_it), "{method} {path} has no {}", name.0);
            }
        }
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// Bodies that somebody else describes: the document itself.
const OTHERS: [&str; 1] = ["/openapi.json"];

#[test]
fn every_body_of_json_or_of_a_form_says_what_it_is_made_of() {
    let document = document();
    let mut said = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            for body in answers.chain(operation.get("requestBody")) {
                for (kind, media) in body["content"].as_object().into_iter().flatten() {
                    let is_plain = kind == "application/octet-stream" || kind.starts_with("text/");
                    if is_plain || OTHERS.contains(&path.as_str()) {
                        continue;
                    }
                    assert!(says(&document, &media["schema"]), "{method} {path}: {media}");
                    said += 1;
                }
            }
        }
    }
    assert!(said > 80, "{said}");
}

/// Whether a schema says more than that there is something.
fn says(document: &Value, schema: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        return target.is_some_and(|target| says(document, target));
    }
    let parts = ["properties", "allOf", "oneOf", "anyOf", "items", "enum"];
    parts.iter().any(|part| schema.get(part).is_some())
}

#[test]
fn every_schema_of_a_file_is_one() {
    for text in SCHEMAS {
        let schema: Value = serde_json::from_str(text).unwrap();
        assert!(schema["$defs"].is_object() || schema["type"] == "object", "{text}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.push(reference.clone());
            }
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => (),
    }
}
