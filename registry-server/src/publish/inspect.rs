//! Looking into an artifact.

use mcpkg_core::api::Artifact;
use mcpkg_core::archive::{Archive, ArchiveError, Limits};
use mcpkg_core::manifest::{self, Manifest};
use mcpkg_core::server_json::ServerJson;

use super::PublishError;
use crate::blobs::Staged;

/// Checks that `staged` is an artifact of the release that `server` describes:
/// every byte of the archive, its manifest, and that the two documents agree.
///
/// Inflates every file, which takes about a second for each 300 MB. Blocks.
pub(super) fn inspect(staged: &mut Staged, server: &ServerJson) -> Result<Artifact, PublishError> {
    let (digest, size_bytes) = (staged.digest(), staged.size_bytes());
    let failed = |source| PublishError::Archive { artifact: digest, source };
    let reader = staged.reader().map_err(|source| failed(ArchiveError::Read(source)))?;
    let mut archive = Archive::read(reader, &Limits::default()).map_err(failed)?;

    let bytes = archive.read_file(manifest::FILE_NAME, manifest::MAX_LEN as u64).map_err(failed)?;
    let bytes = bytes.ok_or(PublishError::NoManifest(digest))?;
    let disagrees = |source| PublishError::Manifest { artifact: digest, source };
    let manifest = Manifest::read(&bytes).map_err(disagrees)?;
    manifest.agrees_with(server).map_err(disagrees)?;
    let paths = archive.entries().iter().map(|entry| entry.path().as_str());
    manifest.check_against_paths(paths).map_err(disagrees)?;

    let tree = archive.tree_digest().map_err(failed)?;
    Ok(Artifact { platform: manifest.platform(), digest, tree, size_bytes })
}
