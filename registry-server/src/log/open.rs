//! Opening a log, which begins with asking whether it may be signed at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::log::{LogTrust, SigningKey, Tree, follow};

use super::edge::Edge;
use super::sequencer::Committed;
use super::signer::sign;
use super::{Guard, Log, LogError, LogFiles, Sequencer, Signer, Snapshot, Witnesses, key};
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::key_file::{self, KeyFileError};
use crate::store::Store;

/// Where a log's parts are.
#[derive(Debug)]
pub(crate) struct OpenedLog {
    /// The static files.
    pub(crate) files: LogFiles,
    /// The file of the signing key.
    pub(crate) key: PathBuf,
    /// The guard.
    pub(crate) guard: Guard,
    /// What a log is called that does not exist yet; by default, after its key.
    pub(crate) origin: Option<String>,
}

/// What a log has published last.
#[derive(Debug)]
pub(crate) struct Published {
    /// Whose signatures the log's are.
    pub(crate) trust: LogTrust,
    /// The checkpoint.
    pub(crate) note: String,
    /// Its tree.
    pub(crate) tree: Tree,
    /// The edge of the tree as it is stored.
    pub(crate) edge: Edge,
}

/// How often the newest tree is read again while a server makes newer ones.
const ATTEMPTS: usize = 16;

/// A log that may be signed.
#[derive(Debug)]
pub(crate) struct Opened {
    /// For everybody.
    pub(crate) log: Log,
    /// For whoever starts it.
    pub(crate) sequencer: Sequencer,
    /// For whoever signs the indexes of packages.
    pub(crate) signer: Signer,
}

/// Opens the log, or begins one where there is nothing at all. Everything that
/// was signed is published and applied when this returns, or it is said why not.
///
/// # Errors
///
/// What [`LogError::is_fork`] is must not be signed over. Neither a witness that
/// is away nor a clock that is wrong is an error here: reading works.
pub(crate) async fn open(
    parts: OpenedLog,
    witnesses: Witnesses,
    store: &Store,
    blobs: &Blobs,
    cache: &Arc<Cache>,
) -> Result<Opened, LogError> {
    let is_new = store.applied().await?.size == 0;
    let guard = parts.guard.clone();
    let opening = tokio::task::spawn_blocking(move || parts.open_to_sign(is_new));
    let (log, signer) = match opening.await {
        Ok(opened) => opened?,
        Err(_) => return Err(LogError::Stopping),
    };
    let (store, blobs, cache) = (store.clone(), blobs.clone(), Arc::clone(cache));
    let mut sequencer =
        Sequencer::new((log.clone(), signer.clone()), guard, witnesses, store, blobs, cache);
    match sequencer.settle().await {
        // Readers take an old signature for a registry that hides the present.
        Ok(()) => {
            if let Err(error) = sequencer.resign().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the checkpoint could not be signed anew"
                );
            }
        }
        Err(error @ (LogError::Witness(_) | LogError::Clock { .. })) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the log cannot be signed yet; reading works"
        ),
        Err(error) => return Err(error),
    }
    Ok(Opened { log, sequencer, signer })
}

impl OpenedLog {
    /// Reads what is there; begins a log if `may_begin` and there is nothing. Blocks.
    pub(crate) fn open(&self, may_begin: bool) -> Result<Log, LogError> {
        Ok(self.open_to_sign(may_begin)?.0)
    }

    /// The same, with what signs for it. Blocks.
    fn open_to_sign(&self, may_begin: bool) -> Result<(Log, Signer), LogError> {
        let (key, trust) = self.key(may_begin)?;
        let origin = key.name().to_owned();
        let published = self.files.checkpoint()?;
        let published = published.map(|note| trust.verify_checkpoint(&note)).transpose()?;
        let guarded = self.guard.read()?;
        let published = match (published, &guarded) {
            // Stopped, or not even begun, before the first was published.
            (None, Some(note)) => {
                let first = trust.verify_checkpoint(note)?;
                (first.tree().size == 0).then_some(first)
            }
            (published, _) => published,
        };
        let published = if guarded.is_some() {
            published
        } else {
            let size = published.as_ref().map_or(0, |checkpoint| checkpoint.tree().size);
            if size > 0 || !may_begin {
                let guard = self.guard.path().to_owned();
                return Err(LogError::NoGuard { size, guard });
            }
            let note = sign(&key, Tree::empty(), second(Timestamp::now()));
            self.guard.swap(None, &note)?;
            tracing::warn!(
                %origin,
                key = %key.verifier(),
                key_file = %self.key.display(),
                guard = %self.guard.path().display(),
                "began a log: keep its key and its guard, which are not in the data folder"
            );
            Some(trust.verify_checkpoint(&note)?)
        };
        if may_begin
            && let Some(first) = &published
            && self.files.checkpoint()?.is_none()
        {
            self.files.put_checkpoint(first.note())?;
        }
        let (tree, signed_at, checkpoint) = if let Some(it) = published {
            let signed_at = it.signed_at().unwrap_or(Timestamp::UNIX_EPOCH);
            (it.tree(), signed_at, it.note().to_owned())
        } else {
            // What the guard holds will be published before anything is served.
            let at = Timestamp::UNIX_EPOCH;
            (Tree::empty(), at, sign(&key, Tree::empty(), at))
        };
        let edge = Edge::load(&self.files, tree.size)?;
        if edge.tree() != tree {
            return Err(LogError::Damaged {
                path: self.files.root().join("tile"),
                reason: "its hashes are not those of the checkpoint",
            });
        }
        let snapshot = Snapshot::new(checkpoint, signed_at, Arc::new(edge));
        Ok((Log::new(self.files.clone(), trust, snapshot), Signer::new(key)))
    }

