//! Planned changes to agents' settings: shown before they are made.

use std::path::{Path, PathBuf};

use mcpkg_core::lock::AgentLink;
use mcpkg_core::{Code, Coded};

use crate::agents::{Agent, EditError, Footprint, Launch, Linked, Scope};
use crate::error::{Error, Result};
use crate::ops::link::scope_word;
use crate::places::Places;
use crate::settings_file::{FileError, Preview, SettingsFile, WhenBlank, unified_difference};

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

/// Why a file was not edited: its text, or the file itself.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    File(#[from] FileError),
    /// An entry that is not from us is somebody's own, whatever its name.
    #[error("there is a server called `{0}` already, and it is not one of ours")]
    Taken(String),
    /// New settings would keep the agent from moving the old ones.
    #[error("its settings are still at `{}`, where it reads them no more", .0.display())]
    Unmoved(PathBuf),
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
            return Err(failed(agent, key, None, Failure::Unmoved(path)));
        }
        let (path, file) = settings_file(agent, key, scope, places)?;
        let mut linked: Option<Linked> = None;
        let preview = file
            .preview(|text| {
                let made = linked.insert(agent.link(text, key, launch)?);
                Ok::<_, Failure>(made.text.clone())
            })
            .map_err(|failure| failed(agent, key, Some(launch), failure))?;
        let Linked { footprint, replaced, .. } = linked.ok_or_else(|| unmade(agent))?;
        let is_ours = previous.is_some();
        if replaced.is_some() && !is_ours {
            return Err(failed(agent, key, None, Failure::Taken(key.to_owned())));
        }
        let known = previous.and_then(|link| link.footprint.clone());
        let link = AgentLink {
            id: agent.id().to_owned(),
            key: key.to_owned(),
            footprint: footprint.map(word).or(known),
        };
        let change = Change::Link { launch: launch.clone(), is_ours };
        Ok(Self { link, agent, path, file, change, preview })
    }

    /// Plans to remove a link.
    pub fn unlink(
        agent: &'static dyn Agent,
        link: &AgentLink,
        scope: Scope,
        places: &Places,
    ) -> Result<Self> {
        let (path, file) = settings_file(agent, &link.key, scope, places)?;
        // A word that is none of ours gives back less, and harms nothing.
        let footprint = link.footprint.as_deref().and_then(read_word).unwrap_or_default();
        let file = match footprint {
            Footprint::Document => file.when_blank(WhenBlank::Remove),
            _ => file,
        };
        let preview = file
            .preview(|text| Ok::<_, Failure>(agent.unlink(text, &link.key, footprint)?))
            .map_err(|failure| failed(agent, &link.key, None, failure))?;
        let change = Change::Unlink(footprint);
        Ok(Self { link: link.clone(), agent, path, file, change, preview })
    }

    /// The change as a unified difference. Empty if there is none.
    pub fn difference(&self) -> String {
        unified_difference(&self.path, &self.preview.old, &self.preview.new)
    }

    /// Makes the change.
    pub fn write(&self) -> Result<()> {
        let (agent, key) = (self.agent, &self.link.key);
        let result = match &self.change {
            Change::Link { launch, is_ours } => self.file.edit(|text| {
                let linked = agent.link(text, key, launch)?;
                // It may have been added since the plan was made.
                if linked.replaced.is_some() && !is_ours {
                    return Err(Failure::Taken(key.clone()));
                }
                Ok(linked.text)
            }),
            Change::Unlink(footprint) => {
                self.file.edit(|text| Ok::<_, Failure>(agent.unlink(text, key, *footprint)?))
            }
        };
        let launch = match &self.change {
            Change::Link { launch, .. } => Some(launch),
            Change::Unlink(_) => None,
        };
        result.map(drop).map_err(|failure| failed(agent, key, launch, failure))
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
        Scope::User => file,
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

/// A failure in context. Where linking failed, what could be pasted by hand is
/// part of the advice.
fn failed(
    agent: &'static dyn Agent,
    key: &str,
    launch: Option<&Launch>,
    failure: Failure,
) -> Error {
    let (code, hint) = match &failure {
        Failure::Edit(error) => (error.code(), error.hint()),
        Failure::File(error) => (error.code(), error.hint()),
        Failure::Taken(_) => {
            (Code::Settings, Some("rename or remove that entry first; mcpkg has not changed it"))
        }
        Failure::Unmoved(_) => {
            (Code::Settings, Some("start it once, so that it moves them, then try again"))
        }
    };
    let snippet = launch.map_or_else(String::new, |launch| {
        format!("; by hand, it would be\n{}", agent.snippet(key, launch))
    });
    Error::Failed {
        context: format!("the settings of {} were not changed{snippet}", agent.display_name()),
        code,
        hint,
        source: Box::new(failure),
    }
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
