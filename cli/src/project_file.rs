//! `mcpkg.toml` on disk, as far as it says which servers are wanted.
//!
//! It is kept by hand just as well as by us, so an edit changes one key of one table
//! and leaves every other byte, comments included.

use std::path::PathBuf;

use mcpkg_core::project::{FILE, Project, Servers, VersionRange, WantedServer};
use mcpkg_core::{PackageName, Version};
use mcpkg_upstream::{Reference, Release};
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

use crate::agents::Scope;
use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::source::read_project;
use crate::ops::upstream::{self, source};
use crate::places::Places;
use crate::request::{PackageRequest, Wanted};

/// The table of servers.
const SERVERS: &str = "servers";

/// The `mcpkg.toml` of one scope, and the servers that it wants.
pub struct ProjectFile {
    path: PathBuf,
    /// The servers that it wants.
    pub servers: Servers,
}

impl ProjectFile {
    /// Reads the `mcpkg.toml` of `scope`, if there is one.
    pub fn read(scope: Scope, places: &Places) -> Result<Option<Self>> {
        let folder = match scope {
            Scope::User | Scope::Local => &places.config,
            Scope::Project => &places.project,
        };
        let project = read_project(folder)?;
        Ok(project.map(|project| Self { path: folder.join(FILE), servers: project.servers }))
    }

    /// Makes sure that the release of `name` that was just installed is among those
    /// that are wanted. What is said there already and admits it stays.
    pub fn want(&self, name: &PackageName, version: &VersionRange) -> Result<()> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let edited = with_server(&text, name, version).map_err(|reason| Error::Setting {
            message: format!("`{}` was not changed: {reason}", self.path.display()),
            hint: "add the server to its table [servers] by hand",
        })?;
        atomic::write(&self.path, edited.as_bytes())
    }

    /// The same, of what is made of the package `from` of another ecosystem.
    pub fn want_from(&self, name: &PackageName, version: &VersionRange, from: &str) -> Result<()> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let edited = with_foreign(&text, name, version, from).map_err(|reason| Error::Setting {
            message: format!("`{}` was not changed: {reason}", self.path.display()),
            hint: "add the server to its table [servers] by hand",
        })?;
        atomic::write(&self.path, edited.as_bytes())
    }

    /// Says that what `package` asked for is wanted, of which `version` was chosen, where it
    /// is not said already.
    pub fn want_chosen(&self, package: &PackageRequest, version: &Version) -> Result<()> {
        let name = &package.name;
        if self.servers.get(name).is_some_and(|wanted| wanted.version.matches(version)) {
            return Ok(());
        }
        let range = match &package.wanted {
            Wanted::Newest => VersionRange::compatible_with(version),
            Wanted::Exactly(version) => VersionRange::Exactly(version.clone()),
            Wanted::Range(range) => VersionRange::Range(range.clone()),
        };
        self.want(name, &range)
    }

    /// The same, of what was asked for of another ecosystem, where `release` was chosen.
    pub fn want_made(
        &self,
        name: &PackageName,
        reference: &Reference,
        release: &Release,
    ) -> Result<()> {
        let version = mcpkg_upstream::version(release).map_err(upstream::failed)?;
        let package = reference.package.to_string();
        let is_admitted = |wanted: &WantedServer| {
            wanted.version.matches(&version) && wanted.from.as_ref() == Some(&package)
        };
        if self.servers.get(name).is_some_and(is_admitted) {
            return Ok(());
        }
        let range = match (source::range(reference), &reference.wanted) {
            (Some(range), _) => range,
            (None, Some(_)) => VersionRange::Exactly(version),
            (None, None) => VersionRange::compatible_with(&version),
        };
        self.want_from(name, &range, &package)
    }

    /// Takes `name` out of what is wanted.
    pub fn want_no_more(&self, name: &PackageName) -> Result<()> {
        if self.servers.get(name).is_none() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let edited = without_server(&text, name).map_err(|reason| Error::Setting {
            message: format!("`{}` was not changed: {reason}", self.path.display()),
            hint: "take the server out of its table [servers] by hand",
        })?;
        atomic::write(&self.path, edited.as_bytes())
    }
}

/// `text` with `version` of `name` in its servers.
fn with_server(text: &str, name: &PackageName, version: &VersionRange) -> Result<String, String> {
    edit(text, |servers| {
        let key = key_of(servers, name);
        match servers.get_mut(&key).map(|item| item.get_mut("version")) {
            // A table has more to say than its version, and keeps that.
            Some(Some(found)) => replace(found, version),
            Some(None) => {
                if let Some(found) = servers.get_mut(&key) {
                    replace(found, version);
                }
            }
            None => drop(servers.insert(&key, value(version.to_string()))),
        }
    })
}

