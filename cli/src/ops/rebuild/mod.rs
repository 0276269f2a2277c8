//! Building a release again: do the bytes come from the source?
//!
//! | module | does | believes |
//! |---|---|---|
//! | `work` | says where it happens, and of which artifact | what the user says |
//! | `plan` | finds commit and recipe in what was signed | the judged evidence |
//! | [`source`] | brings the source at that commit | the commit's hash |
//! | [`build`] | follows the recipe, confined | nothing that it does |
//! | `compare` | holds the two trees against each other, file by file | their bytes |
//! | `cause` | guesses from the first differing bytes what made them differ | nothing: it is a hint |
//!
//! What comes out is a [`RebuildOutcome`], plain data. Another result than the
//! release's is a reason to look, and not an accusation: a build may depend on
//! the machine it is done on without anybody meaning harm.

mod cause;
mod compare;
mod outcome;
mod plan;
mod work;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcpkg_core::Platform;
use mcpkg_core::api::Artifact;
use mcpkg_core::project::SourceDate;
use mcpkg_core::statement::RebuildResult;

pub use self::cause::Cause;
pub use self::compare::{Difference, compare};
pub use self::outcome::{Failure, RebuildOutcome, RecipeOrigin};
pub use self::plan::Plan;
pub use self::work::{Work, absolute, choose};
use crate::atomic::create_folder as make;
use crate::error::{Error, Result};
use crate::ops::build::{self, Confinement, LogFile, Output, Site};
use crate::ops::release::TrustedRelease;
use crate::ops::{fetch, pack, source};
use crate::places::Places;
use crate::registry::Registry;
use crate::ui::Ui;

/// How to rebuild.
#[derive(Debug)]
pub struct Options<'a> {
    /// A clone of the repository, to be used in its place.
    pub source: Option<&'a Path>,
    /// Folders with tools.
    pub toolchains: &'a [PathBuf],
    /// Let the build do what the user can do.
    pub is_unconfined: bool,
    /// How long the steps may take.
    pub timeout: Duration,
}

/// Rebuilds an artifact of a release, in the empty folder `work`, and compares.
///
/// In `work` there are afterwards the artifact (`release.mcpb`), its files
/// (`release/`), the source (`source/`), and if it could be built the same of
/// the rebuild (`rebuilt.mcpb`, `rebuilt/`).
///
/// # Errors
///
/// `E_SOURCE` if there is no source or no recipe; `E_BUILD` if this machine cannot
/// do the build at all, for want of a tool or of confinement; and what fetching
/// the artifact fails with. A build that was done and failed is an outcome.
pub fn rebuild(
    release: &TrustedRelease,
    artifact: &Artifact,
    registry: &Registry,
    work: &Path,
    options: &Options<'_>,
    places: &Places,
    ui: &Ui,
) -> Result<RebuildOutcome> {
    let (name, version) = (&release.document.name, &release.document.version);
    let context = || format!("{name}@{version} cannot be rebuilt here");
    let plan = Plan::of(release, artifact).map_err(Error::wrap(context()))?;
    let file = create(&work.join("release.mcpb"))?;
    let expected = work.join("release");
    fetch::fetch_into(registry, artifact, &release.server_json, file, &expected, ui)?;
    ui.status("Fetched", format!("{} for {}", artifact.digest, artifact.platform));

    let (scratch, root) = (work.join("scratch"), work.join("source"));
    make(&scratch)?;
    let committed_at = source::check_out(&plan.source, options.source, &root, &scratch)
        .map_err(Error::wrap(context()))?;
    ui.status("Fetched", format!("the source at commit {}", plan.source.commit));
    let (recipe, recipe_origin) = plan.recipe(&root)?;
    let log = log_file(release, places)?;
    let site = Site {
        source: &root,
        folder: &plan.folder(),
        scratch: &scratch,
        search: &places.search,
        toolchains: options.toolchains,
        home: &places.home,
        source_date: match recipe.source_date() {
            SourceDate::Seconds(seconds) => seconds,
            SourceDate::Commit => committed_at,
        },
        timeout: options.timeout,
        output: Output::Log(&log),
    };
    let confinement = if options.is_unconfined {
        Confinement::Unconfined { reason: "it was asked for".to_owned() }
    } else {
        build::can_confine(&recipe, &site).map_err(Error::wrap(context()))?
    };
    let mut outcome = RebuildOutcome {
        result: RebuildResult::Failed,
        name: name.clone(),
        version: version.clone(),
        platform: artifact.platform,
        entry: release.log.index,
        metadata: release.document.metadata,
        artifact: artifact.digest,
        tree_expected: artifact.tree,
        tree_found: None,
        source: plan.source,
        recipe,
        recipe_origin,
        confinement,
        built_on: Platform::current(),
        tools: BTreeMap::new(),
        differences: Vec::new(),
        failure: None,
        log: log.path().to_owned(),
    };
    match attempt(&mut outcome, release, &site, work)? {
        Some(found) if outcome.result == RebuildResult::Different => {
            outcome.differences = compare(&expected, &found)?;
        }
        _ => (),
    }
    Ok(outcome)
}

/// Builds and packs, and writes into `outcome` what came of it. Returns where the
/// files are that were packed, if any were.
fn attempt(
    outcome: &mut RebuildOutcome,
    release: &TrustedRelease,
    site: &Site<'_>,
    work: &Path,
) -> Result<Option<PathBuf>> {
    let built = match build::build(&outcome.recipe, site, &outcome.confinement) {
        Err(error) if error.is_of_the_build() => {
            outcome.failure = Some(Failure::of(&error, &outcome.log)?);
            return Ok(None);
        }
        other => other.map_err(Error::wrap("this machine cannot do the build"))?,
    };
    outcome.tools = built.tools;
    let (server_json, platform) = (release.server_json.clone(), Some(outcome.platform));
    let packed = match pack::pack_as(&built.folder, server_json, platform, None) {
        // What a build made and nobody can pack is a failure of the build.
        Err(error) => {
            outcome.failure = Some(Failure::of(&error, &outcome.log)?);
            return Ok(None);
        }
        Ok(packed) => packed,
    };
    outcome.tree_found = Some(packed.tree);
    outcome.result = if packed.tree == outcome.tree_expected {
        RebuildResult::Identical
    } else {
        RebuildResult::Different
    };
    // Through the archive, so that both sides were read by the same strict reader.
    let (path, mut file) = create(&work.join("rebuilt.mcpb"))?;
    let failed = |source| Error::Write { path: path.clone(), source };
    io::copy(&mut packed.reopen()?, &mut file).map_err(failed)?;
    let found = work.join("rebuilt");
    fetch::unpack(file, &path, &found)?;
    Ok(Some(found))
}

fn log_file(release: &TrustedRelease, places: &Places) -> Result<LogFile> {
    let (name, version) = (&release.document.name, &release.document.version);
    let path = places.build_log(&format!("{}-{version}", name.as_str().replace('/', "-")));
    if let Some(folder) = path.parent() {
        make(folder)?;
    }
    LogFile::create(&path)
}

fn create(path: &Path) -> Result<(PathBuf, File)> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let file = File::options().read(true).write(true).create_new(true).open(path);
    Ok((path.to_owned(), file.map_err(failed)?))
}
