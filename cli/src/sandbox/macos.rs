//! Confinement on macOS: Seatbelt. Written from its documentation, tested by nobody yet.
//!
//! A profile is a program in a dialect of Scheme; the last rule that matches counts, so
//! what is denied comes after what is granted. A path is an argument of a rule and may
//! hold any character: it is written as a string with its quotes and backslashes
//! escaped. `sandbox-exec` is deprecated, and has been what others build upon for ten
//! years. It knows addresses and ports and no names, so a list of hosts is refused.

#[cfg(target_os = "macos")]
use {
    super::stage::Stage,
    super::{Confined, Found, Level, SandboxError, Wanted},
    crate::egress::Report,
    std::process::Stdio,
};

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Plan;

/// The system's programs, and what they read.
const SYSTEM: [&str; 9] = [
    "/System",
    "/Library/Frameworks",
    "/usr",
    "/bin",
    "/sbin",
    "/opt",
    "/private/etc/ssl",
    "/private/var/db/timezone",
    "/dev",
];

/// The profile that holds a program to `plan`.
pub(super) fn profile(plan: &Plan) -> String {
    let sight = &plan.sight;
    let folder = std::slice::from_ref(&plan.folder);
    let system: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    let mut text = String::from(
        "(version 1)\n(deny default)\n(allow process-fork)\n(allow signal (target same-sandbox))\n\
         (allow sysctl-read)\n(allow file-read-metadata)\n",
    );
    rule(&mut text, "allow file-read*", &system);
    rule(&mut text, "allow file-write-data", &[PathBuf::from("/dev/null")]);
    rule(&mut text, "allow file-read*", &sight.read);
    rule(&mut text, "allow file-read* file-write*", &sight.write);
    rule(&mut text, "deny file-read* file-write*", &sight.denied);
    rule(&mut text, "deny file-write*", &sight.frozen);
    rule(&mut text, "allow file-read*", &sight.own);
    rule(&mut text, "allow file-read* file-write*", &sight.own_writable);
    rule(&mut text, "allow file-read* file-write*", folder);
    rule(&mut text, "allow process-exec* file-read*", &sight.execute);
    text.push_str("(deny network*)\n");
    text
}

fn rule(text: &mut String, verb: &str, paths: &[PathBuf]) {
    if paths.is_empty() {
        return;
    }
    let places: Vec<_> = paths.iter().map(|path| format!("(subpath {})", quoted(path))).collect();
    let places = places.join(" ");
    writeln!(text, "({verb} {places})").unwrap_or_else(|_| unreachable!("it is a string"));
}

fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

#[cfg(target_os = "macos")]
const PROGRAM: &str = "/usr/bin/sandbox-exec";

#[cfg(target_os = "macos")]
const REASON: &str = "macOS has no namespaces (and this profile has not been tested yet)";

#[cfg(target_os = "macos")]
pub(super) fn probe(_root: PathBuf) -> Found {
    Found { level: Level::Medium, reason: Some(REASON.to_owned()) }
}

#[cfg(target_os = "macos")]
pub(super) fn spawn(
    plan: &Plan,
    wanted: Wanted,
    _report: Report,
) -> Result<Confined, SandboxError> {
    let program = plan.program.to_string_lossy().into_owned();
    let mut words: Vec<String> = Vec::new();
    let found = match wanted {
        Wanted::None => Found { level: Level::None, reason: None },
        Wanted::Best => {
            if let Some(host) = plan.hosts.first() {
                return Err(SandboxError::NotEnforceable {
                    grant: format!("connecting to {host}"),
                    level: Level::Medium,
                    reason: REASON.to_owned(),
                });
            }
            words.extend([PROGRAM.to_owned(), "-p".to_owned(), profile(plan)]);
            probe(PathBuf::new())
        }
    };
    words.push(program);
    words.extend(plan.args.iter().cloned());
    let stage = Stage {
        words,
        at_end: Vec::new(),
        folder: plan.folder.clone(),
        environment: plan.environment.clone(),
        umask: None,
    };
    let started = stage
        .start(|command| _ = command.stdin(Stdio::piped()).stdout(Stdio::piped()))
        .map_err(SandboxError::of)?;
    Ok(Confined { child: started.child, found, ended: None, alive: Some(started.alive) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sight;

    #[test]
    fn what_is_denied_comes_after_what_is_granted_and_no_path_ends_its_string() {
        let path = |path: &str| vec![PathBuf::from(path)];
        let plan = Plan {
            program: "/usr/bin/true".into(),
            args: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            folder: "/own".into(),
            root: "/root".into(),
            home: "/home".into(),
            sight: Sight {
                write: path("/a\") (allow default) (\""),
                denied: path("/denied"),
                ..Sight::default()
            },
            hosts: std::collections::BTreeSet::new(),
            swap: None,
        };
        let profile = profile(&plan);
        let granted = r#"(allow file-read* file-write* (subpath "/a\") (allow default) (\""))"#;
        let denied = r#"(deny file-read* file-write* (subpath "/denied"))"#;
        let at = |rule: &str| profile.find(rule).unwrap_or_else(|| panic!("{rule}\n{profile}"));
        assert!(at(granted) < at(denied));
        assert!(profile.contains("(deny default)") && profile.ends_with("(deny network*)\n"));
    }
}
