//! The environment of a build, made from nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::Recipe;

use super::{Confinement, Site, home, temporary};

/// Where a confined build finds its source, on every machine: what ends up in
/// the output is then the same for every rebuilder.
#[cfg(target_os = "linux")]
pub(super) const SOURCE: &str = "/build/source";
/// Where its home is.
pub(super) const HOME: &str = "/build/home";
/// Where its temporary files are.
pub(super) const TEMPORARY: &str = "/tmp";

/// The folders of the system's own programs, a shell among them.
#[cfg(not(windows))]
const SYSTEM: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
#[cfg(windows)]
const SYSTEM: [&str; 2] = [r"C:\Windows\System32", r"C:\Windows"];

/// The variables that a step is started with: all of them.
///
/// How text is sorted, what time it is and in which zone are then the same
/// everywhere. A clock is not: a build that asks it does not reproduce.
pub(super) fn of(
    recipe: &Recipe,
    site: &Site<'_>,
    tools: &BTreeMap<ProgramName, PathBuf>,
    confinement: &Confinement,
) -> BTreeMap<String, String> {
    let (home, temporary) = match confinement {
        Confinement::Confined { .. } => (HOME.to_owned(), TEMPORARY.to_owned()),
        Confinement::Unconfined { .. } => (text(&home(site)), text(&temporary(site))),
    };
    let mut variables: BTreeMap<String, String> = [
        ("PATH", path(tools)),
        ("HOME", home),
        ("TMPDIR", temporary.clone()),
        ("SOURCE_DATE_EPOCH", site.source_date.to_string()),
        ("TZ", "UTC".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if cfg!(windows) {
        // Nothing starts there without the first, and TMPDIR has other names.
        variables.insert("SYSTEMROOT".to_owned(), r"C:\Windows".to_owned());
        variables.insert("USERPROFILE".to_owned(), variables["HOME"].clone());
        variables.insert("TEMP".to_owned(), temporary.clone());
        variables.insert("TMP".to_owned(), temporary);
    }
    // A recipe cannot name one of those above.
    let declared = recipe.environment().iter();
    variables.extend(declared.map(|(name, value)| (name.to_string(), value.clone())));
    variables
}

/// The folders of the tools, then the system's.
fn path(tools: &BTreeMap<ProgramName, PathBuf>) -> String {
    let mut folders: Vec<String> = Vec::new();
    let of_tools = tools.values().filter_map(|tool| tool.parent()).map(text);
    for folder in of_tools.chain(SYSTEM.map(str::to_owned)) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.join(if cfg!(windows) { ";" } else { ":" })
}

/// A path as text. Those here were all checked, or made by us.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
