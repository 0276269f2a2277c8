//! Edits of JSON settings, with and without comments.
//!
//! An edit has three steps:
//!
//! 1. [`document`] reads the text with two parsers ([`plain`] prepares it for
//!    the second) and refuses what they do not agree on.
//! 2. [`splice`] says which bytes to insert or remove, in the file's own
//!    [`style`]. All other bytes are kept as they are.
//! 3. The result is read again in the same way, and its [`tree`] has to be the
//!    old tree with our one entry changed. If it is not, the edit is refused.
//!
//! What is not ours in a [`large`] file is compared by its bytes instead.
//!
//! We take positions from `jsonc-parser`'s syntax tree, and do not use its
//! `cst` module to edit: that one lays out again what it touches, so adding an
//! entry and removing it does not give the file back
//! (`an_edit_by_cst_would_not_give_the_file_back` shows it).

mod document;
mod large;
mod plain;
mod splice;
mod style;
mod tree;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::document::Document;
use self::splice::Opened;
use self::style::{Layout, Style};
use self::tree::Tree;
use super::{Dialect, EditError, Footprint, Format, Linked};

/// The object that servers are listed in, and how the file around it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) dialect: Dialect,
    /// The keys that lead to the object that has the root key.
    pub(super) within: &'a [String],
    pub(super) root_key: &'a str,
}

