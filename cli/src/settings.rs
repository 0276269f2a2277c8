//! Planned changes to agents' settings: shown before they are made.

mod unedited;

use std::path::{Path, PathBuf};

use mcpkg_core::Code;
use mcpkg_core::lock::AgentLink;

pub(crate) use self::unedited::Unedited;
use crate::agents::{Agent, Footprint, Launch, Linked, Scope, Section};
use crate::error::{Error, Result};
use crate::ops::link::{self, scope_word};
use crate::places::Places;
use crate::settings_file::{Preview, SettingsFile, WhenBlank, unified_difference};

/// One change to one agent's settings.
///
/// Making the plan shows that the file can be edited, before anything else is
/// done. Carrying it out reads the file again, because its owner may have
/// written to it since.
pub struct Plan {
    /// The link, as the lock remembers it.
    pub link: AgentLink,
    agent: &'static dyn Agent,
    path: PathBuf,
    section: Section,
    file: SettingsFile,
    change: Change,
    preview: Preview,
}

enum Change {
    /// Whether the entry may be one that is there: then it is one of ours.
    Link {
        launch: Launch,
        is_ours: bool,
    },
    Unlink(Footprint),
}

impl Plan {
    /// Plans to link a server into an agent, as `key`. `previous` is what the
    /// lock remembers of the link, if it was made before.
    pub fn link(
        agent: &'static dyn Agent,
        key: &str,
        previous: Option<&AgentLink>,
        launch: &Launch,
        scope: Scope,
        places: &Places,
    ) -> Result<Self> {
        if let (Scope::User, Some(path)) = (scope, unmoved(agent, places)) {
            return Err(failed(agent, None, Unedited::Unmoved(path)));
        }
        let (path, file) = settings_file(agent, key, scope, places)?;
        let section = agent.section(scope, &places.for_agents());
        let snippet = || agent.place(&section).snippet(key, &agent.entry(key, launch));
        let mut linked: Option<Linked> = None;
        let preview = file
            .preview(|text| {
                let made = linked.insert(agent.link_in(&section, text, key, launch)?);
                Ok::<_, Unedited>(made.text.clone())
            })
            .map_err(|why| failed(agent, Some(snippet()), why))?;
        let Linked { footprint, replaced, .. } = linked.ok_or_else(|| unmade(agent))?;
        let is_ours = previous.is_some();
        if replaced.is_some() && !is_ours {
            return Err(failed(agent, None, Unedited::Taken(key.to_owned())));
        }
        let known = previous.and_then(|link| link.footprint.clone());
        let link = AgentLink {
            id: agent.id().to_owned(),
            key: key.to_owned(),
            project: link::project_of(scope, places),
            footprint: footprint.map(word).or(known),
        };
        let change = Change::Link { launch: launch.clone(), is_ours };
        Ok(Self { link, agent, path, section, file, change, preview })
    }

    /// Plans to remove a link, which the lock of `scope` has.
    pub fn unlink(
        agent: &'static dyn Agent,
        link: &AgentLink,
        scope: Scope,
        places: &Places,
    ) -> Result<Self> {
        let (scope, places) = link::site(link, scope, places);
        let (path, file) = settings_file(agent, &link.key, scope, &places)?;
        let section = agent.section(scope, &places.for_agents());
        // A word that is none of ours gives back less, and harms nothing.
        let footprint = link.footprint.as_deref().and_then(read_word).unwrap_or_default();
        let file = match footprint {
            Footprint::Document => file.when_blank(WhenBlank::Remove),
            _ => file,
        };
        let preview = file
            .preview(|text| {
                Ok::<_, Unedited>(agent.place(&section).unlink(text, &link.key, footprint)?)
            })
            .map_err(|why| failed(agent, None, why))?;
        let change = Change::Unlink(footprint);
        Ok(Self { link: link.clone(), agent, path, section, file, change, preview })
    }

    /// The settings.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The change as a unified difference. Empty if there is none.
    pub fn difference(&self) -> String {
        unified_difference(&self.path, &self.preview.old, &self.preview.new)
    }