/// `text` with `version` of `name` in its servers, made of `from`.
fn with_foreign(
    text: &str,
    name: &PackageName,
    version: &VersionRange,
    from: &str,
) -> Result<String, String> {
    edit(text, |servers| {
        let key = key_of(servers, name);
        let Some(table) = servers.get_mut(&key).and_then(Item::as_table_like_mut) else {
            let mut table = InlineTable::new();
            table.insert("version", version.to_string().into());
            table.insert("from", from.into());
            servers.insert(&key, value(table));
            return;
        };
        match table.get_mut("version") {
            Some(found) => replace(found, version),
            None => drop(table.insert("version", value(version.to_string()))),
        }
        table.insert("from", value(from));
    })
}

/// `text` without `name` in its servers.
fn without_server(text: &str, name: &PackageName) -> Result<String, String> {
    edit(text, |servers| {
        let key = key_of(servers, name);
        servers.remove(&key);
    })
}

/// Edits the table of servers, and reads the result again before anybody gets it.
fn edit(text: &str, change: impl FnOnce(&mut Table)) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
    let servers = document.entry(SERVERS).or_insert_with(|| Item::Table(Table::new()));
    let servers = servers.as_table_mut().ok_or("its [servers] is no table of its own")?;
    change(servers);
    let edited = document.to_string();
    Project::parse(&edited).map_err(|error| error.to_string())?;
    Ok(edited)
}

/// The key that the package has there already, in whatever case, or its name.
fn key_of(servers: &Table, name: &PackageName) -> String {
    let is_it = |key: &str| key.parse::<PackageName>().is_ok_and(|found| found == *name);
    let found = servers.iter().map(|(key, _)| key).find(|key| is_it(key));
    found.unwrap_or(name.as_str()).to_owned()
}

/// Replaces a value, and keeps the comment behind it.
fn replace(item: &mut Item, version: &VersionRange) {
    let decor = item.as_value().map(|found| found.decor().clone());
    *item = value(version.to_string());
    if let (Some(decor), Some(new)) = (decor, item.as_value_mut()) {
        *new.decor_mut() = decor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_keeps_what_somebody_wrote() {
        for (before, after) in [
            ("", "[servers]\n\"a/x\" = \"^2.0.0\"\n"),
            (
                "# ours\n[build]\nsteps = [[\"make\"]] # so\n",
                "# ours\n[build]\nsteps = [[\"make\"]] # so\n\n[servers]\n\"a/x\" = \"^2.0.0\"\n",
            ),
            (
                "[servers]\n# the forecast\n\"A/X\" = '^1' # until June\n\"a/y\" = \"*\"\n",
                "[servers]\n# the forecast\n\"A/X\" = \"^2.0.0\" # until June\n\"a/y\" = \"*\"\n",
            ),
            (
                "[servers.\"a/x\"]\nversion = \"^1\" # old\nagents = [\"cursor\"]\n",
                "[servers.\"a/x\"]\nversion = \"^2.0.0\" # old\nagents = [\"cursor\"]\n",
            ),
            (
                "[servers]\n\"a/x\" = { version = \"^1\", agents = [] }\n",
                "[servers]\n\"a/x\" = { version = \"^2.0.0\", agents = [] }\n",
            ),
        ] {
            let name = "a/x".parse().unwrap();
            let edited = with_server(before, &name, &"^2.0.0".parse().unwrap()).unwrap();
            assert_eq!(edited, after);
            let without = without_server(&edited, &name).unwrap();
            assert!(Project::parse(&without).unwrap().servers.get(&name).is_none(), "{without}");
        }
    }

    #[test]
    fn what_is_from_elsewhere_says_so_and_keeps_the_rest() {
        let from = "from = \"npm:@acme/x\"";
        for (before, after) in [
            ("", format!("[servers]\n\"a/x\" = {{ version = \"^2.0.0\", {from} }}\n")),
            (
                "[servers]\n\"a/x\" = \"^1\"\n\"a/y\" = \"*\" # y\n",
                format!(
                    "[servers]\n\"a/x\" = {{ version = \"^2.0.0\", {from} }}\n\"a/y\" = \"*\" # y\n"
                ),
            ),
            (
                "[servers.\"a/x\"]\nversion = \"^1\" # old\nagents = [\"cursor\"]\n",
                format!(
                    "[servers.\"a/x\"]\nversion = \"^2.0.0\" # old\nagents = [\"cursor\"]\n{from}\n"
                ),
            ),
        ] {
            let (name, version) = ("a/x".parse().unwrap(), "^2.0.0".parse().unwrap());
            assert_eq!(with_foreign(before, &name, &version, "npm:@acme/x").unwrap(), after);
        }
    }

    #[test]
    fn what_cannot_be_edited_is_left() {
        let (name, version) = ("a/x".parse().unwrap(), "^2".parse().unwrap());
        for text in ["servers = 1\n", "[servers\n", "servers = { \"a/y\" = \"*\" }\n"] {
            with_server(text, &name, &version).unwrap_err();
        }
    }
}
