//! Files that act by themselves, made in a project while a server ran.
//!
//! In a project that a server may write to, the settings of agents, the lock and git's
//! hooks are covered, where they are there. What is not there cannot be covered: a mount
//! needs a place, and to make one would put an empty `.mcp.json` into the project, which
//! its agents take for damage. Landlock has no rule for a name. So this is found instead
//! of prevented, and said before anybody starts an agent there again.

use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::Code;
use mcpkg_core::lock::LockedServer;

use super::workspace::Workspace;
use crate::ops::failures::Failure;
use crate::places::Places;
use crate::sandbox::denied;

/// What was not there when a server started, and acts by itself if it is made.
pub struct Absent {
    paths: Vec<PathBuf>,
}

impl Absent {
    /// Looks, if the server may write to the project.
    pub fn before(server: &LockedServer, places: &Places, workspace: &Workspace) -> Self {
        let writes = &server.granted.filesystem.write;
        let may_write = writes.iter().any(|grant| grant.split_base().0 == "${workspace}");
        let Some(folder) = workspace.folder().filter(|_| may_write) else {
            return Self { paths: Vec::new() };
        };
        let mut paths = denied::places(places, Some(folder));
        paths.retain(|path| path.starts_with(folder) && !path.exists());
        Self { paths }
    }

    /// What has been made since, as what went wrong with `server`. Nothing says who made
    /// it: the server, or its user meanwhile.
    pub fn made(&self, server: &LockedServer, now: Timestamp) -> Option<Failure> {
        let made: Vec<_> = self.paths.iter().filter(|path| path.exists()).collect();
        let first = made.first()?;
        let names: Vec<_> = made.iter().map(|path| path.display().to_string()).collect();
        Some(Failure {
            time: now,
            code: Code::Confinement,
            sentence: format!(
                "while {} ran, this was made, which agents or git act on: {}",
                server.name,
                names.join(", ")
            ),
            hint: Some(format!(
                "look at `{}` before you start an agent there, and remove it if it is not yours",
                first.display()
            )),
        })
    }
}
