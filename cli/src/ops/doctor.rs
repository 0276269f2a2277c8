//! Whether this machine is in a state in which things work.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::elsewhere::{Elsewhere, Pinned};
use mcpkg_core::lock::LockedServer;
use mcpkg_core::log::SignedCheckpoint;
use mcpkg_core::{Coded as _, PackageName};
use serde::Serialize;

use crate::agents::{ALL, Scope};
use crate::config::Config;
use crate::lock_file::LockFile;
use crate::ops::failures::{self, Failure};
use crate::ops::faults::{self, Fault};
use crate::ops::launch::elsewhere;
use crate::ops::log::KnownLog;
use crate::ops::{entries, link, trust};
use crate::places::Places;
use crate::sandbox::{self, Found, Level};
use crate::secrets::Stores;
use crate::store::Store;

/// How old the newest checkpoint of a log may be before somebody should ask for another.
const MAX_CHECKPOINT_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it is about: `agent`, `registry`, `trust`, `lock`, `store`, `state`,
    /// `program`, `confinement`, `secrets`, `release` or `failure`.
    pub area: &'static str,
    /// Which of them.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do, if there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    fn fine(area: &'static str, subject: &str, message: impl Into<String>) -> Self {
        Self { area, subject: subject.to_owned(), message: message.into(), fix: None }
    }

    fn problem(
        area: &'static str,
        subject: &str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { fix: Some(fix.into()), ..Self::fine(area, subject, message) }
    }
}

/// Looks at everything. Asks nobody, and changes nothing.
pub fn examine(config: &Config, places: &Places, now: Timestamp) -> Vec<Check> {
    let mut checks = agents(places);
    checks.extend(registries(config, places, now));
    checks.extend(locks(places));
    checks.extend(program(places));
    checks.push(confinement(places));
    checks.push(key_store(config, places));
    checks.push(folder("store", &places.data));
    checks.push(folder("state", &places.state));
    checks
}

/// The agents on this machine, and whether their settings can be read.
fn agents(places: &Places) -> Vec<Check> {
    let mut checks = Vec::new();
    for agent in ALL.iter().copied().filter(|agent| link::is_present(*agent, places)) {
        for scope in [Scope::User, Scope::Project, Scope::Local] {
            let paths = entries::paths(agent, scope, places);
            let Some(path) = paths.first() else { continue };
            let subject = format!("{} ({})", agent.display_name(), link::scope_word(scope));
            checks.push(match entries::read(agent, scope, places) {
                // The same file as the user's, and mostly without such a part.
                Ok(all) if scope == Scope::Local && all.is_empty() => continue,
                Err(_) if scope == Scope::Local => continue,
                Ok(all) => Check::fine("agent", &subject, format!("{} servers", all.len())),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    let message = format!("{}: {}", path.display(), cause.unwrap_or_default());
                    let fix = "repair the file by hand; mcpkg does not edit what it cannot read";
                    Check::problem("agent", &subject, message, fix)
                }
            });
        }
    }
    if checks.is_empty() {
        let fix = "install one, or name one: `mcpkg install <name> --agent <agent>`";
        checks.push(Check::problem("agent", "none", "no agent has settings here", fix));
    }
    checks
}

/// The registries: is there a key of the log, how old is what is known of it, and who
/// vouches for what is there?
pub(super) fn registries(config: &Config, places: &Places, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    for source in &config.registries {
        let name = source.name.as_str();
        checks.push(match KnownLog::read(config, source, places, now) {
            Err(error) => {
                let fix = error.hint().unwrap_or("add the registry again with the key of its log");
                Check::problem("registry", name, format!("{error} [{}]", error.code()), fix)
            }
            Ok(known) => match known.remembered().and_then(SignedCheckpoint::signed_at) {
                None => Check::fine("registry", name, "nothing was asked of it yet"),
                Some(signed_at) => {
                    let age = trust::age(now, signed_at);
                    let message = format!("its log was last seen {age} ago");
                    if now.duration_since(signed_at) > MAX_CHECKPOINT_AGE {
                        let fix = "`mcpkg outdated` asks for the newest checkpoint";
                        Check::problem("registry", name, message, fix)
                    } else {
                        Check::fine("registry", name, message)
                    }
                }
            },
        });
        if source.log_key_on_first_use {
            let fix =
                "compare `mcpkg registry list` with what its operator says, and set `log_key`";
            let message = "the registry itself named the key of its log";
            checks.push(Check::problem("registry", name, message, fix));
        }
        match trust::store(config, source, places, now) {
            Err(error) => {
                let fix = error.hint().unwrap_or("`mcpkg trust list` shows which one it is");
                checks.push(Check::problem("trust", name, error.to_string(), fix));
            }
            Ok((_, warnings)) if warnings.is_empty() => {
                let ages = trust::ages(config, source, places, now);
                let message = if ages.is_empty() { "current".to_owned() } else { ages.join("; ") };
                checks.push(Check::fine("trust", name, message));
            }
            Ok((_, warnings)) => {
                let stale = |text| Check::problem("trust", name, text, "`mcpkg trust update`");
                checks.extend(warnings.into_iter().map(stale));
            }
        }
    }
    if checks.is_empty() {
        let fix = "`mcpkg registry add <name> <url>` names one";
        checks.push(Check::problem("registry", "none", "no registry is configured", fix));
    }
    checks
}

