//! What was done to which settings, so that it can be undone.

use std::io;
use std::path::PathBuf;

use mcpkg_core::lock::AgentLink;
use serde::{Deserialize, Serialize};

use super::rewrite::Edits;
use crate::agents::Scope;
use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// What was done to one entry. It names secrets and holds none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The agent.
    pub agent: String,
    /// Whose settings they are.
    pub scope: Scope,
    /// The settings.
    pub path: PathBuf,
    /// The server's name there.
    pub key: String,
    /// The project that it is for, if it is one user's in one project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What was done.
    pub edits: Edits,
}

impl Record {
    /// Whether a link is that of the entry that this is about.
    pub fn is_of(&self, link: &AgentLink) -> bool {
        (&link.id, &link.key, &link.project) == (&self.agent, &self.key, &self.project)
    }
}

/// Everything that was done and not undone.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// In the order in which it was done.
    pub records: Vec<Record>,
}

impl Records {
    /// Reads what there is.
    pub fn read(places: &Places) -> Result<Self> {
        let path = places.migrated();
        let failed = |source| Error::Read { path: path.clone(), source };
        match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            other => serde_json::from_slice(&other.map_err(failed)?)
                .map_err(|error| failed(error.into())),
        }
    }

    /// Writes it.
    pub fn write(&self, places: &Places) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(Error::Json)?;
        text.push('\n');
        atomic::write_private(&places.migrated(), text.as_bytes())
    }
}