impl Place<'_> {
    /// Sets `key` to `entry`. A blank text is an empty object.
    pub(super) fn link(self, text: &str, key: &str, entry: &Value) -> Result<Linked, EditError> {
        if is_blank(text) && !self.within.is_empty() {
            return Err(EditError::NoSection);
        }
        if is_blank(text) {
            let settings = json!({ self.root_key: { key: entry } });
            let text = format!("{}\n", Style::NEW.value(&settings, Layout::Lines("")));
            return Ok(Linked { text, footprint: Some(Footprint::Document), replaced: None });
        }
        let document = self.read(text)?;
        let (splices, footprint, replaced) = match &document.servers {
            None => {
                let servers = json!({ key: entry });
                let (splices, opened) =
                    splice::append(&document, &document.root, self.root_key, &servers);
                let footprint = match opened {
                    Opened::No => Footprint::RootKey,
                    Opened::Yes => Footprint::RootKeyLines,
                };
                (splices, Some(footprint), None)
            }
            Some((_, servers)) => match servers.index_of(key)? {
                None => {
                    let (splices, opened) = splice::append(&document, servers, key, entry);
                    let footprint = match opened {
                        Opened::No => Footprint::Entry,
                        Opened::Yes => Footprint::EntryLines,
                    };
                    (splices, Some(footprint), None)
                }
                Some(index) => {
                    let found = document.entry(self.within, self.root_key, key);
                    if found == Some(&Tree::from(entry)) {
                        return Ok(Linked::unchanged(text));
                    }
                    let replaced = found.cloned().map(Value::from);
                    (splice::replace(&document, servers, index, entry), None, replaced)
                }
            },
        };
        let text = splice::apply(text, &splices);
        self.confirm(&text, &self.with_entry(document, key, entry))?;
        Ok(Linked { text, footprint, replaced })
    }

    /// Removes `key`, and with the last entry what `footprint` says we added.
    pub(super) fn unlink(
        self,
        text: &str,
        key: &str,
        footprint: Footprint,
    ) -> Result<String, EditError> {
        if is_blank(text) {
            return Ok(text.to_owned());
        }
        let document = match self.read(text) {
            Err(EditError::NoSection) => return Ok(text.to_owned()),
            other => other?,
        };
        let Some((root_index, servers)) = &document.servers else { return Ok(text.to_owned()) };
        let Some(index) = servers.index_of(key)? else { return Ok(text.to_owned()) };

        let (root_key, root) = (self.root_key, &document.root);
        let is_last = servers.properties.len() == 1 && !document.has_comments(servers);
        let is_ours = root.properties.len() == 1 && !document.has_comments(root);
        let opened = |braces| splice::shut(&document, braces);
        let (splices, gone) = match footprint {
            Footprint::Document if is_last && is_ours && document.is_all_root() => {
                return Ok(String::new());
            }
            Footprint::RootKeyLines if is_last && is_ours => (
                opened(root).unwrap_or_else(|| splice::remove(&document, root, *root_index)),
                Gone::RootKey,
            ),
            Footprint::Document | Footprint::RootKey | Footprint::RootKeyLines if is_last => {
                (splice::remove(&document, root, *root_index), Gone::RootKey)
            }
            Footprint::EntryLines if is_last => (
                opened(servers).unwrap_or_else(|| splice::remove(&document, servers, index)),
                Gone::Entry,
            ),
            _ => (splice::remove(&document, servers, index), Gone::Entry),
        };
        let text = splice::apply(text, &splices);
        let expected = document.tree.changed_within(self.within, |root| {
            root.changed(root_key, |servers| match gone {
                Gone::RootKey => None,
                Gone::Entry => Some(servers?.changed(key, |_| None)),
            })
        });
        self.confirm(&text, &expected)?;
        Ok(text)
    }

    /// The value of `key`, if it is there.
    pub(super) fn find(self, text: &str, key: &str) -> Result<Option<Value>, EditError> {
        if is_blank(text) {
            return Ok(None);
        }
        let document = match self.read(text) {
            Err(EditError::NoSection) => return Ok(None),
            other => other?,
        };
        if let Some((_, servers)) = &document.servers {
            servers.index_of(key)?;
        }
        Ok(document.entry(self.within, self.root_key, key).cloned().map(Value::from))
    }

    /// Every key and its value, in the order of the file.
    pub(super) fn entries(self, text: &str) -> Result<Vec<(String, Value)>, EditError> {
        if is_blank(text) {
            return Ok(Vec::new());
        }
        let document = match self.read(text) {
            Err(EditError::NoSection) => return Ok(Vec::new()),
            other => other?,
        };
        let root = document.tree.at(self.within);
        let Some(Tree::Object(servers)) = root.and_then(|root| root.get(self.root_key)) else {
            return Ok(Vec::new());
        };
        Ok(servers.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect())
    }

    fn read(self, text: &str) -> Result<Document<'_>, EditError> {
        Document::read(text, self.dialect, self.within, self.root_key)
    }

    /// What the settings have to be with the entry.
    fn with_entry(self, document: Document<'_>, key: &str, entry: &Value) -> Tree {
        document.tree.changed_within(self.within, |root| {
            root.changed(self.root_key, |servers| {
                let servers = servers.unwrap_or(Tree::Object(Vec::new()));
                Some(servers.changed(key, |_| Some(entry.into())))
            })
        })
    }

    /// Refuses an edit whose result is not exactly `expected`.
    fn confirm(self, text: &str, expected: &Tree) -> Result<(), EditError> {
        match self.read(text) {
            Ok(document) if document.tree == *expected => Ok(()),
            _ => Err(EditError::Unfaithful),
        }
    }
}

/// What is taken out of settings.
enum Gone {
    Entry,
    RootKey,
}

impl Document<'_> {
    fn entry(&self, within: &[String], root_key: &str, key: &str) -> Option<&Tree> {
        self.tree.at(within)?.get(root_key)?.get(key)
    }

    /// Whether nothing but whitespace stands outside the root object.
    fn is_all_root(&self) -> bool {
        self.pieces.first().is_some_and(|piece| piece.span.start == self.whole.start)
            && self.pieces.last().is_some_and(|piece| piece.span.end == self.whole.end)
    }
}

/// Whether `text` holds nothing but what JSON calls whitespace (RFC 8259, section 2).
fn is_blank(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\n', '\r']).is_empty()
}
