//! What a batch may do that the one before it could not finish.

use std::sync::Arc;
use std::time::Duration;

use mcpkg_core::log::{Checkpoint, SignedNote};
use mcpkg_core::publisher::{Identity, Publisher};
use mcpkg_core::server_json::ServerJson;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Logged, Sequencer, Submission};
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::log::{Guard, LogError, LogFiles, OpenedLog, Witnesses, open};
use crate::store::{Bar, Change, NewRelease, Store, StoreError};

/// A registry without a server.
struct Place {
    folder: TempDir,
    blobs: Blobs,
    sequencer: Sequencer,
}

type Answer = oneshot::Receiver<Result<Logged, Arc<LogError>>>;

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let blobs = Blobs::open(&data).unwrap();
        let wait = Duration::from_millis(250);
        let store = Store::open(&data.join("db"), wait).await.unwrap();
        let parts = OpenedLog {
            files: LogFiles::at(&data),
            key: folder.path().join("key"),
            guard: Guard::at(&folder.path().join("guard")),
            origin: None,
        };
        let cache = Arc::new(Cache::default());
        let opened = open(parts, Witnesses::default(), &store, &blobs, &cache).await.unwrap();
        Self { folder, blobs, sequencer: opened.sequencer }
    }

    /// Another program that has the database to itself for a while.
    async fn lock(&self) -> SqliteConnection {
        let path = self.folder.path().join("data").join("db");
        let mut other =
            SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
        other
    }

    /// A release whose blobs are in place, by somebody whose name has `padding` letters.
    fn release(&self, version: &str, padding: usize) -> NewRelease {
        let json = format!(
            r#"{{"$schema":"https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json","description":"x","name":"com.acme/weather","remotes":[{{"type":"streamable-http","url":"https://acme.example/mcp"}}],"version":"{version}"}}"#
        );
        let server = ServerJson::read_strict(json.as_bytes()).unwrap();
        let put = |bytes: &[u8]| {
            let staged = self.blobs.stage_bytes(bytes).unwrap();
            let stored = staged.stored();
            self.blobs.put(staged).unwrap();
            stored
        };
        let (metadata, bundle) = (put(server.canonical()), put(b"{}"));
        NewRelease {
            name: server.name().clone(),
            version: server.version().clone(),
            title: String::new(),
            description: server.description().to_owned(),
            server_json: String::from_utf8_lossy(server.canonical()).into_owned(),
            metadata: metadata.digest,
            artifacts: Vec::new(),
            bundles: vec![bundle.digest],
            blobs: vec![metadata, bundle],
            publisher: Publisher::Identity(Identity {
                issuer: "https://sso.acme.example".to_owned(),
                subject: format!("{}@acme.example", "a".repeat(padding)),
            }),
            authority: None,
            published_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn submission(&self, version: &str, padding: usize) -> (Submission, Answer) {
        let (answer, answered) = oneshot::channel();
        (Submission { change: Change::Release(self.release(version, padding)), answer }, answered)
    }

    /// How many entries were ever signed.
    fn signed(&self) -> u64 {
        let note = std::fs::read(self.folder.path().join("guard")).unwrap();
        let note = SignedNote::parse(&note).unwrap();
        Checkpoint::parse(note.text()).unwrap().tree.size
    }
}

#[tokio::test]
async fn what_is_signed_and_not_applied_is_not_signed_again() {
    let mut place = Place::new().await;
    // The same release twice, as from a client that asked again, and another of the
    // package: three batches of one call.
    let (first, one) = place.submission("1.0.0", 1);
    let (again, two) = place.submission("1.0.0", 1);
    let (next, three) = place.submission("2.0.0", 1);
    let other = place.lock().await;
    place.sequencer.process(vec![first, again, next]).await;
    for answered in [one, two, three] {
        let error = answered.await.unwrap().unwrap_err();
        assert!(matches!(&*error, LogError::Store(StoreError::Locked(_))), "{error:?}");
    }
    assert_eq!(place.signed(), 1, "of the first alone");
    assert!(!place.sequencer.log.is_settled(), "nothing is swept meanwhile");

    other.close().await.unwrap();
    let (again, one) = place.submission("1.0.0", 1);
    let (next, two) = place.submission("2.0.0", 1);
    place.sequencer.process(vec![again, next]).await;
    assert!(
        matches!(one.await.unwrap().unwrap(), Logged::Barred(Bar::Exists(found)) if found.entry == 0)
    );
    assert!(matches!(two.await.unwrap().unwrap(), Logged::New(1)));
    assert_eq!(place.signed(), 2);
    assert!(place.sequencer.log.is_settled());
}

#[tokio::test]
async fn a_release_that_fits_no_entry_is_refused_alone() {
    let mut place = Place::new().await;
    let (huge, one) = place.submission("1.0.0", 70_000);
    place.sequencer.process(vec![huge]).await;
    let error = one.await.unwrap().unwrap_err();
    assert!(matches!(&*error, LogError::Entry(_)), "{error:?}");
    assert_eq!(place.signed(), 0);
    let (fits, two) = place.submission("1.0.0", 1);
    place.sequencer.process(vec![fits]).await;
    assert!(matches!(two.await.unwrap().unwrap(), Logged::New(_)));
}
