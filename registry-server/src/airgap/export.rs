//! Writing down all that a source or the registry itself has, or what is new of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcpkg_core::api::{LogDocument, MAX_INDEXES};
use mcpkg_core::log::{Entry, IndexNote, Level, LogTrust, TILE_WIDTH, TilePath, write_bundle};
use mcpkg_core::tar::{TarPath, Writer};
use mcpkg_core::{Digest, PackageName, Version};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::hashing::Hashing;
use super::seal::Seal;
use super::unsigned::{Part, Unsigned};
use super::{AirgapError, Manifest, manifest, seal};
use crate::config::{Config, SourceConfig};
use crate::durable;
use crate::log::{Edge, Log, LogFiles, Signer, Snapshot, size_of};
use crate::mirror::upstream::Resource;
use crate::mirror::{Place, RemovalList, SOURCES, Shelf, Source, SourceName};
use crate::server;
use crate::start_error::{AirgapFailure, StartError};
use crate::trust::TrustConfig;

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// The digest of the whole file, to compare it where it arrives.
    pub digest: Digest,
    /// How long the file is, in bytes.
    pub size_bytes: u64,
    /// How many entries the log has there.
    pub entries: u64,
    /// How many of them are left out, because they are there already.
    pub since: u64,
    /// How many of the others are not given out here, and so not there either.
    pub withheld: usize,
    /// How many files of it no log has signed: trust roots, advisories, words on those.
    pub unsigned: usize,
}

/// Exports the registry's own releases, or those of a source, into the file `to`; with a
/// checkpoint in `since`, what is new after that. Also beside a running server.
pub async fn export(
    config: Config,
    source: Option<&SourceName>,
    since: Option<&Path>,
    to: &Path,
) -> Result<Exported, StartError> {
    let failed =
        |error| StartError::Airgap { path: to.to_owned(), source: AirgapFailure::from(error) };
    let (shelf, files, trust) = match source {
        None => {
            let (shelf, files) = own(&config).await.map_err(failed)?;
            (shelf, files, config.trust.clone())
        }
        Some(name) => {
            let found = config.sources.iter().find(|it| it.name == *name);
            let found = found.ok_or_else(|| StartError::NoSource(name.to_string()))?;
            let (shelf, files) = followed(&config, found.clone()).await.map_err(failed)?;
            (shelf, files, found.trust.clone())
        }
    };
    let unsigned = Unsigned::open(trust, &config).await.map_err(failed)?;
    let written = Export::new(&shelf, &files, unsigned, since)
        .map(|export| async move { export.write(to).await });
    let written = match written {
        Ok(written) => written.await,
        Err(error) => Err(error),
    };
    shelf.store.close().await;
    written.map_err(failed)
}

/// The registry's own releases, to be read.
async fn own(config: &Config) -> Result<(Shelf, LogFiles), AirgapError> {
    let data = &config.data;
    let parts = config.log.parts(data);
    let (key, _) = parts.key(false)?;
    let (store, blobs) = server::open_read_only(data, config.limits.database()).await?;
    let log = Log::open_copy(parts.files.clone(), &key.verifier())?;
    let removals =
        RemovalList::open(data, &data.join("staging")).map_err(AirgapError::file("read", data))?;
    let shelf = Shelf::own(store, blobs, Arc::default(), log, Signer::new(key), removals);
    Ok((shelf, parts.files))
}

/// What is here of a source, to be read.
async fn followed(config: &Config, source: SourceConfig) -> Result<(Shelf, LogFiles), AirgapError> {
    let data = &config.data;
    let (registry, blobs) = server::open_read_only(data, config.limits.database()).await?;
    let folder = data.join(SOURCES).join(source.name.as_str());
    let files = LogFiles::at_folder(&folder, &data.join("staging"));
    // Nobody is asked, and nobody has to be trusted anew.
    let source = SourceConfig { url: None, trust: TrustConfig::default(), ..source };
    let place: Place = config.place(registry, blobs);
    Ok((Shelf::of_source(Arc::new(Source::open(source, None, &place).await?)), files))
}

/// An export in the making.
struct Export<'a> {
    shelf: &'a Shelf,
    files: &'a LogFiles,
    trust: Arc<LogTrust>,
    snapshot: Arc<Snapshot>,
    edge: Edge,
    unsigned: Unsigned,
    since: u64,
}

