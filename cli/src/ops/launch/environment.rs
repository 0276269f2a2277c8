//! The variables that a server starts with: all of them, made from nothing.

use std::collections::BTreeMap;
use std::path::Path;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::manifest::Launch;

use crate::sandbox::Wanted;

/// Variables that a program may need to work at all, and that hold no secret.
/// Everything else in the agent's environment stays with the agent.
#[cfg(not(windows))]
const BASE: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/// Windows programs do not start without some of these.
#[cfg(windows)]
const BASE: [&str; 10] = [
    "COMSPEC",
    "HOMEDRIVE",
    "LANG",
    "PATH",
    "PATHEXT",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
];

/// What says who and where the user is: for a server that is not confined. Another one
/// has a home of its own, and no need to know whose machine it is on.
#[cfg(not(windows))]
const OF_THE_USER: [&str; 4] = ["HOME", "TMPDIR", "USER", "LOGNAME"];
#[cfg(windows)]
const OF_THE_USER: [&str; 5] = ["APPDATA", "HOMEPATH", "LOCALAPPDATA", "USERNAME", "USERPROFILE"];

/// The variables of `server`, whose own folder is `folder`.
pub(super) fn of(
    server: &LockedServer,
    launch: &Launch,
    wanted: Wanted,
    folder: &Path,
) -> BTreeMap<String, String> {
    // What is no text cannot be handed on as a description, and none of these is.
    let present = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
    let mut variables: BTreeMap<String, String> =
        BASE.iter().copied().filter_map(present).collect();
    match wanted {
        Wanted::None => variables.extend(OF_THE_USER.iter().copied().filter_map(present)),
        Wanted::Best => {
            let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
            variables.insert(home.to_owned(), folder.to_string_lossy().into_owned());
        }
    }
    let granted = server.granted.env.allow.iter();
    variables.extend(granted.filter_map(|name| present(name.as_str())));
    // Compiled files beside the sources would be files that nobody signed.
    variables.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    variables.extend(launch.env.clone());
    variables
}
