//! What an export carries that no log has signed: trust roots, advisories, and what was said
//! of those.
//!
//! Whoever can change the file on its way can change these, and nothing would show it. So
//! they are read and checked where they arrive like everything else, and then used only as
//! far as a person there says: see [`super::offered`].

use std::collections::BTreeMap;

use mcpkg_core::Digest;
use mcpkg_verify::TrustRoot;

use super::AirgapError;
use crate::config::Config;
use crate::mirror::OpenError;
use crate::store::{AdvisoryStore, Store};
use crate::trust::{Trust, TrustConfig};

/// The folder of all of them.
pub(super) const FOLDER: &str = "unsigned/";

/// The trust roots that the exporter verifies with: each a `trusted_root.json`, under its
/// fingerprint.
pub(super) const TRUST_ROOTS: &str = "unsigned/trust-roots/";

/// The exporter's advisories, in the order of its dump: each member a list of some.
pub(super) const ADVISORIES: &str = "unsigned/advisories/";

/// What was said of advisories of the packages that are exported.
pub(super) const VEX: &str = "unsigned/vex.json";

/// How long a list of advisories gets, in bytes. Importing reads four times as much.
const LIST_BYTES: usize = 1 << 20;

/// What the exporter has of it.
#[derive(Debug)]
pub(super) struct Unsigned {
    trust_roots: Vec<TrustRoot>,
    advisories: Option<AdvisoryStore>,
}

/// A member. Advisories are many, and read again when they are written.
#[derive(Debug)]
pub(super) enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The advisories after the one of this number.
    AdvisoriesAfter(i64),
}

impl Unsigned {
    /// What the registry of `config` has, where `trust` is what it verifies with.
    pub(super) async fn open(trust: TrustConfig, config: &Config) -> Result<Self, AirgapError> {
        let trust = Trust::open(trust, &config.data).map_err(OpenError::from)?;
        let advisories = AdvisoryStore::open(&config.data, config.limits.database()).await?;
        Ok(Self { trust_roots: trust.roots(), advisories })
    }

    /// Its members by their paths, each with its digest. `store` is what is exported.
    pub(super) async fn parts(
        &self,
        store: &Store,
    ) -> Result<BTreeMap<String, (Digest, Part)>, AirgapError> {
        let mut parts = BTreeMap::new();
        for root in &self.trust_roots {
            let path = format!("{TRUST_ROOTS}{}.json", root.fingerprint().to_hex());
            let bytes = root.json().as_bytes().to_vec();
            parts.insert(path, (root.fingerprint(), Part::Bytes(bytes)));
        }
        let (mut after, mut number) = (0, 0);
        while let Some((last, list)) = self.list_after(after).await? {
            let path = format!("{ADVISORIES}{number:06}.json");
            parts.insert(path, (Digest::of(&list), Part::AdvisoriesAfter(after)));
            (after, number) = (last, number + 1);
        }
        let told = store.all_vex().await?;
        if !told.is_empty() {
            let bytes = super::export::json(&told)?;
            parts.insert(VEX.to_owned(), (Digest::of(&bytes), Part::Bytes(bytes)));
        }
        Ok(parts)
    }

    /// The bytes of a member.
    pub(super) async fn bytes(&self, part: &Part) -> Result<Vec<u8>, AirgapError> {
        match part {
            Part::Bytes(bytes) => Ok(bytes.clone()),
            Part::AdvisoriesAfter(number) => {
                let list = self.list_after(*number).await?.map(|(_, list)| list);
                list.ok_or(AirgapError::Moved)
            }
        }
    }

    /// The list of the advisories after the one of the number `after`, and the number of
    /// the last in it.
    async fn list_after(&self, after: i64) -> Result<Option<(i64, Vec<u8>)>, AirgapError> {
        let Some(advisories) = &self.advisories else { return Ok(None) };
        let page = advisories.page(after, LIST_BYTES).await?;
        Ok(page.map(|(last, bodies)| {
            let list = match &bodies[..] {
                // It may be as long as one can be, and a list of it longer.
                [one] => one.clone(),
                many => format!("[{}]", many.join(",")),
            };
            (last, list.into_bytes())
        }))
    }
}
