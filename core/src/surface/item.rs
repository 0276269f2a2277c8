//! One tool, prompt, resource or template: its name, and the digests of its fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Kind;
use crate::text::first_hidden;
use crate::{Digest, json};

/// The digests of the fields of an item, all but its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Item(BTreeMap<String, Digest>);

/// Why a value is no item that a model may be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// It is not an object, or has no name that is a text.
    #[error("it has no name")]
    NoName,
    /// Its name cannot be one.
    #[error("its name {0}")]
    Name(NameFault),
    /// It has more fields than any version of the protocol, or endless ones.
    #[error("it has fields that no item has")]
    Fields,
    /// Two fields that some readers take for one.
    #[error("it has the field `{}` twice, in two spellings", .0.escape_debug())]
    Spelling(String),
}

/// Why a text is no name of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is empty, or longer than a name is.
    #[error("is empty or longer than {0} bytes")]
    Length(usize),
    /// It has a character that its reader would not see.
    #[error("hides the character U+{:04X}", *.0 as u32)]
    Hidden(char),
    /// It has a character that may look like another.
    #[error("has the character U+{:04X}, which may look like another", *.0 as u32)]
    Lookalike(char),
}

impl Item {
    /// The most fields of an item. The protocol has nine for a tool.
    const MAX_FIELDS: usize = 32;

    /// The longest name of a field, in bytes.
    const MAX_FIELD_LEN: usize = 64;

    /// Reads an item of a list, and its name.
    ///
    /// # Errors
    ///
    /// See [`ItemError`]: it is then not shown to anybody.
    pub fn read(kind: Kind, value: &Value) -> Result<(String, Self), ItemError> {
        let Value::Object(fields) = value else { return Err(ItemError::NoName) };
        if let Some(key) = doubled_key(fields) {
            return Err(ItemError::Spelling(key.to_owned()));
        }
        let Some(Value::String(name)) = fields.get(kind.name_field()) else {
            return Err(ItemError::NoName);
        };
        check_name(kind, name).map_err(ItemError::Name)?;
        let digests = fields
            .iter()
            .filter(|(key, _)| *key != kind.name_field() && !is_about_content(kind, key))
            .map(|(key, value)| (key.clone(), digest(kind, key, value)));
        let item = Self(digests.collect());
        if item.is_bounded() { Ok((name.clone(), item)) } else { Err(ItemError::Fields) }
    }

    /// The fields with their digests.
    pub fn fields(&self) -> &BTreeMap<String, Digest> {
        &self.0
    }

    pub(super) fn is_bounded(&self) -> bool {
        let is_field = |key: &String| {
            (1..=Self::MAX_FIELD_LEN).contains(&key.len()) && first_hidden(key).is_none()
        };
        self.0.len() <= Self::MAX_FIELDS && self.0.keys().all(is_field)
    }
}

/// Whether a field is about a resource's content, and not about what it is.
fn is_about_content(kind: Kind, key: &str) -> bool {
    kind == Kind::Resource && key == "size"
}

fn digest(kind: Kind, key: &str, value: &Value) -> Digest {
    if kind == Kind::Resource
        && key == "annotations"
        && let Value::Object(annotations) = value
    {
        let mut annotations = annotations.clone();
        annotations.shift_remove("lastModified");
        return Digest::of(&json::canonical(&Value::Object(annotations)));
    }
    Digest::of(&json::canonical(value))
}

/// Checks that people and programs see one name, and that it is nobody else's.
///
/// Tools and prompts are called by their names, and clients accept few characters
/// in them: printable ASCII, of which the protocol recommends letters, digits, `_`,
/// `-`, `.` and `/`. So a Cyrillic `а` is refused rather than looked up in a table of
/// lookalikes, which would be out of date. Addresses may be of any script.
///
/// # Errors
///
/// See [`NameFault`].
pub fn check_name(kind: Kind, name: &str) -> Result<(), NameFault> {
    let max = match kind {
        // Source: MCP 2025-11-25, "Tool Names".
        Kind::Tool | Kind::Prompt => 128,
        Kind::Resource | Kind::Template => 2048,
    };
    if !(1..=max).contains(&name.len()) {
        return Err(NameFault::Length(max));
    }
    if let Some(hidden) = first_hidden(name) {
        return Err(NameFault::Hidden(hidden));
    }
    if matches!(kind, Kind::Resource | Kind::Template) {
        return Ok(());
    }
    if let Some(other) = name.chars().find(|c| !c.is_ascii()) {
        return Err(NameFault::Lookalike(other));
    }
    // A space at either end is not seen.
    if name.trim() != name {
        return Err(NameFault::Hidden(' '));
    }
    Ok(())
}

/// The first character of a text of several lines that its reader would not see. A model
/// reads it all the same.
pub fn hidden_in(text: &str) -> Option<char> {
    text.split(['\n', '\r', '\t']).find_map(first_hidden)
}

/// A key of an object that some readers take for another of its keys.
///
/// Go's `encoding/json` reads `Description` into the field of `description`, and
/// takes the last one. The reader behind us sees the same item that was compared.
fn doubled_key(fields: &Map<String, Value>) -> Option<&str> {
    let mut seen = std::collections::BTreeSet::new();
    fields.keys().find(|key| !seen.insert(folded(key))).map(String::as_str)
}

/// `key` in one case, as readers do it that tell no cases apart: with Unicode's
/// `ſ` as an `s`, and the sign for Kelvin as a `k`.
pub(crate) fn folded(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}
