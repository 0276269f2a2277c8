//! What of a running server reaches a model: its tools, prompts, resources and
//! instructions, as digests.
//!
//! A model reads a tool's description as it reads its user, so a server that
//! changes one after it was approved can steer the agent ("rug pull"). A
//! [`Surface`] is what the lock pins of that: the SHA-256 of the canonical form
//! (RFC 8785) of each field of each item, so that a change is named to the field,
//! and no text of a server's is in the lock.
//!
//! Fields that no version of the protocol knows count too, because some model
//! may be shown them. Left out are the pages and the cache of a list, which are
//! not about its items, and what a resource says of its content: its `size`, and
//! when it was last modified.
//!
//! A server shows different fields under different versions of the protocol, so
//! a surface names the versions it was read under, and the lock may have several.

mod compare;
mod item;
mod rules;
mod size;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Digest;

pub(crate) use self::compare::against;
pub use self::compare::{Change, Difference, differences};
pub(crate) use self::item::folded;
pub use self::item::{Item, ItemError, NameFault, check_name, hidden_in};
pub use self::rules::{ToolDecision, ToolRules};
pub use self::size::SurfaceError;
pub(crate) use self::size::is_protocol;

/// What a server shows, under some versions of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireSurface")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!try_from, deny_unknown_fields))]
pub struct Surface {
    /// The versions of the protocol it was read under, such as `2025-11-25`.
    protocols: BTreeSet<String>,
    /// The digest of its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<Digest>,
    /// Its tools, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tools: BTreeMap<String, Item>,
    /// Its prompts, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    prompts: BTreeMap<String, Item>,
    /// Its resources, by address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    resources: BTreeMap<String, Item>,
    /// Its templates of resources, by their template of an address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    templates: BTreeMap<String, Item>,
}

/// A [`Surface`] before it is held to its bounds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSurface {
    protocols: BTreeSet<String>,
    #[serde(default)]
    instructions: Option<Digest>,
    #[serde(default)]
    tools: BTreeMap<String, Item>,
    #[serde(default)]
    prompts: BTreeMap<String, Item>,
    #[serde(default)]
    resources: BTreeMap<String, Item>,
    #[serde(default)]
    templates: BTreeMap<String, Item>,
}

/// A kind of thing that a server lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What a model may call.
    Tool,
    /// What a user may start with.
    Prompt,
    /// What may be read.
    Resource,
    /// A family of what may be read.
    Template,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// The method that lists them.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Tool => "tools/list",
            Self::Prompt => "prompts/list",
            Self::Resource => "resources/list",
            Self::Template => "resources/templates/list",
        }
    }

    /// The key of the result that holds them.
    pub const fn list_key(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The field that tells one from another.
    pub const fn name_field(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }

    /// What a sentence calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "template",
        }
    }
}

impl Surface {
    /// Nothing yet, read under a version of the protocol.
    pub fn under(protocol: &str) -> Self {
        Self { protocols: BTreeSet::from([protocol.to_owned()]), ..Self::default() }
    }

    /// The versions of the protocol it was read under.
    pub fn protocols(&self) -> &BTreeSet<String> {
        &self.protocols
    }

    /// The digest of the instructions, if there are any.
    pub fn instructions(&self) -> Option<Digest> {
        self.instructions
    }

    /// Its items of a kind, by name.
    pub fn items(&self, kind: Kind) -> &BTreeMap<String, Item> {
        match kind {
            Kind::Tool => &self.tools,
            Kind::Prompt => &self.prompts,
            Kind::Resource => &self.resources,
            Kind::Template => &self.templates,
        }
    }

    /// Sets the instructions. An empty text is none: it says nothing to a model.
    pub fn set_instructions(&mut self, text: Option<&str>) {
        self.instructions = instructions_digest(text);
    }

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// [`SurfaceError`] if it is one more than a surface holds.
    pub fn add(&mut self, kind: Kind, name: String, item: Item) -> Result<(), SurfaceError> {
        let items = self.items_mut(kind);
        if items.len() >= Self::MAX_ITEMS && !items.contains_key(&name) {
            return Err(SurfaceError::Items(kind));
        }
        items.insert(name, item);
        Ok(())
    }

    /// Leaves an item out.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Option<Item> {
        self.items_mut(kind).remove(name)
    }

    /// Whether `other` shows the same, whatever the versions of the protocol.
    pub fn shows_the_same_as(&self, other: &Self) -> bool {
        self.instructions == other.instructions
            && Kind::ALL.into_iter().all(|kind| self.items(kind) == other.items(kind))
    }

    /// Puts readings together that show the same, for the lock.
    pub fn merge(readings: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for reading in readings {
            match merged.iter_mut().find(|one| one.shows_the_same_as(&reading)) {
                Some(one) => one.protocols.extend(reading.protocols),
                None => merged.push(reading),
            }
        }
        merged.sort_by(|a, b| a.protocols.cmp(&b.protocols));
        merged
    }

    fn items_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Item> {
        match kind {
            Kind::Tool => &mut self.tools,
            Kind::Prompt => &mut self.prompts,
            Kind::Resource => &mut self.resources,
            Kind::Template => &mut self.templates,
        }
    }
}

/// The digest of instructions; an empty text is none.
pub fn instructions_digest(text: Option<&str>) -> Option<Digest> {
    text.filter(|text| !text.is_empty()).map(|text| Digest::of(text.as_bytes()))
}
