//! A dump of OSV: a file, a folder or an archive of them.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use mcpkg_core::advisory::{Advisory, MAX_BYTES, Subject};
use mcpkg_core::archive::{Archive, ArchiveError, Limits};
use mcpkg_core::lock::LockedServer;
use mcpkg_core::{Code, Platform, json};

use super::{Finding, Kind};
use crate::agents::Scope;
use crate::error::{Error, Result};
use crate::ops::change::{Closure, Ecosystem};
use crate::ops::faults::{self, Accuser, Fault};
use crate::places::Places;
use crate::store::Store;

/// The advisories that are about something installed.
pub struct Advisories(Vec<Advisory>);

/// A server, with everything that an advisory may know it or its parts by.
struct Parts<'a> {
    scope: Scope,
    server: &'a LockedServer,
    /// What it is, what to call it, and which version it is.
    subjects: Vec<(Subject, String, String)>,
}

impl Advisories {
    /// Reads the dump at `path`, and gives what it says of `servers` and of the packages
    /// that they carry. That is remembered as well, for when they start.
    pub fn findings(
        path: &Path,
        servers: &[(Scope, LockedServer)],
        store: &Store,
        places: &Places,
    ) -> Result<Vec<Finding>> {
        let parts: Vec<_> =
            servers.iter().map(|(scope, server)| Parts::of(*scope, server, store)).collect();
        let is_of_interest = |advisory: &Advisory| {
            let mut all = parts.iter().flat_map(|parts| &parts.subjects);
            all.any(|(subject, ..)| advisory.is_about(subject))
        };
        let Self(advisories) = Self::read(path, is_of_interest)?;
        let mut all = Vec::new();
        for parts in &parts {
            let found: Vec<_> =
                advisories.iter().flat_map(|advisory| parts.affected_by(advisory)).collect();
            let fault = |it: &Finding| Fault { code: Code::Advisory, sentence: it.message.clone() };
            let faults = found.iter().map(fault).collect();
            faults::remember(parts.server, Accuser::Advisories, faults, places)?;
            all.extend(found);
        }
        Ok(all)
    }

    /// Reads those that are of interest; a dump has hundreds of thousands.
    fn read(path: &Path, is_of_interest: impl Fn(&Advisory) -> bool) -> Result<Self> {
        let mut kept = Vec::new();
        let mut keep = |bytes: &[u8], label: &str| -> Result<()> {
            let unusable = || format!("the advisories in `{label}` cannot be used");
            if bytes.trim_ascii_start().first() != Some(&b'[') {
                let advisory = Advisory::parse(bytes).map_err(Error::wrap(unusable()))?;
                kept.extend(advisory.filter(|it| is_of_interest(it)));
                return Ok(());
            }
            let malformed = |source: json::JsonError| Error::Failed {
                context: unusable(),
                code: Code::Request,
                hint: None,
                source: Box::new(source),
            };
            let list = json::parse(bytes, MAX_BYTES).map_err(malformed)?;
            for value in list.as_array().into_iter().flatten() {
                let advisory = Advisory::from_value(value).map_err(Error::wrap(unusable()))?;
                kept.extend(advisory.filter(|it| is_of_interest(it)));
            }
            Ok(())
        };
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let is_json = |path: &Path| path.extension().is_some_and(|it| it == "json");
        let label = path.display().to_string();
        if path.is_dir() {
            let mut files: Vec<_> = fs::read_dir(path)
                .map_err(failed)?
                .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
                .collect::<Result<_>>()?;
            files.sort();
            for file in files.iter().filter(|file| is_json(file)) {
                keep(&read_bounded(file)?, &file.display().to_string())?;
            }
        } else if path.extension().is_some_and(|it| it == "zip") {
            let unusable = format!("`{label}` is no archive that can be used");
            let file = File::open(path).map_err(failed)?;
            let mut archive =
                Archive::read(file, &Limits::default()).map_err(Error::wrap(unusable.clone()))?;
            let names: Vec<_> =
                archive.entries().iter().map(|entry| entry.path().as_str().to_owned()).collect();
            for name in names.iter().filter(|name| is_json(Path::new(name))) {
                let read: Result<_, ArchiveError> = archive.read_file(name, MAX_BYTES as u64);
                let bytes = read.map_err(Error::wrap(unusable.clone()))?.unwrap_or_default();
                keep(&bytes, &format!("{label}: {name}"))?;
            }
        } else {
            keep(&read_bounded(path)?, &label)?;
        }
        Ok(Self(kept))
    }
}

/// Reads a file, and of a longer one than an advisory may be just enough to refuse it.
fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

impl<'a> Parts<'a> {
    fn of(scope: Scope, server: &'a LockedServer, store: &Store) -> Self {
        let version = server.version.to_string();
        let mut subjects = vec![(Subject::of(&server.name), "the release itself".into(), version)];
        let tree = server.artifact_for(Platform::current()).map(|artifact| artifact.tree);
        // Files that are not the pinned ones are a finding of their own.
        let closure = tree
            .and_then(|tree| store.check(tree).ok())
            .and_then(|folder| Closure::read(&folder).ok())
            .unwrap_or_default();
        for (dependency, versions) in &closure.dependencies {
            let ecosystem = Ecosystem::as_str(dependency.ecosystem);
            for version in versions {
                let label = format!("{ecosystem}:{} {version}, which it carries", dependency.name);
                let subject = Subject::in_ecosystem(ecosystem, &dependency.name);
                subjects.push((subject, label, version.clone()));
            }
        }
        Self { scope, server, subjects }
    }

    fn affected_by(&self, advisory: &Advisory) -> Vec<Finding> {
        let affected =
            self.subjects.iter().filter(|(subject, _, version)| advisory.affects(subject, version));
        affected
            .map(|(_, label, _)| {
                let message = format!("{}: {label}: {}", advisory.id, advisory.summary);
                let fix = "`mcpkg outdated` shows whether there is a release without it";
                Finding::of(Kind::Advisory, self.scope, self.server, message, fix)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_a_file_a_folder_or_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let one = |id: &str| format!("{{\"id\":\"{id}\"}}");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.json"), one("A")).unwrap();
        fs::write(path("b.json"), format!("[{},{}]", one("B"), one("C"))).unwrap();
        fs::write(path("readme.txt"), "not one").unwrap();
        let ids = |path: &Path| -> Vec<String> {
            let Advisories(found) = Advisories::read(path, |_| true).unwrap();
            found.into_iter().map(|advisory| advisory.id).collect()
        };
        assert_eq!(ids(folder.path()), ["A", "B", "C"]);
        assert_eq!(ids(&path("a.json")), ["A"]);
        fs::write(path("c.json"), "[{}]").unwrap();
        assert!(Advisories::read(folder.path(), |_| true).is_err());
    }
}
