//! Following a recipe: the same for `mcpkg pack`, in place, and for `mcpkg
//! rebuild`, confined.
//!
//! | module | does |
//! |---|---|
//! | `toolchain` | finds the tools that the recipe names, and asks them for their versions |
//! | `environment` | makes the environment of the steps from nothing |
//! | `in_place` | builds in the author's own folder |
//! | `process` | runs one step to its end, its time limit, or its limit of output |
//! | `stage` | makes a stage of `sandbox` of a step: the umask, and where it is confined, the rest |
//! | `view` | what a confined step sees of this machine |
//!
//! What comes out of a build is as untrusted as what went in: the folder that is
//! packed has to lie below the source when every link is resolved, and packing
//! takes regular files alone.

mod environment;
mod error;
mod in_place;
mod process;
#[cfg(unix)]
mod stage;
mod toolchain;
#[cfg(target_os = "linux")]
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::Recipe;
use serde::{Deserialize, Serialize};

pub use self::error::BuildError;
pub use self::in_place::{BuiltInPlace, in_place};
pub use self::process::{LogFile, Output};
use crate::atomic;
use crate::error::Error;

/// Where a build happens, and with what.
#[derive(Debug)]
pub struct Site<'a> {
    /// The root of the source, absolute.
    pub source: &'a Path,
    /// The folder of `mcpkg.toml`, from there; empty if it is the root.
    pub folder: &'a Path,
    /// An empty folder of our own, absolute: home and temporary files of the build.
    pub scratch: &'a Path,
    /// Where tools are looked for, in this order.
    pub search: &'a [PathBuf],
    /// Folders that the user gave with tools in them: a confined build may read them.
    pub toolchains: &'a [PathBuf],
    /// The user's home, of which a confined build sees nothing else.
    pub home: &'a Path,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970.
    pub source_date: i64,
    /// How long all steps together may take.
    pub timeout: Duration,
    /// Where what the steps say goes.
    pub output: Output<'a>,
}

/// What was kept from a build, as a rebuilder can tell others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "camelCase")]
pub enum Confinement {
    /// It saw the system's programs, its tools, its source and empty folders, and
    /// no other process; all but its own folders were read-only.
    Confined {
        /// Whether it could use the network, as its recipe asks.
        network: bool,
    },
    /// It could do what the user can.
    Unconfined {
        /// Why.
        reason: String,
    },
}

/// A finished build.
#[derive(Debug)]
pub struct Built {
    /// The folder to pack, with every link resolved.
    pub folder: PathBuf,
    /// The tools that the recipe names, as they say their versions.
    pub tools: BTreeMap<ProgramName, String>,
}

/// What every step of one build has in common.
struct Job<'a> {
    site: &'a Site<'a>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only a view shows them"))]
    tools: &'a BTreeMap<ProgramName, PathBuf>,
    environment: BTreeMap<String, String>,
    confinement: &'a Confinement,
}

/// Finds out whether a build can be confined here.
///
/// # Errors
///
/// [`BuildError::NotConfined`], with what is in the way.
pub fn can_confine(recipe: &Recipe, site: &Site<'_>) -> Result<Confinement, BuildError> {
    #[cfg(target_os = "linux")]
    {
        prepare(site)?;
        let confinement = Confinement::Confined { network: recipe.needs_network() };
        let (tools, environment) = (BTreeMap::new(), BTreeMap::new());
        stage::probe(&Job { site, tools: &tools, environment, confinement: &confinement })?;
        Ok(confinement)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (recipe, site);
        Err(BuildError::not_here())
    }
}

/// Follows `recipe`, step by step.
///
/// Whatever happens, no process of the build is left running that was confined,
/// or that stayed in its group.
pub fn build(
    recipe: &Recipe,
    site: &Site<'_>,
    confinement: &Confinement,
) -> Result<Built, BuildError> {
    prepare(site)?;
    let tools = toolchain::find(recipe, site)?;
    let environment = environment::of(recipe, site, &tools, confinement);
    let job = Job { site, tools: &tools, environment, confinement };
    let mut clock = process::Clock::start(site.timeout);
    let mut versions = BTreeMap::new();
    for (name, tool) in &tools {
        let expected = &recipe.toolchain()[name];
        let printed = toolchain::ask(name, tool, &job, &mut clock)?;
        if !expected.is_named_in(&printed) {
            let found = toolchain::shortened(&printed);
            return Err(BuildError::ToolVersion {
                tool: name.clone(),
                expected: expected.clone(),
                found,
            });
        }
        versions.insert(name.clone(), toolchain::shortened(&printed));
    }
    for (index, step) in recipe.steps().iter().enumerate() {
        let number = index + 1;
        let status = process::run(step, &job, site.output, &mut clock)?;
        if !status.success() {
            let (step, status) = (step.join(" "), process::in_words(status));
            return Err(BuildError::Step { number, step, status });
        }
    }
    Ok(Built { folder: packed_folder(recipe, site)?, tools: versions })
}

/// Makes the folders that a build is given.
fn prepare(site: &Site<'_>) -> Result<(), BuildError> {
    for folder in [home(site), temporary(site)] {
        atomic::create_folder(&folder).map_err(BuildError::prepare)?;
    }
    Ok(())
}

fn home(site: &Site<'_>) -> PathBuf {
    site.scratch.join("home")
}

fn temporary(site: &Site<'_>) -> PathBuf {
    site.scratch.join("tmp")
}

/// The folder that is packed. A build may have made it a link to anywhere.
fn packed_folder(recipe: &Recipe, site: &Site<'_>) -> Result<PathBuf, BuildError> {
    let base = site.source.join(site.folder);
    let path = recipe.folder().map_or_else(|| base.clone(), |folder| base.join(folder.as_str()));
    let read = |path: &Path| {
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        dunce::canonicalize(path).map_err(unreadable)
    };
    let root = read(site.source).map_err(BuildError::prepare)?;
    let missing = |problem| BuildError::Folder { path: path.clone(), problem };
    let folder = dunce::canonicalize(&path).map_err(|_| missing("was not made"))?;
    if !folder.starts_with(&root) {
        return Err(missing("leads out of the source"));
    }
    if folder.is_dir() { Ok(folder) } else { Err(missing("is no folder")) }
}
