mod commands;
mod launches;
mod reading;

use serde_json::Value;

use super::Manifest;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/manifest/", $name))
    };
}

const WEATHER: &str = vector!("weather.json");
const LEGACY: &str = vector!("legacy.json");
const UV: &str = vector!("uv.json");
const COMMANDS: &str = vector!("commands.json");
const LAUNCHES: &str = vector!("launch.json");

fn weather() -> Manifest {
    Manifest::read(WEATHER.as_bytes()).unwrap()
}

/// `document` with the value at `pointer` replaced, or removed.
fn with(document: &str, pointer: &str, value: Option<Value>) -> Vec<u8> {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (document.pointer_mut(parent).unwrap(), value) {
        (Value::Object(object), Some(value)) => _ = object.insert(key.to_owned(), value),
        (Value::Object(object), None) => _ = object.shift_remove(key).unwrap(),
        (Value::Array(array), Some(value)) => array[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} names nothing"),
    }
    serde_json::to_vec(&document).unwrap()
}

fn message(err: &dyn std::error::Error) -> String {
    let source = err.source().map(|source| format!(": {}", message(source)));
    format!("{err}{}", source.unwrap_or_default())
}
