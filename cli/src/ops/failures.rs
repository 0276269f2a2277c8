//! The last failure of each server: what its user sees in `mcpkg doctor`, because an
//! agent shows little of why a server is not there.

use std::fs;
use std::io;

use jiff::Timestamp;
use mcpkg_core::{Code, Coded as _, PackageName};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The longest sentence that is kept, in characters.
const MAX_SENTENCE: usize = 2000;

/// Something that went wrong with a server. It has no secret in it: it is made of our own
/// sentences, which have none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// When.
    pub time: Timestamp,
    /// The stable code.
    pub code: Code,
    /// What happened.
    pub sentence: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// What an error says.
    pub fn of(error: &Error, time: Timestamp) -> Self {
        let reason = error.reasons().into_iter().next();
        let (sentence, hint) =
            reason.map_or_else(Default::default, |reason| (reason.message, reason.hint));
        Self { time, code: error.code(), sentence, hint }
    }
}

/// Keeps a failure, in place of the one before.
pub fn record(places: &Places, server: &PackageName, failure: &Failure) -> Result<()> {
    let bounded = |text: &str| text.chars().take(MAX_SENTENCE).collect::<String>();
    let failure = Failure {
        sentence: bounded(&failure.sentence),
        hint: failure.hint.as_deref().map(bounded),
        ..failure.clone()
    };
    let bytes = serde_json::to_vec_pretty(&failure).map_err(Error::Json)?;
    atomic::write(&places.failure(server), &bytes)
}

/// The last failure of a server, if there was one. What cannot be read as one is none:
/// it is only shown.
pub fn last(places: &Places, server: &PackageName) -> Result<Option<Failure>> {
    let path = places.failure(server);
    match fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path, source }),
    }
}

/// Forgets the last failure of a server.
pub fn forget(places: &Places, server: &PackageName) -> Result<()> {
    let path = places.failure(server);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path, source: error })
        }
        _ => Ok(()),
    }
}