    /// Makes the change.
    pub fn write(&self) -> Result<()> {
        let (agent, section, key) = (self.agent, &self.section, &self.link.key);
        let result = match &self.change {
            Change::Link { launch, is_ours } => self.file.edit(|text| {
                let linked = agent.link_in(section, text, key, launch)?;
                // It may have been added since the plan was made.
                if linked.replaced.is_some() && !is_ours {
                    return Err(Unedited::Taken(key.clone()));
                }
                Ok(linked.text)
            }),
            Change::Unlink(footprint) => self.file.edit(|text| {
                Ok::<_, Unedited>(agent.place(section).unlink(text, key, *footprint)?)
            }),
        };
        let snippet = match &self.change {
            Change::Link { launch, .. } => {
                Some(agent.place(section).snippet(key, &agent.entry(key, launch)))
            }
            Change::Unlink(_) => None,
        };
        result.map(drop).map_err(|why| failed(agent, snippet, why))
    }
}

/// The settings of an older version of the agent, if it has yet to move them.
pub fn unmoved(agent: &dyn Agent, places: &Places) -> Option<PathBuf> {
    let places = places.for_agents();
    let moved = agent.settings_paths(Scope::User, &places).iter().any(|path| path.exists());
    agent.abandoned_path(&places).filter(|path| !moved && path.exists())
}

/// Which of the files that an agent reads is the one to edit: the one that has
/// the server already, else the first that exists, else the first of all.
pub fn settings_path(
    agent: &dyn Agent,
    key: &str,
    scope: Scope,
    places: &Places,
) -> Option<PathBuf> {
    let paths = agent.settings_paths(scope, &places.for_agents());
    let has_server = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        matches!(agent.find(text.trim_start_matches('\u{feff}'), key), Ok(Some(_)))
    };
    let chosen = match paths.as_slice() {
        [] | [_] => None,
        paths => paths.iter().find(has_server).or_else(|| paths.iter().find(|path| path.exists())),
    };
    chosen.or_else(|| paths.first()).cloned()
}

/// The settings of an agent that are at `path`, to be edited.
pub(crate) fn file_at(path: &Path, scope: Scope, places: &Places) -> SettingsFile {
    let file = SettingsFile::new(path, places.locks());
    match scope {
        Scope::User | Scope::Local => file,
        Scope::Project => file.inside(&places.project),
    }
}

fn settings_file(
    agent: &'static dyn Agent,
    key: &str,
    scope: Scope,
    places: &Places,
) -> Result<(PathBuf, SettingsFile)> {
    let path = settings_path(agent, key, scope, places)
        .ok_or_else(|| Error::NoScope { agent: agent.display_name(), scope: scope_word(scope) })?;
    let file = file_at(&path, scope, places);
    Ok((path, file))
}

/// What to paste by hand where linking failed, as a part of the context.
fn failed(agent: &'static dyn Agent, snippet: Option<String>, why: Unedited) -> Error {
    let snippet =
        snippet.map_or_else(String::new, |text| format!("; by hand, it would be\n{text}"));
    why.within(format!("the settings of {} were not changed{snippet}", agent.display_name()))
}

fn unmade(agent: &'static dyn Agent) -> Error {
    Error::Failed {
        context: format!("the settings of {} were not read", agent.display_name()),
        code: Code::Internal,
        hint: None,
        source: "the edit was never made".into(),
    }
}

/// Whether linking created the object that the entry went into.
pub fn made_more_than_an_entry(link: &AgentLink) -> bool {
    let footprint = link.footprint.as_deref().and_then(read_word).unwrap_or_default();
    !matches!(footprint, Footprint::Entry | Footprint::EntryLines)
}

/// A footprint as a word for the lock.
fn word(footprint: Footprint) -> String {
    match serde_json::to_value(footprint) {
        Ok(serde_json::Value::String(word)) => word,
        // It is a word by its definition; an empty one is read as none.
        _ => String::new(),
    }
}

fn read_word(word: &str) -> Option<Footprint> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
