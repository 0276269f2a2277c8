//! What an export says of itself. The log proves what of it counts.

use std::collections::{BTreeMap, BTreeSet};

use mcpkg_core::Digest;
use mcpkg_core::log::{Hash, Tree};
use serde::{Deserialize, Serialize};

use super::AirgapError;

/// The member that has it, which comes before all others.
pub(super) const PATH: &str = "EXPORT.json";

/// The longest that is read, in bytes: a million entries that are not given out.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// The format that is written, and the only one that is read.
const FORMAT: &str = "mcpkg export 3";

/// `EXPORT.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    /// The name of the log.
    pub(crate) origin: String,
    /// How many entries the tree has that this ends with.
    pub(crate) size: u64,
    /// Its root.
    pub(crate) root: Hash,
    /// How many of the first entries are left out, because they are there already.
    pub(crate) since: u64,
    /// The entries that the exporter does not give out: what belongs to them is not here.
    pub(crate) withheld: BTreeSet<u64>,
    /// The members that no log has signed, so that none is missing or another unnoticed.
    pub(crate) unsigned: BTreeMap<String, Digest>,
}

impl Manifest {
    /// Of the log `origin`, at `tree`, without the first `since` entries.
    pub(crate) fn new(
        origin: &str,
        tree: Tree,
        since: u64,
        withheld: BTreeSet<u64>,
        unsigned: BTreeMap<String, Digest>,
    ) -> Self {
        let Tree { size, root } = tree;
        let (format, origin) = (FORMAT.to_owned(), origin.to_owned());
        Self { format, origin, size, root, since, withheld, unsigned }
    }

    /// The tree that it ends with.
    pub(crate) fn tree(&self) -> Tree {
        Tree { size: self.size, root: self.root }
    }

    /// Reads one.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AirgapError> {
        let malformed = |reason: String| AirgapError::Malformed { path: PATH.to_owned(), reason };
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| malformed(format!("cannot be read: {error}")))?;
        if manifest.format != FORMAT {
            return Err(malformed(format!("is of another format, expected `{FORMAT}`")));
        }
        if manifest.since > manifest.size {
            return Err(malformed("begins after its end".to_owned()));
        }
        Ok(manifest)
    }

    /// Its bytes.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, AirgapError> {
        serde_json::to_vec(self).map_err(|error| AirgapError::Malformed {
            path: PATH.to_owned(),
            reason: error.to_string(),
        })
    }
}