    /// The newest published checkpoint, and the edge of its tree; also beside a server
    /// that makes newer ones. Blocks.
    pub(crate) fn published(&self) -> Result<Published, LogError> {
        let (_, trust) = self.key(false)?;
        let mut attempt = 0;
        loop {
            let note = self.files.checkpoint()?.ok_or_else(|| LogError::Damaged {
                path: self.files.root().join("checkpoint"),
                reason: "it is missing",
            })?;
            let tree = trust.verify_checkpoint(&note)?.tree();
            match Edge::load(&self.files, tree.size) {
                Ok(edge) => return Ok(Published { trust, note, tree, edge }),
                // A server has replaced the files of that tree.
                Err(LogError::Damaged { .. })
                    if attempt < ATTEMPTS && self.files.checkpoint()? != Some(note) => {}
                Err(error) => return Err(error),
            }
            attempt += 1;
        }
    }

    /// The tree that the guard says was signed last, if the data folder has it. Blocks.
    pub(crate) fn committed(&self, log: &Log) -> Result<Tree, LogError> {
        Ok(committed(log, &self.guard)?.edge.tree())
    }

    /// The key, and whose signatures it goes on from.
    pub(crate) fn key(&self, may_begin: bool) -> Result<(SigningKey, LogTrust), LogError> {
        let successions = self.files.successions()?;
        let key = if let Some(key) = key_file::find(&self.key)? {
            key
        } else {
            let has_log = self.files.checkpoint()?.is_some()
                || self.guard.read()?.is_some()
                || !successions.is_empty();
            if has_log || !may_begin {
                return Err(LogError::NoKey(self.key.clone()));
            }
            self.begin_key()?
        };
        let key = self.finish_succession(key, &successions)?;
        let (newest, predecessors) = follow(&key.verifier(), &successions)?;
        let trust = LogTrust { predecessors, ..LogTrust::new(newest) };
        Ok((key, trust))
    }

    /// Makes a key for a log that begins.
    pub(crate) fn begin_key(&self) -> Result<SigningKey, LogError> {
        let unnamed = key_file::make(&self.key, "log")?;
        let hex = unnamed.verifier().fingerprint().to_hex();
        let origin = match &self.origin {
            Some(origin) => origin.clone(),
            None => format!("localhost/{}", &hex[..8]),
        };
        let named = unnamed
            .renamed(&origin)
            .map_err(|source| KeyFileError::Key { path: self.key.clone(), source })?;
        key_file::create(&self.key, &named)?;
        Ok(named)
    }

    /// Puts the new key in place, if a succession stopped between saying so and
    /// doing so.
    fn finish_succession(
        &self,
        key: SigningKey,
        successions: &[String],
    ) -> Result<SigningKey, LogError> {
        let Some(last) = successions.last() else { return Ok(key) };
        let to = mcpkg_core::log::Succession::verify(last)?.to;
        if to == key.verifier() {
            return Ok(key);
        }
        match key_file::find(&key::next_path(&self.key))? {
            Some(next) if next.verifier() == to => {
                key::install_next(&self.key)?;
                Ok(next)
            }
            _ => Err(mcpkg_core::log::LogError::Key {
                expected: to.to_string(),
                origin: key.name().to_owned(),
            }
            .into()),
        }
    }
}

/// What the guard says was signed last, if the data folder has it. Blocks.
pub(super) fn committed(log: &Log, guard: &Guard) -> Result<Committed, LogError> {
    let Some(note) = guard.read()? else {
        let (size, guard) = (log.served().tree.size, guard.path().to_owned());
        return Err(LogError::NoGuard { size, guard });
    };
    let signed = log.trust().verify_checkpoint(&note)?;
    let (tree, published) = (signed.tree(), log.served().tree);
    if tree.size < published.size {
        return Err(LogError::OldGuard { guard: tree.size, published: published.size });
    }
    let behind = |found: String| LogError::Behind { guard: tree, found };
    let edge = match Edge::load(&log.inner.files, tree.size) {
        Ok(edge) => edge,
        Err(LogError::Damaged { .. }) if tree.size > published.size => {
            return Err(behind(published.size.to_string()));
        }
        Err(error) => return Err(error),
    };
    if edge.tree() != tree {
        return Err(behind(format!("another root, {}", edge.tree().root)));
    }
    let signed_at = signed.signed_at().unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Committed { edge: Arc::new(edge), note, signed_at })
}

/// A time to the whole second.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The origin that an address makes: without scheme, and without a slash at the end.
pub(crate) fn origin_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_end_matches('/').to_owned()
}

/// A path beside the data folder, with `suffix`: outside of what a copy of the
/// folder takes along.
pub(crate) fn beside(data: &Path, suffix: &str) -> PathBuf {
    let mut path = data.components().collect::<PathBuf>().into_os_string();
    path.push(suffix);
    path.into()
}
