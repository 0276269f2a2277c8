//! What a server was granted, as folders of this machine.

use std::path::PathBuf;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::permissions::PathGrant;

use super::workspace::Workspace;
use crate::places::Places;
use crate::sandbox::denied::{self, Overlap, resolved};
use crate::sandbox::{SandboxError, Sight};

/// What a server may do with a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Read,
    Write,
}

/// What `server` may do with files, without what belongs to its programs.
pub(super) fn sight(
    server: &LockedServer,
    places: &Places,
    workspace: &Workspace,
) -> Result<Sight, SandboxError> {
    let grants = Grants {
        denied: denied::places(places, workspace.folder()),
        home: resolved(&places.home),
        data: places.data_of_server(&server.name),
        workspace,
    };
    let mut sight = Sight::default();
    for (verb, granted) in [
        (Verb::Read, &server.granted.filesystem.read),
        (Verb::Write, &server.granted.filesystem.write),
    ] {
        for grant in granted {
            grants.add(&mut sight, verb, grant)?;
        }
    }
    Ok(sight)
}

struct Grants<'a> {
    denied: Vec<PathBuf>,
    home: PathBuf,
    data: PathBuf,
    workspace: &'a Workspace,
}

impl Grants<'_> {
    fn add(&self, sight: &mut Sight, verb: Verb, grant: &PathGrant) -> Result<(), SandboxError> {
        let (base, rest) = grant.split_base();
        if base == "${data}" {
            return self.add_data(sight, verb, grant, rest);
        }
        let folder = match base {
            "${home}" => self.home.clone(),
            "${workspace}" => match self.workspace.folder() {
                Some(folder) => folder.to_owned(),
                None => return Err(SandboxError::NoWorkspace { granted: grant.to_string() }),
            },
            "" => PathBuf::from("/"),
            drive => PathBuf::from(format!("{drive}/")),
        };
        let spelled = folder.join(rest);
        let path = resolved(&spelled);
        // A link in a project may have come with it, or from the server itself.
        if base == "${workspace}" && !path.starts_with(&folder) {
            return Err(refused(grant, path));
        }
        let around = match denied::overlap(&path, &self.denied) {
            Overlap::Inside(place) => return Err(refused(grant, place.to_owned())),
            Overlap::Around(around) => around,
        };
        // What is not there cannot be shown, and is not there for anybody.
        if !path.exists() {
            return Ok(());
        }
        for place in around {
            if place.exists() && denied::is_readable(place) {
                sight.frozen.extend((verb == Verb::Write).then(|| place.to_owned()));
            } else if place.exists() {
                sight.denied.push(place.to_owned());
            } else if verb == Verb::Write && base != "${workspace}" {
                let (granted, denied) = (grant.to_string(), place.to_owned());
                return Err(SandboxError::Uncoverable { granted, denied });
            }
        }
        if spelled != path {
            sight.links.push((spelled, path.clone()));
        }
        match verb {
            Verb::Read => sight.read.push(path),
            Verb::Write => sight.write.push(path),
        }
        Ok(())
    }

    /// The server's own data, which is among our own, and so in what is denied.
    fn add_data(
        &self,
        sight: &mut Sight,
        verb: Verb,
        grant: &PathGrant,
        rest: &str,
    ) -> Result<(), SandboxError> {
        // It is this user's, and made when it is first granted.
        let failed = |source| SandboxError::Data { path: self.data.clone(), source };
        std::fs::create_dir_all(self.data.join(rest)).map_err(failed)?;
        let path = resolved(&self.data.join(rest));
        // A link in there is the server's work.
        if !path.starts_with(resolved(&self.data)) {
            return Err(refused(grant, path));
        }
        match verb {
            Verb::Read => sight.own.push(path),
            Verb::Write => sight.own_writable.push(path),
        }
        Ok(())
    }
}

fn refused(grant: &PathGrant, denied: PathBuf) -> SandboxError {
    SandboxError::Denied { granted: grant.to_string(), denied }
}
