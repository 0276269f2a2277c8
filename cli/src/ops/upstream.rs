//! Packages of other ecosystems: where they come from, and whose word on them counts.
//!
//! What is on npm or PyPI is made into an artifact here, by the code that makes one for a
//! registry too, and its evidence is verified here. An artifact that a registry has of
//! such a package carries that evidence, and it is verified again.
//!
//! | module | does | believes |
//! |---|---|---|
//! | `standing` | says what there is to move to | the registry, for choosing alone |
//! | `choose` | has a release chosen, or takes that of a lock, and decides | what was attested |
//! | `make` | makes the artifact in staging | the digests of its files |
//! | [`pin`] | says in the lock what was made, and compares two of them | what was decided |
//! | [`source`] | says whether a server still comes from where it came from | the lock |

mod choose;
mod make;
pub mod pin;
pub mod source;
mod standing;

use std::path::Path;

pub use self::choose::{Accepted, Ask, Chosen, again, artifact, choose};
pub use self::make::{make, make_again};
pub use self::standing::{Wish, standing, wanted};
use jiff::Timestamp;
use mcpkg_core::lock::{LockedServer, LockedUpstream};
use mcpkg_upstream::carried::{self, Carried};
use mcpkg_upstream::{
    Importer, ReferenceError, Release, Sources, Tools, Trust, UpstreamError, npm,
};
use mcpkg_verify::RegistryKey;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::ops::content::Content;
use crate::ops::trust;
use crate::places::Places;
use crate::store;

/// What makes artifacts of packages of other ecosystems, as it is configured.
pub fn importer(config: &Config, places: &Places, now: Timestamp) -> Result<Importer> {
    let upstream = &config.upstream;
    let sources = Sources::or_public(
        upstream.npm.clone(),
        upstream.pypi.clone(),
        upstream.pypi_files.clone(),
    );
    Importer::new(sources, Tools::from_environment(), whom(config, places, now)?).map_err(failed)
}

/// Whose word on packages of other ecosystems counts.
pub fn whom(config: &Config, places: &Places, now: Timestamp) -> Result<Trust> {
    let upstream = &config.upstream;
    let root = match &upstream.trusted_root {
        Some(file) => trust::read_root(&places.config.join(file))?,
        None => trust::public_good(places, now)?.root,
    };
    let keys = match &upstream.npm_keys {
        Some(file) => trust::read(&places.config.join(file))?,
        None => npm::evidence::KEYS.to_owned(),
    };
    let keys = RegistryKey::read_npm(&keys)
        .map_err(Error::wrap("the keys of npm's registry cannot be used"))?;
    Ok(Trust { roots: vec![root], keys })
}

/// The release that a lock says something was made of.
pub fn release(locked: &LockedUpstream) -> Result<Release> {
    locked.release.parse().map_err(|error: ReferenceError| failed(error.into()))
}

/// What an artifact was made of, verified; `None` if it says nothing, or there is none.
pub fn carried_by(
    brought: &Content,
    config: &Config,
    places: &Places,
    now: Timestamp,
) -> Result<Option<Carried>> {
    let Some(unpacked) = brought.files() else { return Ok(None) };
    read(&unpacked.folder(), config, places, now)
}

fn read(
    folder: &Path,
    config: &Config,
    places: &Places,
    now: Timestamp,
) -> Result<Option<Carried>> {
    let files = store::listing(folder)?.into_iter().collect();
    let mut files = carried::Unpacked { folder: folder.to_owned(), files };
    carried::read(&mut files, &whom(config, places, now)?).map_err(failed)
}

/// Verifies again what the files of an installed server, which are the pinned ones, carry.
pub fn check(
    server: &LockedServer,
    locked: &LockedUpstream,
    folder: &Path,
    config: &Config,
    places: &Places,
    now: Timestamp,
) -> Result<()> {
    let other = |what: &str| {
        failed(UpstreamError::Carried(format!("{} is locked with another {what}", server.name)))
    };
    let found = read(folder, config, places, now)?.ok_or_else(|| other("origin"))?;
    let file = &found.origin.files[0];
    if file.release.to_string() != locked.release || file.integrity.to_string() != locked.integrity
    {
        return Err(other("release"));
    }
    let mut bundles: Vec<_> =
        found.statements.iter().map(|it| it.evidence.evidence.bundle).collect();
    bundles.sort_unstable();
    if bundles == server.evidence { Ok(()) } else { Err(other("evidence")) }
}

/// What an artifact carries, in the words of `install`.
pub fn in_words(carried: &Carried) -> Vec<(&'static str, String)> {
    let mut lines = vec![("made of", carried.origin.release.to_string())];
    lines.extend(attested(carried.statements.iter().map(|it| &it.evidence)));
    if carried.statements.is_empty() {
        lines.push(("attested", "by nobody upstream".to_owned()));
    }
    lines
}

/// What is attested of a package, a line for each statement.
pub fn attested<'a>(
    evidence: impl Iterator<Item = &'a mcpkg_verify::UpstreamEvidence>,
) -> Vec<(&'static str, String)> {
    evidence.map(|statement| ("attested", mcpkg_upstream::in_words(statement))).collect()
}

/// Says in our own words what went wrong upstream.
pub fn failed(error: UpstreamError) -> Error {
    match error {
        UpstreamError::Redirect { url, to } => Error::Redirect { url, to },
        UpstreamError::Yanked { release, reason } => Error::YankedUpstream { release, reason },
        UpstreamError::TooLong { url, allowed } => Error::TooLong { url, limit_bytes: allowed },
        other => Error::wrap("the package cannot be used")(other),
    }
}
