//! Which tools an agent may call.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The user's word on the tools of a server: names, or `*` for all others.
///
/// Once there is a rule, a tool without one is denied: a server that grows a
/// tool does not get it called because nobody had thought of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolRules {
    /// May be called.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allow: BTreeSet<String>,
    /// May be called if the user agrees each time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ask: BTreeSet<String>,
    /// May not be called, and are not listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deny: BTreeSet<String>,
}

/// What the rules say of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolDecision {
    /// It may be called.
    Allow,
    /// It may be called if the user agrees.
    Ask,
    /// It may not be called.
    Deny,
}

/// What stands for every tool that no list names.
const ALL_OTHERS: &str = "*";

impl ToolRules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.ask.is_empty() && self.deny.is_empty()
    }

    /// What may be done with a tool. The strictest list that names it decides, then
    /// the strictest with a `*`.
    pub fn decide(&self, tool: &str) -> ToolDecision {
        if self.is_empty() {
            return ToolDecision::Allow;
        }
        let lists = [
            (&self.deny, ToolDecision::Deny),
            (&self.ask, ToolDecision::Ask),
            (&self.allow, ToolDecision::Allow),
        ];
        let named = |name| lists.iter().find(|(list, _)| list.contains(name));
        named(tool).or_else(|| named(ALL_OTHERS)).map_or(ToolDecision::Deny, |(_, said)| *said)
    }

    /// Whether a user has named the tool and said that it may be called.
    pub fn names(&self, tool: &str) -> bool {
        self.allow.contains(tool) || self.ask.contains(tool)
    }

    /// Puts a tool into the list for `decision`, and out of the others.
    pub fn set(&mut self, tool: &str, decision: ToolDecision) {
        for list in [&mut self.allow, &mut self.ask, &mut self.deny] {
            list.remove(tool);
        }
        let list = match decision {
            ToolDecision::Allow => &mut self.allow,
            ToolDecision::Ask => &mut self.ask,
            ToolDecision::Deny => &mut self.deny,
        };
        list.insert(tool.to_owned());
    }
}
