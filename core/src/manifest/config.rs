//! What a server asks its user for.

use std::fmt;

use serde::Deserialize;

/// A key of `user_config`: a value, or a secret, that the user gives.
///
/// Source: MCPB 0.4, `MANIFEST.md`, "User Configuration".
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigKey {
    /// What to enter.
    #[serde(rename = "type")]
    pub kind: ConfigType,
    /// What to call it.
    pub title: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether the server cannot start without it.
    #[serde(default, rename = "required")]
    pub is_required: bool,
    /// The value unless the user gives another. Texts are templates, as in
    /// `${HOME}/Documents`.
    pub default: Option<ConfigValue>,
    /// Whether there may be several values.
    #[serde(default, rename = "multiple")]
    pub is_multiple: bool,
    /// Whether it is a secret, which goes to the key store and nowhere else.
    #[serde(default, rename = "sensitive")]
    pub is_sensitive: bool,
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
}

/// What to enter for a [`ConfigKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigType {
    /// Any text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A folder.
    Directory,
    /// A file.
    File,
}

/// A value for a [`ConfigKey`]. It may be a secret, so `Debug` does not show it.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ConfigValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text, a folder or a file.
    String(String),
    /// Several of these.
    List(Vec<String>),
}

/// Why a value does not suit its key. It never holds the value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigValueError {
    /// The value is of another type.
    #[error("value is not {0}")]
    Type(&'static str),
    /// The key takes one value.
    #[error("there is more than one value")]
    Several,
    /// The number is below the smallest.
    #[error("value is less than {0}")]
    TooSmall(f64),
    /// The number is above the largest.
    #[error("value is more than {0}")]
    TooLarge(f64),
    /// The text cannot be handed to a program.
    #[error("value has a NUL character")]
    Nul,
}

impl ConfigKey {
    /// Reads what a user typed for this key.
    ///
    /// A key with several values takes one here; collect them into a
    /// [`ConfigValue::List`].
    pub fn parse(&self, text: &str) -> Result<ConfigValue, ConfigValueError> {
        let value = match self.kind {
            ConfigType::Boolean => {
                ConfigValue::Bool(text.parse().map_err(|_| self.kind.expected())?)
            }
            ConfigType::Number => {
                ConfigValue::Number(text.parse().map_err(|_| self.kind.expected())?)
            }
            _ => ConfigValue::String(text.to_owned()),
        };
        self.check(&value).map(|()| value)
    }

    /// Checks that `value` suits this key.
    pub fn check(&self, value: &ConfigValue) -> Result<(), ConfigValueError> {
        let has_nul = match value {
            ConfigValue::String(text) => text.contains('\0'),
            ConfigValue::List(texts) => texts.iter().any(|text| text.contains('\0')),
            ConfigValue::Bool(_) | ConfigValue::Number(_) => false,
        };
        if has_nul {
            return Err(ConfigValueError::Nul);
        }
        match (self.kind, value) {
            (ConfigType::Boolean, ConfigValue::Bool(_)) => Ok(()),
            (ConfigType::Number, ConfigValue::Number(number)) => self.check_number(*number),
            (ConfigType::Boolean | ConfigType::Number, _) => Err(self.kind.expected()),
            (_, ConfigValue::String(_)) => Ok(()),
            (_, ConfigValue::List(texts)) if self.is_multiple || texts.len() <= 1 => Ok(()),
            (_, ConfigValue::List(_)) => Err(ConfigValueError::Several),
            (_, _) => Err(self.kind.expected()),
        }
    }

    fn check_number(&self, number: f64) -> Result<(), ConfigValueError> {
        if !number.is_finite() {
            return Err(self.kind.expected());
        }
        match (self.min, self.max) {
            (Some(min), _) if number < min => Err(ConfigValueError::TooSmall(min)),
            (_, Some(max)) if number > max => Err(ConfigValueError::TooLarge(max)),
            _ => Ok(()),
        }
    }
}

impl ConfigType {
    fn expected(self) -> ConfigValueError {
        ConfigValueError::Type(match self {
            Self::String => "a text",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::Directory => "a folder",
            Self::File => "a file",
        })
    }
}

impl ConfigValue {
    /// Whether this is no value: an empty text, or none of several.
    ///
    /// Authors write `"default": ""` for "nothing", and a program given an empty
    /// argument takes it for a value.
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Number(_) => false,
            Self::String(text) => text.is_empty(),
            Self::List(texts) => texts.iter().all(String::is_empty),
        }
    }
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool(…)",
            Self::Number(_) => "Number(…)",
            Self::String(_) => "String(…)",
            Self::List(_) => "List(…)",
        })
    }
}
