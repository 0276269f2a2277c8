//! Whether a server still comes from where it came from.
//!
//! A name stays with the place that it was installed from: another registry, another index or
//! another package could put somebody else's code in its place, under the grants that its user
//! gave. Who means to change that removes it first, and approves it anew.

use mcpkg_core::PackageName;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::{VersionRange, WantedServer};
use mcpkg_upstream::{Package, Reference};

use super::release;
use crate::error::{Error, Result};

/// The package that `mcpkg.toml` wants a server to be made of, if it says so.
///
/// # Errors
///
/// A setting error if that is none, or none of this name.
pub fn wanted(name: &PackageName, wanted: &WantedServer) -> Result<Option<Package>> {
    let Some(from) = &wanted.from else { return Ok(None) };
    let package: Package = from.parse().map_err(|error| Error::Setting {
        message: format!("mcpkg.toml wants {name} from what is no package: {error}"),
        hint: "write `from = \"npm:@scope/name\"` or `from = \"pypi:name\"`",
    })?;
    let found = package.name_below(package.ecosystem().namespace());
    if found.is_ok_and(|found| found == *name) {
        return Ok(Some(package));
    }
    Err(Error::Setting {
        message: format!("mcpkg.toml wants {name} from `{package}`, which has another name here"),
        hint: "`npm:@scope/name` is called `org.npmjs.scope/name`, and `pypi:name` `org.pypi/name`",
    })
}

/// The package of npm or PyPI that a server is wanted from, or stays with if nobody says.
///
/// # Errors
///
/// Those of [`wanted`], and [`Error::SourceChanged`] if it is locked from elsewhere.
pub fn package(
    name: &PackageName,
    server: &WantedServer,
    locked: Option<&LockedServer>,
) -> Result<Option<Package>> {
    let is_from = locked.and_then(|locked| locked.upstream.as_ref());
    let is_from = is_from.map(release).transpose()?;
    match (wanted(name, server)?, is_from) {
        (None, is_from) => Ok(is_from.map(|release| release.package().clone())),
        (Some(package), is_from) => {
            let is_it = is_from.is_some_and(|release| *release.package() == package);
            match locked.filter(|_| !is_it) {
                None => Ok(Some(package)),
                Some(locked) => Err(Error::SourceChanged {
                    name: name.clone(),
                    locked: place(locked),
                    found: package.to_string(),
                }),
            }
        }
    }
}

/// The releases that somebody asks for with a reference, if they ask for a range.
pub fn range(reference: &Reference) -> Option<VersionRange> {
    let wanted = reference.wanted.as_ref().filter(|wanted| wanted.exact().is_none())?;
    wanted.as_str().parse().ok()
}

/// Refuses a server of `package` in the place of one that was of something else, or came
/// from another registry than `registry`.
///
/// # Errors
///
/// [`Error::SourceChanged`].
pub fn check(locked: Option<&LockedServer>, package: &Package, registry: &str) -> Result<()> {
    let Some(locked) = locked else { return Ok(()) };
    let is_from = locked.upstream.as_ref().map(release).transpose()?;
    let is_of = is_from.is_some_and(|release| release.package() == package);
    if is_of && locked.registry == registry {
        return Ok(());
    }
    let found = format!("{package} at {registry}");
    Err(Error::SourceChanged { name: locked.name.clone(), locked: place(locked), found })
}

/// Where a server was installed from, in words.
pub fn place(locked: &LockedServer) -> String {
    match &locked.upstream {
        Some(upstream) => format!("{} at {}", upstream.release, locked.registry),
        None => locked.registry.clone(),
    }
}
