//! Taking in what is known against releases: advisories, and what publishers say of them.
//!
//! Nothing is fetched: an operator imports a dump that came from somewhere, be it on a
//! disk. A dump that cannot be read to its end changes nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::advisory::{Advisory, AdvisoryError, MAX_BYTES};
use mcpkg_core::archive::{Archive, ArchiveError, Limits};
use mcpkg_core::json::{self, JsonError};
use mcpkg_core::publisher::{Publisher, PublisherError};
use mcpkg_core::vex::{Document, VexError};
use mcpkg_core::{Code, Coded, PackageName, Version};
use mcpkg_verify::{VerifyError, claimed_vex, verify_vex};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::assess::database_of;
use crate::blobs::blocking;
use crate::config::Config;
use crate::durable;
use crate::mirror::SourceName;
use crate::store::{ADVISORIES, AdvisoryWriter, Store, StoreError};
use crate::trust::Trust;

/// The ecosystems whose packages a release can be or carry, as OSV calls them. What a
/// dump says of others is read, and not kept.
const ECOSYSTEMS: [&str; 3] = ["mcpkg", "npm", "pypi"];

/// How many advisories may wait to be written.
const WAITING: usize = 64;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read, or not be put in its place.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`.
        action: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The archive of a dump cannot be used.
    #[error("`{}` is no archive that can be used", path.display())]
    Archive {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// A list of advisories is no JSON.
    #[error("`{label}` is not strict JSON")]
    Json {
        /// Where it stands.
        label: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// An advisory is none.
    #[error("the advisory in `{label}` cannot be used")]
    Advisory {
        /// Where it stands.
        label: String,
        /// What is wrong with it.
        source: AdvisoryError,
    },
    /// There is no advisory at all: a dump that was cut off would be one without any.
    #[error("there is no advisory in `{}`", .0.display())]
    Empty(PathBuf),
    /// A VEX document is none.
    #[error("`{}` cannot be used", path.display())]
    Vex {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: VexError,
    },
    /// A signed VEX document cannot be believed.
    #[error("what `{}` says cannot be believed", path.display())]
    Verify {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: VerifyError,
    },
    /// Whoever signed it is nobody who publishes.
    #[error("who signed `{}` is no publisher", path.display())]
    Signer {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: PublisherError,
    },
    /// It was signed by somebody else than the name is bound to.
    #[error("`{name}` is bound to {bound}, and {signer} signed it")]
    Stranger {
        /// The package.
        name: PackageName,
        /// Whom the name is bound to.
        bound: Box<Publisher>,
        /// Who signed.
        signer: Box<Publisher>,
    },
    /// It is about no release that is here.
    #[error("`{}` is about no release that is here", .0.display())]
    Nothing(PathBuf),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StorageFailure),
}

/// A failure of the database, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageFailure(StoreError);

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Store(StorageFailure(error))
    }
}

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// How many advisories are kept.
    pub advisories: u64,
    /// How many were withdrawn, and are not kept.
    pub withdrawn: u64,
    /// How many are about nothing that a release can be or carry, and are not kept.
    pub elsewhere: u64,
}

/// What somebody was believed to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The package.
    pub name: PackageName,
    /// Of which release; of all, if none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Who says it.
    pub by: String,
    /// How many statements there are.
    pub statements: usize,
}

/// Replaces the advisories of the registry of `config` by those of the dump at `path`: a
/// file, a folder, or an archive of them. A running registry uses them in a moment.
///
/// # Errors
///
/// Those before stay.
pub async fn import_advisories(config: &Config, path: &Path) -> Result<Imported, ImportError> {
    let data = config.data.clone();
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::File { action, path, source }
    };
    fs::create_dir_all(&data).map_err(failed("make", &data))?;
    let staging = tempfile::Builder::new()
        .prefix("advisories-")
        .tempdir_in(&data)
        .map_err(failed("write", &data))?;
    let new = staging.path().join(ADVISORIES);
    let wait = config.limits.database();
    let mut writer = AdvisoryWriter::create(&new, wait).await?;

    let (send, mut receive) = mpsc::channel::<Value>(WAITING);
    let (dump, label) = (path.to_owned(), path.display().to_string());
    let reading = std::thread::spawn(move || {
        read_dump(&dump, &mut |value| {
            // Nobody waits for it if the writer has failed, which says so itself.
            let _ = send.blocking_send(value);
        })
    });
    let mut imported = Imported::default();
    while let Some(value) = receive.recv().await {
        let advisory = Advisory::from_value(&value)
            .map_err(|source| ImportError::Advisory { label: label.clone(), source })?;
        let Some(advisory) = advisory else {
            imported.withdrawn += 1;
            continue;
        };
        if advisory.keys().iter().any(|(ecosystem, _)| ECOSYSTEMS.contains(&ecosystem.as_str())) {
            writer.add(&advisory, &value).await?;
            imported.advisories += 1;
        } else {
            imported.elsewhere += 1;
        }
    }
    if let Ok(result) = reading.join() {
        result?;
    }
    if imported == Imported::default() {
        return Err(ImportError::Empty(path.to_owned()));
    }
    let (written, _) = writer.finish(second(Timestamp::now())).await?;
    let place = data.join(ADVISORIES);
    File::open(&written).and_then(|file| file.sync_all()).map_err(failed("sync", &written))?;
    fs::rename(&written, &place).map_err(failed("write", &place))?;
    durable::sync_folder(&data).map_err(failed("sync", &data))?;
    Ok(imported)
}

/// Gives every advisory of a dump to `keep`, as JSON that is strict.
fn read_dump(path: &Path, keep: &mut impl FnMut(Value)) -> Result<(), ImportError> {
    let failed = |source| ImportError::File { action: "read", path: path.to_owned(), source };
    let is_json = |path: &Path| path.extension().is_some_and(|it| it == "json");
    let label = path.display().to_string();
    if path.is_dir() {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.sort();
        for file in files.iter().filter(|file| is_json(file)) {
            read_text(&read_bounded(file)?, &file.display().to_string(), keep)?;
        }
    } else if path.extension().is_some_and(|it| it == "zip") {
        let unusable = |source| ImportError::Archive { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mut archive = Archive::read(file, &Limits::default()).map_err(unusable)?;
        let names: Vec<String> =
            archive.entries().iter().map(|entry| entry.path().as_str().to_owned()).collect();
        for name in names.iter().filter(|name| is_json(Path::new(name))) {
            let bytes = archive.read_file(name, MAX_BYTES as u64).map_err(unusable)?;
            read_text(&bytes.unwrap_or_default(), &format!("{label}: {name}"), keep)?;
        }
    } else {
        read_text(&read_bounded(path)?, &label, keep)?;
    }
    Ok(())
}

/// One advisory, or a list of them.
fn read_text(bytes: &[u8], label: &str, keep: &mut impl FnMut(Value)) -> Result<(), ImportError> {
    let malformed = |source| ImportError::Json { label: label.to_owned(), source };
    match json::parse(bytes, MAX_BYTES).map_err(malformed)? {
        Value::Array(list) => list.into_iter().for_each(keep),
        one => keep(one),
    }
    Ok(())
}

/// Reads a file, and of a longer one than an advisory may be just enough to refuse it.
fn read_bounded(path: &Path) -> Result<Vec<u8>, ImportError> {
    let failed = |source| ImportError::File { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Takes what the operator says of advisories of the package `name`, in an `OpenVEX`
/// document. Whoever can write the data folder is the operator. `source` is where the
/// package comes from, unless it is the registry's own.
///
/// # Errors
///
/// Nothing was taken.
pub async fn import_vex(
    config: &Config,
    source: Option<&SourceName>,
    name: &PackageName,
    path: &Path,
) -> Result<Said, ImportError> {
    let bytes = read_bounded(path)?;
    let unusable = |source| ImportError::Vex { path: path.to_owned(), source };
    let document = Document::parse(&bytes).map_err(unusable)?;
    let store = open(config, source, path).await?;
    if store.package_index(name).await?.is_none() {
        return Err(ImportError::Nothing(path.to_owned()));
    }
    store.add_vex(name, None, &bytes, None, second(Timestamp::now())).await?;
    store.close().await;
    let by = "the operator".to_owned();
    Ok(Said { name: name.clone(), version: None, by, statements: document.statements.len() })
}

/// Takes what a publisher says of advisories, in an `OpenVEX` document that they signed
/// over an artifact or the `server.json` of the release. Only the publisher that the name
/// is bound to is believed.
///
/// # Errors
///
/// Nothing was taken.
pub async fn import_signed_vex(
    mut config: Config,
    source: Option<&SourceName>,
    path: &Path,
) -> Result<Said, ImportError> {
    let bundle = read_bounded(path)?;
    let unbelieved = |source| ImportError::Verify { path: path.to_owned(), source };
    let claimed = claimed_vex(&bundle).map_err(unbelieved)?;
    let store = open(&config, source, path).await?;
    let mut subject = None;
    for &digest in &claimed.subjects {
        let releases = store.releases_with(digest).await?;
        if let [(name, version)] = &releases[..] {
            subject = Some((digest, name.clone(), version.clone()));
            break;
        }
    }
    let (digest, name, version) = subject.ok_or_else(|| ImportError::Nothing(path.to_owned()))?;
    let trust = std::mem::take(&mut config.trust);
    let unusable = |source: crate::config::ConfigError| ImportError::File {
        action: "use what is trusted for",
        path: path.to_owned(),
        source: std::io::Error::other(source),
    };
    let trust = Trust::open(trust, &config.data).map_err(unusable)?;
    let (signer, canonical, statements) = {
        let name = name.clone();
        let verified: Result<_, VerifyError> = blocking(move || {
            let roots = trust.for_name(&name)?;
            verify_vex(&bundle, digest, &roots)
        })
        .await;
        let (evidence, claimed) = verified.map_err(unbelieved)?;
        (evidence.signer, claimed.canonical, claimed.document.statements.len())
    };
    let by = Publisher::of(&signer)
        .map_err(|source| ImportError::Signer { path: path.to_owned(), source })?;
    let bound = store.bound_publisher(&name, Timestamp::now()).await?;
    let bound = bound.ok_or_else(|| ImportError::Nothing(path.to_owned()))?;
    if bound.difference(&by).is_some() {
        let (bound, signer) = (Box::new(bound), Box::new(by));
        return Err(ImportError::Stranger { name, bound, signer });
    }
    let now = second(Timestamp::now());
    store.add_vex(&name, Some(&version), &canonical, Some(&by), now).await?;
    store.close().await;
    Ok(Said { name, version: Some(version), by: by.to_string(), statements })
}

/// The database of the registry itself, or of a source of it.
async fn open(
    config: &Config,
    source: Option<&SourceName>,
    path: &Path,
) -> Result<Store, ImportError> {
    let database = database_of(config, source);
    if !database.exists() {
        return Err(ImportError::Nothing(path.to_owned()));
    }
    let wait = config.limits.database();
    Ok(match source {
        None => Store::open(&database, wait).await?,
        Some(_) => Store::open_source(&database, wait).await?,
    })
}

/// A time to the whole second, as it is kept.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { advisories, withdrawn, elsewhere } = self;
        write!(f, "{advisories} advisories are used now")?;
        write!(f, "; {withdrawn} were withdrawn, {elsewhere} are about something else")
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} said {} things of {}", self.by, self.statements, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl Coded for ImportError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::Storage,
            Self::Archive { source, .. } => source.code(),
            Self::Json { .. } | Self::Empty(_) => Code::Request,
            Self::Advisory { source, .. } => source.code(),
            Self::Vex { source, .. } => source.code(),
            Self::Verify { source, .. } => source.code(),
            Self::Signer { .. } | Self::Stranger { .. } => Code::Publisher,
            Self::Nothing(_) => Code::NotFound,
            Self::Store(StorageFailure(error)) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive { .. } => {
                Some("unpack it and name the folder: an archive has at most 65,534 advisories here")
            }
            Self::Advisory { source, .. } => source.hint(),
            Self::Vex { source, .. } => source.hint(),
            Self::Verify { source, .. } => source.hint(),
            Self::Stranger { .. } => Some(
                "only the publisher of a package is believed; an operator may say it: `--name`",
            ),
            Self::Store(StorageFailure(error)) => error.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_a_file_a_folder_or_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let one = |id: &str| format!("{{\"id\":\"{id}\"}}");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.json"), one("A")).unwrap();
        fs::write(path("b.json"), format!("[{},{}]", one("B"), one("C"))).unwrap();
        fs::write(path("readme.txt"), "not one").unwrap();
        let ids = |path: &Path| {
            let mut ids = Vec::new();
            read_dump(path, &mut |value| ids.push(value["id"].as_str().unwrap().to_owned()))
                .unwrap();
            ids
        };
        assert_eq!(ids(folder.path()), ["A", "B", "C"]);
        assert_eq!(ids(&path("a.json")), ["A"]);
        fs::write(path("c.json"), "{").unwrap();
        assert!(read_dump(folder.path(), &mut drop).is_err());
    }
}