/// A member whose bytes are fetched when it is written.
enum Member {
    Bytes(Vec<u8>),
    Entries(u64),
    Checkpoints(u64),
    Release(PackageName, Version),
    Blob(Digest),
    Unsigned(Part),
}

impl<'a> Export<'a> {
    fn new(
        shelf: &'a Shelf,
        files: &'a LogFiles,
        unsigned: Unsigned,
        since: Option<&Path>,
    ) -> Result<Self, AirgapError> {
        let (snapshot, trust) = (shelf.log.served(), shelf.log.trust());
        if snapshot.checkpoint.is_empty() {
            return Err(AirgapError::Nothing);
        }
        let edge = shelf.log.edge();
        let since = match since {
            None => 0,
            Some(path) => {
                let note =
                    std::fs::read_to_string(path).map_err(AirgapError::file("read", path))?;
                let signed = trust
                    .verify_checkpoint(&note)
                    .map_err(|source| AirgapError::Since { path: path.to_owned(), source })?;
                let tree = signed.tree();
                if tree.size > edge.size() || shelf.log.tree_of(tree.size, &edge)? != tree {
                    return Err(AirgapError::Unrelated(path.to_owned()));
                }
                tree.size
            }
        };
        Ok(Self { shelf, files, trust, snapshot, edge, unsigned, since })
    }

    async fn write(&self, to: &Path) -> Result<Exported, AirgapError> {
        let (members, withheld) = self.members().await?;
        let unsigned = members.values().filter(|it| matches!(it, Member::Unsigned(_))).count();
        let folder = to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(AirgapError::file("write", folder))?;
        let (mut writer, mut seal) = (Writer::new(Hashing::new(file)), Seal::default());
        for (path, member) in &members {
            seal.add(path, self.add(&mut writer, path, member).await?);
        }
        let text = seal.to_text();
        writer.add(&seal::PATH.parse()?, text.len() as u64, &mut text.as_bytes())?;
        let (file, digest, size_bytes) = writer.finish()?.end();
        file.as_file().sync_all().map_err(AirgapError::file("write", to))?;
        file.persist(to).map_err(|error| AirgapError::file("write", to)(error.error))?;
        durable::sync_folder(folder).map_err(AirgapError::file("write", to))?;
        let (entries, since) = (self.snapshot.tree.size, self.since);
        let path = to.to_owned();
        Ok(Exported { path, digest, size_bytes, entries, since, withheld, unsigned })
    }

    /// Everything that is to be written, in the order of its paths, and how many entries
    /// are not given out.
    async fn members(&self) -> Result<(BTreeMap<TarPath, Member>, usize), AirgapError> {
        let tree = self.snapshot.tree;
        let mut members = BTreeMap::new();
        let mut withheld = BTreeSet::new();
        for bundle in self.since / TILE_WIDTH..tree.size.div_ceil(TILE_WIDTH) {
            if let Some(path) = TilePath::of_tree(Level::Entries, bundle, tree.size) {
                members.insert(path_of(&Resource::Tile(path))?, Member::Entries(bundle));
                let path = path_of(&Resource::Checkpoints(bundle))?;
                members.insert(path, Member::Checkpoints(bundle));
            }
            let leaves = self.edge.bundle(self.files, bundle)?;
            for (index, leaf) in (bundle * TILE_WIDTH..).zip(leaves) {
                if index >= self.since && !self.entry(&leaf, &mut members).await? {
                    withheld.insert(index);
                }
            }
        }
        self.indexes(&mut members).await?;
        let count = withheld.len();
        let mut unsigned = BTreeMap::new();
        for (path, (digest, part)) in self.unsigned.parts(&self.shelf.store).await? {
            members.insert(path.parse()?, Member::Unsigned(part));
            unsigned.insert(path, digest);
        }
        let manifest = Manifest::new(self.trust.origin(), tree, self.since, withheld, unsigned);
        let (origin, key) = (self.trust.origin().to_owned(), self.trust.key.clone());
        let log = LogDocument { origin, key, successions: self.shelf.log.successions()? };
        let removals = self.shelf.all_removals();
        for (path, bytes) in [
            (manifest::PATH.to_owned(), manifest.to_bytes()?),
            ("v1/log.json".to_owned(), json(&log)?),
            (Resource::Checkpoint.to_string(), self.snapshot.checkpoint.clone().into_bytes()),
            (Resource::Removals.to_string(), json(&*removals)?),
        ] {
            members.insert(path.parse()?, Member::Bytes(bytes));
        }
        Ok((members, count))
    }

