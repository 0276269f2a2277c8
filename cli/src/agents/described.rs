//! An agent that differs from the others in its data alone.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Agent, Format, Launch, Places, Scope, Section};

/// An agent, described. Every member is a fact about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    pub(super) id: &'static str,
    pub(super) display_name: &'static str,
    pub(super) format: Format,
    pub(super) root_key: &'static str,
    /// The user's settings, by each name that the agent reads. The first is
    /// the one for new settings.
    pub(super) user: fn(&Places) -> Vec<PathBuf>,
    /// A project's settings, below its root. Empty if it has none.
    pub(super) project: &'static [&'static str],
    /// The part of the user's settings that is for one project alone, if there is such.
    pub(super) local: fn(&Places) -> Option<Section>,
    pub(super) traces: fn(&Places) -> Vec<PathBuf>,
    pub(super) entry: fn(&str, &Launch) -> Value,
    pub(super) next_step: fn(Scope) -> Option<&'static str>,
}

impl Agent for Described {
    fn id(&self) -> &'static str {
        self.id
    }

    fn display_name(&self) -> &'static str {
        self.display_name
    }

    fn settings_paths(&self, scope: Scope, places: &Places) -> Vec<PathBuf> {
        match scope {
            Scope::User => (self.user)(places),
            Scope::Local if (self.local)(places).is_some() => (self.user)(places),
            Scope::Local => Vec::new(),
            Scope::Project => self.project.iter().map(|path| places.project.join(path)).collect(),
        }
    }

    fn section(&self, scope: Scope, places: &Places) -> Section {
        match scope {
            Scope::User | Scope::Project => Section::WHOLE,
            Scope::Local => (self.local)(places).unwrap_or_default(),
        }
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        (self.traces)(places)
    }

    fn format(&self) -> Format {
        self.format
    }

    fn root_key(&self) -> &'static str {
        self.root_key
    }

    fn entry(&self, key: &str, launch: &Launch) -> Value {
        (self.entry)(key, launch)
    }

    fn next_step(&self, scope: Scope) -> Option<&'static str> {
        (self.next_step)(scope)
    }
}

/// The entry that most agents take: a command and its arguments.
pub(super) fn plain(_key: &str, launch: &Launch) -> Value {
    json!({ "command": launch.command, "args": launch.args })
}

/// The same, for agents that tell local servers from remote ones by a type.
pub(super) fn stdio(_key: &str, launch: &Launch) -> Value {
    json!({ "type": "stdio", "command": launch.command, "args": launch.args })
}

/// It keeps nothing for one user in one project, or nobody has shown that it does.
pub(super) const fn not_local(_places: &Places) -> Option<Section> {
    None
}

/// Nothing is known that the user would have to do.
pub(super) const fn nothing_to_do(_scope: Scope) -> Option<&'static str> {
    None
}
