//! The table that servers are listed in, whatever the settings are written in.

use serde_json::{Value, json};

use super::{EditError, Footprint, Format, Linked, jsonc, toml, yaml};

/// Where servers are listed, and what the file around it is written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) format: Format,
    pub(super) root_key: &'a str,
}

impl<'a> Place<'a> {
    /// Sets `key` to `entry`.
    pub(super) fn set(self, text: &str, key: &str, entry: &Value) -> Result<Linked, EditError> {
        match self.format {
            Format::Json(dialect) => self.json(dialect).link(text, key, entry),
            Format::Toml => toml::link(text, self.root_key, key, entry),
            Format::Yaml => yaml::link(text, self.root_key, key, entry),
        }
    }

    /// Removes `key`, and with the last entry what `footprint` says we added.
    pub(super) fn unlink(
        self,
        text: &str,
        key: &str,
        footprint: Footprint,
    ) -> Result<String, EditError> {
        match self.format {
            Format::Json(dialect) => self.json(dialect).unlink(text, key, footprint),
            Format::Toml => toml::unlink(text, self.root_key, key, footprint),
            Format::Yaml => yaml::unlink(text, self.root_key, key, footprint),
        }
    }

    /// The value of `key`, if it is there.
    pub(super) fn find(self, text: &str, key: &str) -> Result<Option<Value>, EditError> {
        if let Format::Json(dialect) = self.format {
            return self.json(dialect).find(text, key);
        }
        let mut entries = self.entries(text)?.into_iter();
        Ok(entries.find(|(name, _)| name == key).map(|(_, value)| value))
    }

    /// Every key and its value.
    pub(super) fn entries(self, text: &str) -> Result<Vec<(String, Value)>, EditError> {
        match self.format {
            Format::Json(dialect) => self.json(dialect).entries(text),
            Format::Toml => toml::entries(text, self.root_key),
            Format::Yaml => yaml::entries(text, self.root_key),
        }
    }

    /// New settings that hold nothing but this entry.
    pub(super) fn snippet(self, key: &str, entry: &Value) -> String {
        match self.format {
            Format::Json(_) => format!("{:#}", json!({ self.root_key: { key: entry } })),
            Format::Toml => toml::block(self.root_key, key, entry, "\n"),
            Format::Yaml => yaml::document(self.root_key, key, entry),
        }
    }

    const fn json(self, dialect: super::Dialect) -> jsonc::Place<'a> {
        jsonc::Place { dialect, root_key: self.root_key }
    }
}