    /// Adds what belongs to an entry. Says whether it is given out.
    async fn entry(
        &self,
        leaf: &[u8],
        members: &mut BTreeMap<TarPath, Member>,
    ) -> Result<bool, AirgapError> {
        let mut blob = |digest| {
            members.insert(path_of(&Resource::Blob(digest))?, Member::Blob(digest));
            Ok::<_, AirgapError>(())
        };
        let evidence = match Entry::parse(leaf).map_err(crate::log::LogError::from)? {
            Entry::Publish(publish) => {
                let (name, version) = (publish.name, publish.version);
                if !self.shelf.gives_out(&name, &version).await? {
                    return Ok(false);
                }
                publish.artifacts.iter().try_for_each(|artifact| blob(artifact.digest))?;
                let path = path_of(&Resource::Release(name.clone(), version.clone()))?;
                members.insert(path, Member::Release(name, version));
                return Ok(true);
            }
            Entry::Status(change) => change.evidence,
            Entry::Binding(change) => change.evidence,
            Entry::Rebuild(rebuild) => rebuild.evidence,
        };
        if self.shelf.store.find_blob(evidence).await?.is_none() {
            return Ok(false);
        }
        blob(evidence)?;
        Ok(true)
    }

    /// Adds the signed index of every package.
    async fn indexes(&self, members: &mut BTreeMap<TarPath, Member>) -> Result<(), AirgapError> {
        let most = u32::try_from(MAX_INDEXES).unwrap_or(u32::MAX);
        let mut after = None;
        loop {
            let names = self.shelf.store.packages_after(after.as_ref(), most).await?;
            let Some(last) = names.last().cloned() else { return Ok(()) };
            let signed = self.shelf.signed_indexes(&names).await?;
            if signed.checkpoint != self.snapshot.checkpoint {
                return Err(AirgapError::Moved);
            }
            for note in signed.indexes {
                let IndexNote { name, tree, .. } =
                    IndexNote::verify(&note, &self.trust).map_err(crate::log::LogError::from)?;
                if tree != self.snapshot.tree {
                    return Err(AirgapError::Moved);
                }
                let path = format!("v1/log/indexes/{name}").parse()?;
                members.insert(path, Member::Bytes(note.into_bytes()));
            }
            after = Some(last);
        }
    }

    /// Writes a member. Gives its digest.
    async fn add(
        &self,
        writer: &mut Writer<Hashing<NamedTempFile>>,
        path: &TarPath,
        member: &Member,
    ) -> Result<Digest, AirgapError> {
        let size = self.snapshot.tree.size;
        let bytes = match member {
            Member::Bytes(bytes) => bytes.clone(),
            Member::Unsigned(part) => self.unsigned.bytes(part).await?,
            Member::Entries(bundle) => {
                write_bundle(self.edge.bundle(self.files, *bundle)?).ok_or(AirgapError::Moved)?
            }
            Member::Checkpoints(bundle) => {
                let notes = self.shelf.log.checkpoints(*bundle)?;
                let notes = notes.into_iter().filter(|note| size_of(note) <= size);
                write_bundle(notes).ok_or(AirgapError::Moved)?
            }
            Member::Release(name, version) => {
                let release = self.shelf.find_release(name, version).await?;
                json(&self.shelf.release_document(release).await?.0)?
            }
            Member::Blob(digest) => {
                // Each chunk is hashed as it is read.
                let blob = self.shelf.find_blob(*digest).await?;
                let blob = self.shelf.blobs.open_blob(blob).await?;
                writer.add(path, blob.size_bytes(), &mut blob.into_read())?;
                return Ok(*digest);
            }
        };
        writer.add(path, bytes.len() as u64, &mut &bytes[..])?;
        Ok(Digest::of(&bytes))
    }
}

/// Where a resource is in an export.
fn path_of(resource: &Resource) -> Result<TarPath, AirgapError> {
    Ok(resource.to_string().parse()?)
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, AirgapError> {
    // Our own types have no map with keys that are no strings.
    serde_json::to_vec(value).map_err(|_| crate::error::ApiError::Panic.into())
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, digest, size_bytes, entries, since, withheld, unsigned } = self;
        writeln!(f, "{}: {size_bytes} bytes, {digest}", path.display())?;
        writeln!(f, "entries {since} to {entries}, of which {withheld} are not given out here")?;
        write!(
            f,
            "{unsigned} files that no log has signed: they are used where `import --digest` "
        )?;
        write!(f, "names this digest")
    }
}
