//! An entry as block-style YAML.

use serde_json::Value;

/// The key that servers are listed under, with one of them below it.
pub(super) fn section(
    root_key: &str,
    key: &str,
    entry: &Value,
    indent: usize,
    newline: &str,
) -> String {
    let block = block(key, entry, indent + 2, 2, newline);
    format!("{}{}:{newline}{block}", " ".repeat(indent), name(root_key))
}

/// One server, without the end of its last line. `unit` is what each level is
/// indented by.
pub(super) fn block(key: &str, entry: &Value, indent: usize, unit: usize, newline: &str) -> String {
    let mut text = String::new();
    property(&mut text, key, entry, indent, unit, newline);
    text
}

fn property(
    text: &mut String,
    key: &str,
    value: &Value,
    indent: usize,
    unit: usize,
    newline: &str,
) {
    let margin = " ".repeat(indent);
    text.extend([&margin, &name(key), ":"]);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                text.push_str(newline);
                property(text, key, value, indent + unit, unit, newline);
            }
        }
        // As Goose writes them: items below their key, not further in.
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.extend([newline, &margin, "- ", &item.to_string()]);
            }
        }
        scalar => text.extend([" ", &scalar.to_string()]),
    }
}

/// A key: plain if nothing could take it for another kind of value, else in
/// double quotes, which take the escapes of JSON.
fn name(key: &str) -> String {
    let is_plain = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !is_word(key);
    if is_plain { key.to_owned() } else { Value::from(key).to_string() }
}

/// Whether some reader takes this for a value other than text.
pub(super) fn is_word(key: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    key.len() <= 5 && WORDS.iter().any(|word| key.eq_ignore_ascii_case(word))
}
