//! What an engine is told of a container, so that it keeps from it all that was not
//! granted.

use std::path::Path;

use mcpkg_core::Code;
use mcpkg_core::lock::LockedServer;

use super::container::Kind;
use crate::error::{Error, Result};
use crate::ops::launch::{cannot_be_started, wanted};
use crate::sandbox::{Sight, Wanted};

/// How many processes and threads there may be at once, and how much memory: what a
/// server outside of a container may have, see `sandbox/linux`.
const LIMITS: [&str; 2] = ["--pids-limit=1024", "--memory=4g"];

/// Nobody, who owns nothing: in the place of root.
const NOBODY: &str = "65534:65534";

/// How long a container has to end when it is told to, in seconds, before it is killed.
/// Engines have ten, which whoever waits for us does not.
const STOP_SECONDS: u8 = 2;

/// What the engine is told, but for what was granted.
pub(super) fn options(name: &str, server: &LockedServer, kind: Kind) -> Vec<String> {
    let mut options: Vec<String> = [
        "run",
        "--rm",
        "--interactive",
        "--pull=missing",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        // What it says is for the agent, and may hold what the agent was told.
        "--log-driver=none",
        "--no-healthcheck",
    ]
    .map(str::to_owned)
    .to_vec();
    options.extend(LIMITS.map(str::to_owned));
    options.push(format!("--stop-timeout={STOP_SECONDS}"));
    if wanted(server) == Wanted::Best {
        options.push("--network=none".to_owned());
    }
    if kind == Kind::Podman {
        // It hands its own on otherwise, and there may be a password in one.
        options.push("--http-proxy=false".to_owned());
    }
    options.extend(user(kind));
    // For people who look at what runs.
    options.push(format!("--label=dev.mcpkg.server={}", server.name));
    options.push(format!("--name={name}"));
    options
}

/// As whom it runs: the user, so that it may do with what was granted what they may, but
/// never root.
#[cfg(unix)]
fn user(kind: Kind) -> Vec<String> {
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    if user.is_root() {
        return vec![format!("--user={NOBODY}")];
    }
    let mut options = vec![format!("--user={user}:{group}")];
    if kind == Kind::Podman {
        options.push("--userns=keep-id".to_owned());
    }
    options
}

#[cfg(not(unix))]
fn user(_: Kind) -> Vec<String> {
    vec![format!("--user={NOBODY}")]
}

/// What it sees of files, each at its own path.
pub(super) fn mounts(server: &LockedServer, sight: &Sight) -> Result<Vec<String>> {
    let refused = |path: &Path, reason: &str| Error::Failed {
        context: cannot_be_started(server),
        code: Code::Confinement,
        hint: Some("grant it a folder below instead: `mcpkg permissions show` lists what it has"),
        source: format!("`{}` {reason}", path.display()).into(),
    };
    if let Some(denied) = sight.denied.first() {
        return Err(refused(denied, "is in what it was granted, and is never shown"));
    }
    let writable: Vec<_> = sight.write.iter().chain(&sight.own_writable).collect();
    let readable = sight.read.iter().chain(&sight.own).filter(|path| !writable.contains(path));
    // What is frozen covers what it is in, so it comes last.
    let all = readable
        .map(|path| (path, ",readonly"))
        .chain(writable.iter().map(|path| (*path, "")))
        .chain(sight.frozen.iter().map(|path| (path, ",readonly")));
    let mut mounts = Vec::new();
    for (path, mode) in all {
        let text = path.to_str().filter(|text| !text.contains([',', '"', '\n']));
        let text = text.ok_or_else(|| refused(path, "cannot be named to a container engine"))?;
        mounts.push(format!("--mount=type=bind,source={text},target={text}{mode}"));
    }
    Ok(mounts)
}
