//! The table that servers are listed in, whatever the settings are written in.

use serde_json::{Value, json};

use super::aside::{Aside, by_parts};
use super::{EditError, Footprint, Format, Linked, jsonc, toml, yaml};

/// Where servers are listed, and what the file around it is written in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub(super) format: Format,
    /// The keys that lead to the object that has the root key.
    pub(super) within: &'a [String],
    pub(super) root_key: &'a str,
}

impl<'a> Place<'a> {
    /// Sets `key` to `entry`.
    pub fn set(self, text: &str, key: &str, entry: &Value) -> Result<Linked, EditError> {
        let set = |text: &str| match self.format {
            Format::Json(dialect) => self.json(dialect).link(text, key, entry),
            Format::Toml => toml::link(text, self.root_key, key, entry),
            Format::Yaml => yaml::link(text, self.root_key, key, entry),
        };
        by_parts(
            text,
            |text| self.aside(text),
            set,
            |aside, linked| Some(Linked { text: aside.put_back(&linked.text)?, ..linked }),
        )
    }

    /// Removes `key`, and with the last entry what `footprint` says we added.
    pub fn unlink(self, text: &str, key: &str, footprint: Footprint) -> Result<String, EditError> {
        let unlink = |text: &str| match self.format {
            Format::Json(dialect) => self.json(dialect).unlink(text, key, footprint),
            Format::Toml => toml::unlink(text, self.root_key, key, footprint),
            Format::Yaml => yaml::unlink(text, self.root_key, key, footprint),
        };
        by_parts(text, |text| self.aside(text), unlink, |aside, text| aside.put_back(&text))
    }

    /// The value of `key`, if it is there.
    pub fn find(self, text: &str, key: &str) -> Result<Option<Value>, EditError> {
        if let Format::Json(dialect) = self.format {
            return self.json(dialect).find(text, key);
        }
        let mut entries = self.entries(text)?.into_iter();
        Ok(entries.find(|(name, _)| name == key).map(|(_, value)| value))
    }

    /// Every key and its value.
    pub fn entries(self, text: &str) -> Result<Vec<(String, Value)>, EditError> {
        let entries = |text: &str| match self.format {
            Format::Json(dialect) => self.json(dialect).entries(text),
            Format::Toml => toml::entries(text, self.root_key),
            Format::Yaml => yaml::entries(text, self.root_key),
        };
        by_parts(text, |text| self.aside(text), entries, |_, entries| Some(entries))
    }

    /// What need not be read: JSON is read in another way, see `jsonc::large`.
    fn aside(self, text: &str) -> Option<Aside<'_>> {
        match self.format {
            Format::Json(_) => None,
            Format::Toml => toml::aside(text, self.root_key),
            Format::Yaml => yaml::aside(text, self.root_key),
        }
    }

    /// New settings that hold nothing but this entry.
    pub fn snippet(self, key: &str, entry: &Value) -> String {
        match self.format {
            Format::Json(_) => {
                let servers = json!({ self.root_key: { key: entry } });
                let outer = self.within.iter().rev();
                format!("{:#}", outer.fold(servers, |inner, key| json!({ key: inner })))
            }
            Format::Toml => toml::block(self.root_key, key, entry, "\n"),
            Format::Yaml => yaml::document(self.root_key, key, entry),
        }
    }

    const fn json(self, dialect: super::Dialect) -> jsonc::Place<'a> {
        jsonc::Place { dialect, within: self.within, root_key: self.root_key }
    }
}
