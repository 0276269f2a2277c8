//! The tools that a recipe names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::Recipe;

use super::process::{self, Clock};
use super::{BuildError, Job, Output, Site};
use crate::error::Error;
use crate::store::is_executable;

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
            let path = folders.iter().find_map(|folder| program(folder, name.as_str()));
            Ok((name.clone(), path.ok_or_else(missing)?))
        })
        .collect()
}

/// The program of this name in `folder`. A folder that is not absolute, or whose
/// name is no text, cannot be on a `PATH` that means the same to everybody.
fn program(folder: &Path, name: &str) -> Option<PathBuf> {
    if !folder.is_absolute() || folder.to_str().is_none_or(|text| text.contains(':') && cfg!(unix))
    {
        return None;
    }
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };
    endings.iter().map(|ending| folder.join(format!("{name}{ending}"))).find(|path| {
        fs::metadata(path)
            .is_ok_and(|metadata| metadata.is_file() && (cfg!(windows) || is_executable(&metadata)))
    })
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

/// The folders outside the system's that a confined build has to read to run
/// `tool`: the one it was found in, the one that it is a link into, and what
/// each is installed under.
#[cfg(target_os = "linux")]
pub(super) fn folders(tool: &Path, home: &Path) -> Vec<PathBuf> {
    let real = fs::canonicalize(tool).ok();
    [Some(tool.to_owned()), real]
        .into_iter()
        .flatten()
        .filter_map(|path| {
            let folder = path.parent()?;
            let prefix = folder.parent().filter(|_| folder.ends_with("bin"));
            // `~/.cargo/bin` has tools in it, and `~/.cargo` has credentials.
            let is_private =
                |prefix: &Path| home.starts_with(prefix) || prefix.parent() == Some(home);
            let prefix = prefix.filter(|prefix| !is_private(prefix));
            Some(prefix.unwrap_or(folder).to_owned())
        })
        .filter(|folder| !home.starts_with(folder))
        .collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_shown_with_what_it_is_installed_under_and_nothing_private() {
        let home = Path::new("/home/alice");
        for (tool, folder) in [
            ("/srv/node-20/bin/node", Some("/srv/node-20")),
            ("/srv/tools/weatherc", Some("/srv/tools")),
            ("/home/alice/.nvm/versions/v20/bin/node", Some("/home/alice/.nvm/versions/v20")),
            ("/home/alice/.cargo/bin/cargo", Some("/home/alice/.cargo/bin")),
            ("/home/alice/bin/tool", Some("/home/alice/bin")),
            ("/home/alice/tool", None),
            ("/home/bin/tool", Some("/home/bin")),
            ("/bin/tool", Some("/bin")),
        ] {
            let expected: Vec<PathBuf> = folder.into_iter().map(PathBuf::from).collect();
            assert_eq!(folders(Path::new(tool), home), expected, "{tool}");
        }
    }

    #[test]
    fn what_a_tool_says_is_cut_to_a_line() {
        for (printed, shown) in [("\n v1.0 \nmore", "v1.0"), ("", "nothing"), (" \n\n", "nothing")]
        {
            assert_eq!(shortened(printed), shown);
        }
        assert_eq!(shortened(&"x".repeat(1000)).len(), SHOWN);
    }
}
