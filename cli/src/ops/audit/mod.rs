//! What is wrong, or worth a look, with what is installed and with what agents are told
//! to start.
//!
//! Nothing is changed and nothing is decided here: each finding names what it is about
//! and what to do, and never quotes a value of somebody's settings.

mod advisories;
mod drift;
mod settings;
mod stated;

use mcpkg_core::PackageName;
use mcpkg_core::lock::LockedServer;
use serde::Serialize;

pub use self::advisories::Advisories;
pub use self::drift::drift;
pub use self::settings::entries;
pub use self::stated::stated;
use crate::agents::Scope;
use crate::ops::link;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What is installed for whom.
    pub scope: &'static str,
    /// The package, or the entry in the settings of an agent.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Its publisher withdrew the release.
    Yanked,
    /// Its publisher advises against the release.
    Deprecated,
    /// Its registry does not give the release out.
    Withheld,
    /// Somebody else is announced as its publisher.
    Publisher,
    /// Somebody knows something bad about it, or about what it carries.
    Advisory,
    /// Its files are not the pinned ones, or not there.
    Files,
    /// Its evidence, or its place in the log, does not hold any more.
    Evidence,
    /// It is granted more than it asks for.
    Granted,
    /// The lock says that it is linked, and the settings do not.
    EntryMissing,
    /// Its entry is not the one that was linked.
    EntryChanged,
    /// An entry of ours is for a server that is not locked.
    EntryUnlocked,
    /// An entry that is not from us.
    NotFromMcpkg,
    /// A secret stands in settings in clear.
    LiteralSecret,
    /// Settings that cannot be read.
    Settings,
}

impl Finding {
    /// Something about an installed server.
    pub fn of(
        kind: Kind,
        scope: Scope,
        server: &LockedServer,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            scope: link::scope_word(scope),
            subject: format!("{}@{}", server.name, server.version),
            message: message.into(),
            fix: fix.into(),
        }
    }
}

/// The command that puts an installed release back as it was linked.
fn install_again(name: &PackageName, scope: Scope) -> String {
    format!("`mcpkg install {name} --scope {}`", link::scope_word(scope))
}
