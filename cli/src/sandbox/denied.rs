//! What no server gets, whatever it was granted: other programs' credentials, what is
//! started by itself, agents' settings, and what is ours.
//!
//! A grant inside such a place is refused. One around it is kept, and the place is
//! covered; where nothing can be covered (see [`super`]), the launch is refused.
//!
//! These are the last line and not the first. The first is that a server sees what it
//! was granted and nothing else, so that a place which is missing here is still nowhere
//! for a server that was not granted a folder around it.

use std::path::{Path, PathBuf};

use crate::agents::{self, Scope};
use crate::places::Places;

/// Places below the home folder.
const BELOW_HOME: &[&str] = &[
    // Keys and tokens.
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".vault-token",
    ".password-store",
    ".terraform.d",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    ".composer/auth.json",
    ".config/gcloud",
    ".config/gh",
    ".config/op",
    ".config/containers",
    ".config/sops",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    "Library/Keychains",
    "AppData/Roaming/gcloud",
    "AppData/Roaming/Microsoft/Credentials",
    "AppData/Local/Microsoft/Credentials",
    // What browsers and mail programs remember.
    ".mozilla",
    ".thunderbird",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".var/app",
    "snap",
    "Library/Application Support/Google/Chrome",
    "Library/Application Support/BraveSoftware",
    "Library/Application Support/Firefox",
    "Library/Cookies",
    "Library/Safari",
    "AppData/Local/Google/Chrome",
    "AppData/Local/Microsoft/Edge",
    "AppData/Roaming/Mozilla",
    // What is run when the user logs in, opens a shell, or works with git.
    ".bashrc",
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".profile",
    ".zlogin",
    ".zlogout",
    ".zprofile",
    ".zshenv",
    ".zshrc",
    ".cshrc",
    ".tcshrc",
    ".kshrc",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".pam_environment",
    ".gitconfig",
    ".config/git",
    ".config/fish",
    ".config/autostart",
    ".config/environment.d",
    ".config/systemd",
    ".config/plasma-workspace",
    ".local/share/systemd",
    ".local/share/dbus-1",
    "Library/LaunchAgents",
    "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup",
    // Agents' folders, also where another file than their list of servers runs programs.
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
];

/// Places below a project, besides what agents keep there.
const BELOW_PROJECT: &[&str] =
    &[".git/hooks", ".git/config", ".claude/settings.json", ".claude/settings.local.json"];

/// Places of the system. The kernel's own are not shown but made anew.
const OF_THE_SYSTEM: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/run/user",
    "/run/dbus",
    "/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/tmp/.X11-unix",
];

/// What no server gets on this machine, each as it is called and as it really is.
/// `workspace` is the project that the server works in.
pub fn places(places: &Places, workspace: Option<&Path>) -> Vec<PathBuf> {
    let mut denied: Vec<PathBuf> = BELOW_HOME.iter().map(|it| places.home.join(it)).collect();
    denied.extend(OF_THE_SYSTEM.iter().map(PathBuf::from));
    denied.extend([&places.config, &places.data, &places.state].into_iter().cloned());
    denied.extend(places.sockets.iter().cloned());
    let mut of_agents = places.for_agents();
    if let Some(workspace) = workspace {
        denied.extend(BELOW_PROJECT.iter().map(|it| workspace.join(it)));
        denied.push(Places::project_lock(workspace));
        workspace.clone_into(&mut of_agents.project);
    }
    for agent in agents::ALL {
        denied.extend(agent.settings_paths(Scope::User, &of_agents));
        denied.extend(agent.abandoned_path(&of_agents));
        if workspace.is_some() {
            denied.extend(agent.settings_paths(Scope::Project, &of_agents));
        }
    }
    let real: Vec<PathBuf> = denied.iter().map(|path| resolved(path)).collect();
    denied.extend(real);
    denied.sort();
    denied.dedup();
    denied
}

/// Whether a denied place is denied to be written alone: what git does by itself, in a
/// project that a server works in. Those who read there have to see it.
pub fn is_readable(place: &Path) -> bool {
    place.ends_with(".git/config") || place.ends_with(".git/hooks")
}

/// `path` with every link resolved, as far as it is there.
pub fn resolved(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (dunce::canonicalize(above), path.strip_prefix(above)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path.to_owned()
}

/// What a granted place and those that are denied have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlap<'a> {
    /// It is in this one, or is it.
    Inside(&'a Path),
    /// These are in it; none, mostly.
    Around(Vec<&'a Path>),
}

/// Compares a granted place with those that are denied. All are absolute, and resolved.
///
/// Case counts for nothing: a file system may ignore it, and a grant that differs from
/// a denied place by case alone is nothing that anybody needs.
pub fn overlap<'a>(granted: &Path, denied: &'a [PathBuf]) -> Overlap<'a> {
    let folded = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
    let granted = folded(granted);
    match denied.iter().find(|denied| granted.starts_with(folded(denied))) {
        Some(denied) => Overlap::Inside(denied),
        None => Overlap::Around(
            denied
                .iter()
                .filter(|denied| folded(denied).starts_with(&granted))
                .map(PathBuf::as_path)
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_inside_around_or_beside_what_is_denied() {
        let denied = ["/home/a/.ssh", "/home/a/.config/gcloud", "/home/a/.config/mcpkg"];
        let denied = denied.map(PathBuf::from);
        let around = |indexes: &[usize]| {
            Overlap::Around(indexes.iter().map(|index| denied[*index].as_path()).collect())
        };
        for (granted, expected) in [
            ("/home/a/.ssh", Overlap::Inside(&denied[0])),
            ("/home/a/.ssh/id_ed25519", Overlap::Inside(&denied[0])),
            ("/home/a/.SSH/id_ed25519", Overlap::Inside(&denied[0])),
            ("/home/a/.sshd", around(&[])),
            ("/home/a/.config", around(&[1, 2])),
            ("/home/a/.config/acme", around(&[])),
            ("/home", around(&[0, 1, 2])),
            ("/srv", around(&[])),
        ] {
            assert_eq!(overlap(Path::new(granted), &denied), expected, "{granted}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_resolved_also_above_what_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let real = dunce::canonicalize(folder.path()).unwrap();
        std::fs::create_dir(real.join("real")).unwrap();
        std::os::unix::fs::symlink("real", real.join("link")).unwrap();
        assert_eq!(resolved(&real.join("link/a/b")), real.join("real/a/b"));
        assert_eq!(resolved(&real.join("link")), real.join("real"));
    }
}
