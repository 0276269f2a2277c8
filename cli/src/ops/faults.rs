//! What is known to be wrong with a release that is installed.
//!
//! `audit`, `outdated`, `update` and `sync` learn of it: a registry's signed index says
//! that a release was yanked or is not given out, npm or PyPI that it was withdrawn, and an
//! advisory is about it. They leave
//! it here, for whoever starts the server: that asks nobody, and a release without a file
//! here costs it one look for a file.
//!
//! A file is for one release, by the digest of its signed metadata, which is what a lock
//! pins. What each of the two says takes the place of what it said before, and of a
//! release that nobody says anything of any more there is no file.

use std::fs;
use std::io;

use mcpkg_core::Code;
use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use mcpkg_upstream::{Listed, Listing};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::config::{Config, OnFault};
use crate::error::{Error, Result};
use crate::ops::log::Contact;
use crate::places::Places;

/// The longest sentence that is kept, in characters.
const MAX_SENTENCE: usize = 500;

/// Something that is wrong with a release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// What is wrong, without a full stop.
    pub sentence: String,
}

/// Who says that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuser {
    /// Its registry, in what its log has signed.
    Registry,
    /// A dump of advisories.
    Advisories,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    registry: Vec<Fault>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    advisories: Vec<Fault>,
}

/// Remembers what the index of its package, which the log has signed, says of an installed
/// release.
pub fn learn(server: &LockedServer, contact: &Contact<'_>, places: &Places) -> Result<()> {
    let version = &server.version;
    let yanked = (contact.status(version) == Status::Yanked)
        .then(|| Fault { code: Code::Yanked, sentence: "its publisher yanked it".to_owned() });
    let withheld = contact.index.withheld.iter().find(|it| it.version == *version);
    let withheld = withheld.map(|it| Fault {
        code: it.code,
        sentence: format!("its registry does not give it out: {}", it.reason),
    });
    remember(server, Accuser::Registry, yanked.into_iter().chain(withheld).collect(), places)
}

/// The same, where npm or PyPI has its package. Nobody signs what these say, so it is the
/// registry's word: it can keep from starting what its user wants kept from starting.
pub fn learn_upstream(server: &LockedServer, listing: &Listing, places: &Places) -> Result<()> {
    let sentence = match listing.get(&server.version) {
        None => Some("its registry no longer lists it".to_owned()),
        Some(Listed { status: Status::Yanked, reason, .. }) => Some(match reason {
            Some(reason) => format!("its author yanked it: {reason}"),
            None => "its author yanked it".to_owned(),
        }),
        Some(_) => None,
    };
    let fault = sentence.map(|sentence| Fault { code: Code::Yanked, sentence });
    remember(server, Accuser::Registry, fault.into_iter().collect(), places)
}

/// Remembers what `accuser` says of an installed release, in place of what it said before.
pub fn remember(
    server: &LockedServer,
    accuser: Accuser,
    faults: Vec<Fault>,
    places: &Places,
) -> Result<()> {
    let before = Known::read(server, places)?;
    let bounded = |fault: Fault| Fault {
        sentence: fault.sentence.chars().take(MAX_SENTENCE).collect(),
        ..fault
    };
    let faults = faults.into_iter().map(bounded).collect();
    let known = match accuser {
        Accuser::Registry => Known { registry: faults, advisories: before.advisories.clone() },
        Accuser::Advisories => Known { registry: before.registry.clone(), advisories: faults },
    };
    if known == before {
        return Ok(());
    }
    let path = places.faults(server.metadata);
    if known == Known::default() {
        return fs::remove_file(&path).map_err(|source| Error::Write { path, source });
    }
    let bytes = serde_json::to_vec_pretty(&known).map_err(Error::Json)?;
    atomic::write(&path, &bytes)
}

/// Everything that is known to be wrong with an installed release.
pub fn of(server: &LockedServer, places: &Places) -> Result<Vec<Fault>> {
    let Known { mut registry, advisories } = Known::read(server, places)?;
    registry.extend(advisories);
    Ok(registry)
}

/// The same, for whoever is about to start it.
///
/// # Errors
///
/// [`Error::Faulty`], if that is what the configuration says.
pub fn before_start(server: &LockedServer, places: &Places) -> Result<Vec<Fault>> {
    let faults = of(server, places)?;
    // Without any, not even the configuration is opened.
    if faults.is_empty() || Config::read(places)?.run.faults == OnFault::Warn {
        return Ok(faults);
    }
    let (name, version) = (server.name.clone(), server.version.clone());
    Err(Error::Faulty { name, version, faults })
}

impl Known {
    fn read(server: &LockedServer, places: &Places) -> Result<Self> {
        let path = places.faults(server.metadata);
        let failed = |source| Error::Read { path: path.clone(), source };
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            other => serde_json::from_slice(&other.map_err(failed)?)
                .map_err(|error| failed(error.into())),
        }
    }
}
