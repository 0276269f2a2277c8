//! An entry as a table of TOML.

use serde_json::Value as Json;
use toml::Value;

/// A server as a table, without the end of its last line.
pub(in crate::agents) fn block(root_key: &str, key: &str, entry: &Json, newline: &str) -> String {
    let mut block = format!("[{}.{}]", name(root_key), name(key));
    for (key, value) in entry.as_object().into_iter().flatten() {
        // A null is the one value that TOML does not have, and no entry has one.
        let Ok(value) = Value::try_from(value) else { continue };
        block.extend([newline, &name(key), " = ", &value.to_string()]);
    }
    block
}

/// A key as TOML writes it: bare if it can be, else in quotes, which escape
/// what JSON escapes.
fn name(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        Json::from(key).to_string()
    }
}
