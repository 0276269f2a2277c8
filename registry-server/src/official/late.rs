//! Rows for releases that were published before there were any.

use jiff::Timestamp;

use crate::blobs::{BlobError, Blobs, blocking};
use crate::start_error::StorageError;
use crate::store::{Store, StoredBlob};

/// How many releases are read at once.
const BATCH: u32 = 256;

/// Gives each release that has no row one, from its blobs.
///
/// # Errors
///
/// If the database fails, or a blob is not what it was. A release that is not listed
/// would be one that is dropped in silence.
pub(crate) async fn list_unlisted(store: &Store, blobs: &Blobs) -> Result<u64, StorageError> {
    let mut listed = 0;
    loop {
        let unlisted = store.unlisted(BATCH).await?;
        if unlisted.is_empty() {
            return Ok(listed);
        }
        for unlisted in unlisted {
            let digest = unlisted.release.metadata;
            let missing = || BlobError::Damaged { digest, reason: "it is not recorded" };
            let stored: StoredBlob = store.find_blob(digest).await?.ok_or_else(missing)?;
            let blobs = blobs.clone();
            let bytes = blocking(move || blobs.open_now(stored)?.read()).await?;
            let text = String::from_utf8(bytes)
                .map_err(|_| BlobError::Damaged { digest, reason: "it is not JSON" })?;
            store.list_late(&unlisted, &text, Timestamp::now()).await?;
            listed += 1;
        }
    }
}
