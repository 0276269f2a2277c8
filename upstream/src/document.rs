//! The lock that an artifact carries: what it was made of, to the byte.

use mcpkg_core::Platform;
use serde::{Deserialize, Serialize};

use crate::closure::Closure;
use crate::{Integrity, Release};

/// The folder of an artifact for what it was made of. No package has files there.
pub(crate) const FOLDER: &str = ".mcpkg/upstream";

/// The format that this program writes, and the only one it reads.
const FORMAT: u32 = 1;

/// What an artifact was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Origin {
    format: u32,
    /// The release upstream.
    pub release: Release,
    /// What its dependencies were chosen for.
    pub platform: Platform,
    /// The versions of the interpreter that they were chosen for, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The path of the release's own tarball or wheel in the artifact.
    pub original: String,
    /// The paths of the statements about that, as Sigstore bundles. Empty if there are none.
    pub evidence: Vec<String>,
    /// Every file that went into it. The first is the release itself.
    pub files: Vec<OriginFile>,
}

/// One file that went into an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OriginFile {
    /// What it is.
    pub release: Release,
    /// Where its content is in the artifact; for a wheel, its file name.
    pub place: String,
    /// The digest of the tarball or wheel.
    pub integrity: Integrity,
}

impl Origin {
    /// The origin of an artifact that is made of `closure`, with so many statements.
    pub(crate) fn of(closure: &Closure, original: String, statements: usize) -> Self {
        let root = closure.root();
        let files = closure.members.iter().map(|member| OriginFile {
            release: member.release.clone(),
            place: member.place.clone(),
            integrity: member.integrity,
        });
        Self {
            format: FORMAT,
            release: root.release.clone(),
            platform: closure.platform,
            runtime: closure.runtime.clone(),
            original,
            evidence: (0..statements).map(evidence_path).collect(),
            files: files.collect(),
        }
    }

    /// Reads what an artifact carries.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let value = mcpkg_core::json::parse(bytes, 16 << 20).map_err(|error| error.to_string())?;
        let origin: Self =
            mcpkg_core::json::from_value(&value).map_err(|error| error.to_string())?;
        if origin.format != FORMAT {
            return Err(format!(
                "it has format {}, and this program reads {FORMAT}",
                origin.format
            ));
        }
        match origin.files.first() {
            Some(first) if first.release == origin.release => Ok(origin),
            _ => Err("its first file is not the release itself".to_owned()),
        }
    }

    /// Where it is in an artifact.
    pub(crate) fn path() -> String {
        format!("{FOLDER}/origin.json")
    }

    /// Where the bill of materials is.
    pub(crate) fn sbom_path() -> String {
        format!("{FOLDER}/sbom.cdx.json")
    }
}

/// Where a statement is in an artifact.
pub(crate) fn evidence_path(index: usize) -> String {
    format!("{FOLDER}/evidence/{index}.sigstore.json")
}