/// The locks, and whether the files that they name are there.
fn locks(places: &Places) -> Vec<Check> {
    let store = Store::new(places);
    let mut checks = Vec::new();
    for scope in [Scope::User, Scope::Project] {
        let word = link::scope_word(scope);
        let lock = match LockFile::read(scope, places) {
            Ok(lock) => lock,
            Err(error) => {
                let fix = error.hint().unwrap_or("restore it from version control");
                checks.push(Check::problem("lock", word, error.to_string(), fix));
                continue;
            }
        };
        checks.push(Check::fine("lock", word, format!("{} servers", lock.lock.servers().count())));
        for server in lock.lock.servers() {
            checks.extend(last_failure(&server.name, places));
            checks.extend(known_faults(server, places));
            checks.extend(place(server, &store, places));
            let artifact = server.artifact_for(mcpkg_core::Platform::current());
            let wrong = artifact.and_then(|artifact| store.check(artifact.tree).err());
            if let Some(error) = wrong {
                let fix = format!("`mcpkg sync --scope {word}` brings its files");
                let message = format!("{error} [{}]", error.code());
                checks.push(Check::problem("store", server.name.as_str(), message, fix));
            }
        }
    }
    checks
}

/// What is started or connected to of a server without an artifact, and whether it can be.
fn place(server: &LockedServer, store: &Store, places: &Places) -> Option<Check> {
    let pinned = server.elsewhere.as_ref()?;
    let name = server.name.as_str();
    let checked = elsewhere::signed(server, store).and_then(|place| match place {
        Elsewhere::Image(_) => elsewhere::check_image(server, places),
        Elsewhere::Remote(_) => Ok(()),
    });
    Some(match (checked, pinned, elsewhere::engine(places)) {
        (Err(error), ..) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let message = format!("{}: {} [{}]", error, cause.unwrap_or_default(), error.code());
            Check::problem("store", name, message, error.hint().unwrap_or("install it again"))
        }
        (Ok(()), Pinned::Image(image), Some(engine)) => {
            let message = format!("{image} in a container of {}", engine.program.display());
            Check::fine("confinement", name, message)
        }
        (Ok(()), pinned, _) => Check::fine("store", name, pinned.to_string()),
    })
}

/// How well servers are kept within what they were granted.
fn confinement(places: &Places) -> Check {
    let Found { level, reason } = sandbox::probe(places.empty());
    let because = reason.map_or_else(String::new, |reason| format!(", because {reason}"));
    let message = format!("servers are confined at level {level}{because}");
    match level {
        Level::None => {
            let fix = "servers start only if they were installed with `--unconfined`; Linux with \
                       user namespaces confines them";
            Check::problem("confinement", "servers", message, fix)
        }
        Level::Medium | Level::Strong => Check::fine("confinement", "servers", message),
    }
}

/// Where secrets are kept.
fn key_store(config: &Config, places: &Places) -> Check {
    let stores = Stores::new(places, &config.secrets);
    match stores.choose() {
        Ok(choice) => {
            let message = format!("new ones go into {}: {}", choice.kind, choice.why);
            Check::fine("secrets", "key store", message)
        }
        Err(error) => {
            let fix = error.advice().unwrap_or_else(|| "`mcpkg secret which` says more".to_owned());
            Check::problem("secrets", "key store", error.to_string(), fix)
        }
    }
}

/// What is known to be wrong with an installed release.
fn known_faults(server: &LockedServer, places: &Places) -> Vec<Check> {
    let name = server.name.as_str();
    match faults::of(server, places) {
        Ok(faults) => faults
            .into_iter()
            .map(|Fault { code, sentence }| {
                let message = format!("{}: {sentence} [{code}]", server.version);
                let fix = "`mcpkg update`, or `mcpkg outdated` for why there is nothing newer";
                Check::problem("release", name, message, fix)
            })
            .collect(),
        Err(error) => vec![Check::problem("release", name, error.to_string(), "remove that file")],
    }
}

/// What went wrong with a server last.
fn last_failure(server: &PackageName, places: &Places) -> Option<Check> {
    let name = server.as_str();
    match failures::last(places, server) {
        Ok(None) => None,
        Ok(Some(Failure { time, code, sentence, hint })) => {
            let message = format!("{sentence} [{code}], on {time}");
            let fix = hint.unwrap_or_else(|| format!("`mcpkg run {name}` in a terminal says more"));
            Some(Check::problem("failure", name, message, fix))
        }
        Err(error) => Some(Check::problem("failure", name, error.to_string(), "remove that file")),
    }
}

/// Whether agents find us by name: a project's settings have no other, because a path
/// would be one person's.
fn program(places: &Places) -> Option<Check> {
    let lock = LockFile::read(Scope::Project, places).ok()?;
    let is_linked = lock.lock.servers().any(|server| !server.agents.is_empty());
    let name = format!("mcpkg{}", std::env::consts::EXE_SUFFIX);
    let is_found = places.search.iter().any(|folder| folder.join(&name).is_file());
    let message = "the project's agents start it by name, and it is in no folder of PATH";
    let fix = "put the folder of mcpkg into the PATH that your agents start with";
    (is_linked && !is_found).then(|| Check::problem("program", "mcpkg", message, fix))
}

/// A folder of ours, and whether we may write there.
fn folder(what: &'static str, path: &Path) -> Check {
    let subject = path.display().to_string();
    // On Windows the mark on a folder means that it has an icon of its own.
    let is_read_only = cfg!(unix)
        && std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly());
    if is_read_only {
        Check::problem(what, &subject, "it is read-only", "give yourself the right to write there")
    } else {
        Check::fine(what, &subject, "it can be written")
    }
}
