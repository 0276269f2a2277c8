//! `mcpkg.toml`: what a project says about a server of its own, and which servers it
//! wants installed.
//!
//! ```toml
//! [package]
//! server_json = "server.json"        # from this file, if not in the packed folder
//!
//! [build]
//! steps = [["npm", "ci"], ["npm", "run", "build"]]
//! folder = "package"                 # what is packed, if not all of it
//! source_date = "commit"             # or seconds since 1970
//! network = true                     # `npm ci` downloads; the default is false
//!
//! [build.toolchain]
//! node = "20.20.2"
//!
//! [build.environment]
//! NODE_ENV = "production"
//!
//! [servers]
//! "io.github.acme/weather" = "^1.2"
//! ```
//!
//! `[build]` is a [`Recipe`]. `mcpkg pack` follows it, `mcpkg publish` signs it,
//! and anybody can follow it again with `mcpkg rebuild`: so a recipe says
//! everything that the outcome depends on, and no secret.
//!
//! `[servers]` says which [`Servers`] the project wants installed: `mcpkg lock`
//! chooses releases of them, and `mcpkg sync` installs those. Any other table is
//! refused, since a misspelt one would silently mean nothing.

mod error;
mod recipe;
mod record;
mod servers;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub use error::{ProjectError, RecipeError};
#[cfg(feature = "schema")]
pub(crate) use recipe::WireRecipe;
pub use recipe::{Recipe, SourceDate, ToolVersion};
pub use record::BuildRecord;
#[cfg(feature = "schema")]
pub(crate) use servers::WireWanted;
pub use servers::{Servers, VersionRange, VersionRangeError, WantedServer};

use crate::archive::ArchivePath;

/// What the file is called.
pub const FILE: &str = "mcpkg.toml";

/// The longest `mcpkg.toml` that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What an `mcpkg.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Where things are.
    pub package: Package,
    /// How it is built, or `None` if the folder is packed as it is.
    pub build: Option<Recipe>,
    /// Which servers it wants installed.
    pub servers: Servers,
}

/// Where the parts of a package are, in `[package]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The `server.json`, from the folder of `mcpkg.toml`. Without it, that is
    /// the one in the packed folder, or else the one beside `mcpkg.toml`.
    #[serde(default)]
    pub server_json: Option<ArchivePath>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(title = "Project"))]
#[serde(deny_unknown_fields)]
pub(crate) struct WireProject {
    /// Where the parts of the package are.
    #[serde(default)]
    package: Package,
    /// How it is built.
    #[serde(default)]
    build: Option<Recipe>,
    /// The servers that the project wants installed, by name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::servers"))]
    servers: Servers,
}

impl Project {
    /// Reads an `mcpkg.toml`.
    ///
    /// # Errors
    ///
    /// [`ProjectError::Length`] for more than [`MAX_BYTES`], and
    /// [`ProjectError::Malformed`] for everything else, with the line and what
    /// is wrong there.
    pub fn parse(text: &str) -> Result<Self, ProjectError> {
        if text.len() > MAX_BYTES {
            return Err(ProjectError::Length(text.len()));
        }
        let WireProject { package, build, servers } =
            toml::from_str(text).map_err(|error| ProjectError::Malformed(Box::new(error)))?;
        Ok(Self { package, build, servers })
    }
}
