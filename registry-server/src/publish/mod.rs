//! Publishing: from a request to a release that everybody sees, or to nothing.
//!
//! ```text
//! receive server.json ─ check it, and that name and version are free
//! receive bundles ───── verify them over server.json, judge who signed
//! receive artifacts ─── check each, verify the bundles over all of it, judge
//! put the blobs ─────── hand it to the log ──── answer, with the receipt
//! ```
//!
//! What is small and decides comes first. Somebody without a valid signature
//! for the name is refused before the first byte of an artifact is read, so
//! strangers cannot fill the disk.
//!
//! # When it stops in the middle
//!
//! | killed | what is left | who cleans up |
//! |---|---|---|
//! | while receiving or verifying | files in `staging/` | the next start |
//! | while putting blobs, or before the log's guard | blobs without a release | the sweep, after a while |
//! | after the log's guard | an entry; the client has no answer | the next start, and the client, who asks again and gets 200 |
//!
//! Nothing of that is visible, except the last, which is complete. What the log
//! does is told in [`crate::log`]. Statements about what is published are in
//! [`statement`].

mod authority;
mod body;
mod commit;
mod error;
mod inspect;
mod parts;
mod statement;
mod verify;

use axum::extract::Request;
use mcpkg_core::PackageName;
use mcpkg_core::server_json::ServerJson;

pub(crate) use commit::Outcome;
pub(crate) use error::PublishError;
pub(crate) use statement::Stated;

use crate::access::Caller;
use crate::app::App;
use crate::blobs::{Staged, blocking};
use crate::failpoint;
use parts::Parts;

/// The signed document of a release, which is in its canonical form.
#[derive(Debug)]
struct Metadata {
    server: ServerJson,
    staged: Staged,
}

/// A Sigstore bundle, without white space around it.
#[derive(Debug)]
struct Bundle {
    bytes: Vec<u8>,
    staged: Staged,
}

impl App {
    /// Receives, verifies and stores a release.
    pub(crate) async fn publish(
        &self,
        caller: &Caller,
        request: Request,
    ) -> Result<Outcome, PublishError> {
        let _permit = self.publishes.try_acquire().map_err(|_| PublishError::Busy)?;
        let mut parts = Parts::of(request, &self.limits)?;

        let metadata = self.metadata(caller, parts.server_json().await?).await?;
        let mut bundles = Vec::new();
        while let Some(bytes) = parts.bundle().await? {
            bundles.push(self.bundle(&bytes).await?);
        }
        let signed = self.verify_signer(caller, metadata, bundles).await?;

        let mut artifacts = Vec::new();
        while let Some(staged) = parts.artifact(&self.blobs).await? {
            artifacts.push(staged);
        }
        failpoint::hit("staged");
        let verified = self.verify_release(signed, artifacts).await?;
        failpoint::hit("verified");
        self.commit(verified).await
    }

    /// Reads a `server.json`, and refuses one that could never be published.
    async fn metadata(&self, caller: &Caller, bytes: Vec<u8>) -> Result<Metadata, PublishError> {
        let server = ServerJson::read_strict(&bytes)?;
        if server.canonical() != bytes {
            return Err(PublishError::NotCanonical);
        }
        // Whoever may not read it learns whether it exists when they have shown that
        // the name is theirs.
        if self.may_read(caller, server.name()) {
            self.refuse_taken(&server).await?;
        }
        self.refuse_over_quota(&server).await?;
        let blobs = self.blobs.clone();
        let staged = blocking(move || blobs.stage_bytes(&bytes)).await?;
        Ok(Metadata { server, staged })
    }

    async fn bundle(&self, bytes: &[u8]) -> Result<Bundle, PublishError> {
        let bytes = bytes.trim_ascii().to_vec();
        let blobs = self.blobs.clone();
        let (bytes, staged) = blocking(move || {
            let staged = blobs.stage_bytes(&bytes)?;
            Ok::<_, PublishError>((bytes, staged))
        })
        .await?;
        Ok(Bundle { bytes, staged })
    }

    /// Refuses early what the sequencer would refuse for its size alone: no artifact can
    /// be empty. A release that is there is published again, and adds nothing.
    async fn refuse_over_quota(&self, server: &ServerJson) -> Result<(), PublishError> {
        if self.store.find_release(server.name(), server.version()).await?.is_some() {
            return Ok(());
        }
        match self.store.over_quota(server.name(), 0).await? {
            Some(over) => Err(PublishError::over_quota(server.name(), over)),
            None => Ok(()),
        }
    }

    /// Refuses a name that another has, and a version that is something else.
    async fn refuse_taken(&self, server: &ServerJson) -> Result<(), PublishError> {
        self.refuse_lookalike(server.name()).await?;
        match self.store.find_release(server.name(), server.version()).await? {
            Some(release) if release.metadata != server.digest() => {
                Err(PublishError::other_content(&release))
            }
            _ => Ok(()),
        }
    }

    /// Keeps to itself why something failed, if that would tell `caller` of a package
    /// that they may not read. That we failed is no secret.
    fn hide<T>(
        &self,
        caller: &Caller,
        name: &PackageName,
        result: Result<T, PublishError>,
    ) -> Result<T, PublishError> {
        result.map_err(|error| match error {
            PublishError::Busy
            | PublishError::Store(_)
            | PublishError::Blob(_)
            | PublishError::Log(_)
            | PublishError::Denied(_) => error,
            _ if self.may_read(caller, name) => error,
            _ => PublishError::Hidden(name.clone()),
        })
    }

    async fn refuse_lookalike(&self, name: &PackageName) -> Result<(), PublishError> {
        match self.store.lookalike(name).await? {
            Some(existing) if existing != *name => {
                Err(PublishError::Lookalike { name: name.clone(), existing })
            }
            _ => Ok(()),
        }
    }
}
