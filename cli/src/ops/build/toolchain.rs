//! The tools that a recipe names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::Recipe;

use super::process::{self, Clock};
use super::{BuildError, Job, Output, Site};
use crate::error::Error;
use crate::sandbox::programs;

/// The longest answer of a tool that is shown, in characters.
const SHOWN: usize = 80;

/// Finds every tool: the first of its name in the folders given with
/// `--toolchain`, or in their `bin`, and else on the user's `PATH`.
pub(super) fn find(
    recipe: &Recipe,
    site: &Site<'_>,
) -> Result<BTreeMap<ProgramName, PathBuf>, BuildError> {
    let given = site.toolchains.iter().flat_map(|folder| [folder.join("bin"), folder.clone()]);
    let folders: Vec<PathBuf> = given.chain(site.search.iter().cloned()).collect();
    recipe
        .toolchain()
        .iter()
        .map(|(name, expected)| {
            let missing =
                || BuildError::ToolMissing { tool: name.clone(), expected: expected.clone() };
            let path = folders.iter().find_map(|folder| programs::in_folder(folder, name.as_str()));
            Ok((name.clone(), path.ok_or_else(missing)?))
        })
        .collect()
}

/// What a tool prints when it is asked for its version.
pub(super) fn ask(
    name: &ProgramName,
    tool: &Path,
    job: &Job<'_>,
    clock: &mut Clock,
) -> Result<String, BuildError> {
    // Go alone has no such flag.
    let flag = if name.as_str() == "go" { "version" } else { "--version" };
    let command = [tool.to_string_lossy().into_owned(), flag.to_owned()];
    let log = job.site.scratch.join("version");
    let file = process::LogFile::create(&log).map_err(BuildError::prepare)?;
    process::run(&command, job, Output::Log(&file), clock)?;
    let printed =
        fs::read(&log).map_err(|source| BuildError::prepare(Error::Read { path: log, source }))?;
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// The first line of what a tool said, cut to what a message can hold.
pub(super) fn shortened(printed: &str) -> String {
    let line = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
    line.trim().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_is_cut_to_a_line() {
        for (printed, shown) in [("\n v1.0 \nmore", "v1.0"), ("", "nothing"), (" \n\n", "nothing")]
        {
            assert_eq!(shortened(printed), shown);
        }
        assert_eq!(shortened(&"x".repeat(1000)).len(), SHOWN);
    }
}
