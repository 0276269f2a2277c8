//! What an export offers that no log has signed, and what is done with it.
//!
//! | what | when it is used |
//! |---|---|
//! | a trust root that is configured here | it is; that it is the same is said |
//! | another trust root | never. It is kept beside the source, and a person who knows it names it in the configuration |
//! | advisories, and what was said of them | if the operator named the digest of the whole file, as the exporter printed it: then it is the exporter's, byte for byte |
//!
//! A trust root that came in with what it vouches for would vouch for anything. And
//! advisories that somebody left out would let in what they warn of, as would somebody's
//! word that one does not matter.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::vex::Document;
use mcpkg_verify::TrustRoot;
use serde::Serialize;

use super::unsigned::{ADVISORIES, TRUST_ROOTS, VEX};
use super::{AirgapError, Manifest};
use crate::admission::import_advisories;
use crate::blobs::blocking;
use crate::config::Config;
use crate::durable;
use crate::mirror::{Place, SOURCES, SourceName};
use crate::store::{Store, ToldVex};

/// Where trust roots are kept that nobody here has decided on, in the folder of a source.
const KEPT: &str = "offered";

/// The longest list of what was said of advisories, in bytes.
const MAX_VEX_BYTES: usize = 16 << 20;

/// What an export offers, of which everything was read.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    trust_roots: Vec<TrustRoot>,
    advisories: Option<PathBuf>,
    vex: Vec<ToldVex>,
}

/// A trust root that an export was verified with where it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedRoot {
    /// Its fingerprint.
    pub fingerprint: Digest,
    /// Where it is kept to be looked at; nowhere, if it is configured here anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
}

impl Offered {
    /// Reads all of it from an export that was unpacked into `folder`. Blocks.
    pub(super) fn read(folder: &Path, manifest: &Manifest) -> Result<Self, AirgapError> {
        let mut offered = Self { trust_roots: Vec::new(), advisories: None, vex: Vec::new() };
        for path in manifest.unsigned.keys() {
            let malformed = |reason: String| AirgapError::Malformed { path: path.clone(), reason };
            if let Some(name) = path.strip_prefix(TRUST_ROOTS) {
                let text = text(folder, path, TrustRoot::MAX_BYTES)?;
                let root = TrustRoot::from_json(&text).map_err(AirgapError::TrustRoot)?;
                if name != format!("{}.json", root.fingerprint().to_hex()) {
                    return Err(malformed("is another trust root".to_owned()));
                }
                offered.trust_roots.push(root);
            } else if path.starts_with(ADVISORIES) {
                offered.advisories = Some(folder.join(ADVISORIES));
            } else if path == VEX {
                let text = text(folder, path, MAX_VEX_BYTES)?;
                offered.vex = serde_json::from_str(&text)
                    .map_err(|error| malformed(format!("cannot be read: {error}")))?;
                for told in &offered.vex {
                    Document::parse(told.document.as_bytes())
                        .map_err(|error| malformed(format!("cannot be used: {error}")))?;
                }
            } else {
                return Err(malformed("is nothing that an export has".to_owned()));
            }
        }
        Ok(offered)
    }

    /// Finds out, in the folder `trial`, whether all advisories can be used. Says how many
    /// there are.
    pub(super) async fn try_advisories(
        &self,
        config: &mut Config,
        trial: &Path,
    ) -> Result<u64, AirgapError> {
        let Some(advisories) = &self.advisories else { return Ok(0) };
        let data = std::mem::replace(&mut config.data, trial.join("advisories"));
        let tried = import_advisories(config, advisories).await;
        config.data = data;
        Ok(tried.map_err(|error| AirgapError::Advisories(Box::new(error)))?.advisories)
    }

    /// Keeps the trust roots that are not among `trusted`, for a person to look at.
    pub(super) async fn keep_roots(
        &self,
        trusted: &[TrustRoot],
        name: &SourceName,
        place: &Place,
    ) -> Result<Vec<OfferedRoot>, AirgapError> {
        let folder = place.data.join(SOURCES).join(name.as_str()).join(KEPT);
        let mut found = Vec::with_capacity(self.trust_roots.len());
        for root in self.trust_roots.clone() {
            let fingerprint = root.fingerprint();
            if trusted.iter().any(|it| it.fingerprint() == fingerprint) {
                found.push(OfferedRoot { fingerprint, kept: None });
                continue;
            }
            let path = folder.join(format!("{}.json", fingerprint.to_hex()));
            let (staging, to) = (place.data.join("staging"), path.clone());
            let write = move || durable::replace(&staging, &to, root.json().as_bytes());
            blocking(write).await.map_err(AirgapError::file("write", &path))?;
            found.push(OfferedRoot { fingerprint, kept: Some(path) });
        }
        Ok(found)
    }

    /// Uses the advisories here, in place of those before.
    pub(super) async fn use_advisories(&self, config: &Config) -> Result<(), AirgapError> {
        let Some(advisories) = &self.advisories else { return Ok(()) };
        let used = import_advisories(config, advisories).await;
        used.map(drop).map_err(|error| AirgapError::Advisories(Box::new(error)))
    }

    /// Uses what was said of advisories, in the database of the source.
    pub(super) async fn use_vex(&self, store: &Store) -> Result<(), AirgapError> {
        let known = store.all_vex().await?;
        let now = Timestamp::now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        for told in self.vex.iter().filter(|told| !known.contains(told)) {
            let ToldVex { name, version, document, author } = told;
            let (version, document) = (version.as_ref(), document.as_bytes());
            store.add_vex(name, version, document, author.as_ref(), now).await?;
        }
        Ok(())
    }

    /// How many documents there are that say something of advisories.
    pub(super) fn vex_count(&self) -> usize {
        self.vex.len()
    }
}

/// A member of at most `most_bytes`.
fn text(folder: &Path, path: &str, most_bytes: usize) -> Result<String, AirgapError> {
    let file = folder.join(path);
    let mut text = String::new();
    let read = File::open(&file)
        .and_then(|it| it.take(most_bytes as u64 + 1).read_to_string(&mut text))
        .map_err(AirgapError::file("read", &file))?;
    if read > most_bytes {
        let reason = format!("is longer than {most_bytes} bytes");
        return Err(AirgapError::Malformed { path: path.to_owned(), reason });
    }
    Ok(text)
}
