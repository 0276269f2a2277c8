//! Values that a user fills in: headers, variables, arguments.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::json;

/// A value to be filled in, and what a user should know about it.
///
/// Source: `Input` and `InputWithVariables` of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Input {
    /// What it is for.
    pub description: Option<String>,
    /// How to read it.
    pub format: InputFormat,
    /// The value, when it is fixed. `{name}` stands for one of `variables`.
    pub value: Option<String>,
    /// The value unless the user gives another.
    pub default: Option<String>,
    /// An example, to show in an empty field.
    pub placeholder: Option<String>,
    /// The values to choose from; empty if it is free.
    pub choices: Vec<String>,
    /// Whether the server cannot start without it.
    pub is_required: bool,
    /// Whether it is a secret.
    pub is_secret: bool,
    /// What stands in braces in `value`.
    pub variables: BTreeMap<String, Self>,
}

/// How to read an [`Input`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputFormat {
    /// Any text.
    #[default]
    String,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A file on the user's machine.
    Filepath,
}

/// An [`Input`] with a name: a header, or an environment variable.
///
/// Source: `KeyValueInput` of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct NamedInput {
    /// The name of the header or the environment variable.
    pub name: String,
    /// Its value.
    pub input: Input,
}

impl TryFrom<Map<String, Value>> for NamedInput {
    type Error = serde_json::Error;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, Self::Error> {
        use serde::de::Error as _;

        let name = object.shift_remove("name").ok_or_else(|| Self::Error::missing_field("name"))?;
        Ok(Self {
            name: json::from_value(&name)?,
            input: json::from_value(&Value::Object(object))?,
        })
    }
}

impl Input {
    /// Whether the document itself gives the value of a secret.
    ///
    /// `Bearer {token}` gives none; `Bearer abc` does, to everybody, for ever.
    pub fn discloses_secret(&self) -> bool {
        let is_literal = |text: &String| !text.is_empty() && !text.contains('{');
        self.is_secret
            && (self.value.as_ref().is_some_and(is_literal)
                || self.default.as_ref().is_some_and(is_literal))
            || self.variables.values().any(Self::discloses_secret)
    }
}
