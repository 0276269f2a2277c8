//! Importing a package of another ecosystem: an artifact of it, and what there is to sign.
//!
//! Nothing is published here. The server holds no key that publishes, and whoever runs it
//! need not be somebody who may; so what is made is left in a folder, as `mcpkg pack`
//! leaves it, and `mcpkg publish` signs and uploads it like any other release.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::policy::Refusal;
use mcpkg_core::provenance::{ImportRecord, ImportedFile, SERVER_JSON, artifact_file_name};
use mcpkg_core::server_json::{SCHEMA, ServerJson, ServerJsonError};
use mcpkg_core::{Code, Coded, Digest, PackageName, Platform, TreeDigest, Version};
use mcpkg_upstream::{
    Ecosystem, Importer, Judgement, Lack, Reference, Release, Terms, Tools, UpstreamError,
    in_words, judge,
};
use serde::Serialize;
use serde_json::json;

use crate::config::{ImportConfig, ImportConfigError};

/// The longest description in a `server.json`, in characters.
const MAX_DESCRIPTION: usize = 100;

/// What came of an import.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageImported {
    /// What it is called here.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What it is upstream.
    pub upstream: Release,
    /// Who attests it, as [`mcpkg_core::publisher::Publisher::reference`] writes it; nobody
    /// if the operator took it without.
    pub attested_by: Option<String>,
    /// What is attested of it, in words: all of it was verified, and is in the artifact.
    pub attested: Vec<String>,
    /// The digest of the artifact.
    pub artifact: Digest,
    /// The digest of the files in it.
    pub tree: TreeDigest,
    /// How many other packages it brings.
    pub others: usize,
    /// Where all of it is.
    pub folder: PathBuf,
}

/// Why a package is not imported.
#[derive(Debug, thiserror::Error)]
pub enum PackageImportError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ImportConfigError),
    /// It does not become an artifact.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Nobody attests it.
    #[error("{release} cannot be trusted: {lack}")]
    Unattested {
        /// Which.
        release: Release,
        /// What is missing.
        lack: Lack,
    },
    /// What is attested of it is not enough.
    #[error("{release} is refused: {}", .refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused {
        /// Which.
        release: Release,
        /// Every rule that does not hold.
        refusals: Vec<Refusal>,
    },
    /// This machine is of no platform that artifacts are made for.
    #[error("this machine is of no platform that artifacts are made for")]
    Platform,
    /// Its `server.json` would break the rules.
    #[error("the server.json of `{0}` cannot be written")]
    Metadata(Release, #[source] ServerJsonError),
    /// A file cannot be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Imports the package that `reference` names into the folder `out`.
///
/// # Errors
///
/// [`PackageImportError`]. Whatever is left in `out` by then is no release: its `server.json` is
/// written last.
pub fn import_package(
    reference: &Reference,
    config: &ImportConfig,
    accept_unattested: &BTreeSet<Release>,
    out: &Path,
    now: Timestamp,
) -> Result<PackageImported, PackageImportError> {
    let importer = Importer::new(config.sources(), Tools::from_environment(), config.trust()?)?;
    let ecosystem = reference.package.ecosystem();
    let namespace = match ecosystem {
        Ecosystem::Npm => &config.npm_namespace,
        Ecosystem::PyPi => &config.pypi_namespace,
    };
    let namespace = namespace.as_deref().unwrap_or(ecosystem.namespace());
    let package = &reference.package;
    let name = package
        .name_below(namespace)
        .map_err(|source| UpstreamError::Name { package: package.clone(), source })?;
    let platform = Platform::current().ok_or(PackageImportError::Platform)?;
    // A registry takes in nothing that was taken back.
    let closure = importer.resolve(reference, platform, &BTreeSet::new())?;
    let release = closure.root().release.clone();
    let version = mcpkg_upstream::version(&release)?;
    let statements = importer.evidence(&closure)?;
    let evidence: Vec<_> = statements.iter().map(|it| it.evidence.clone()).collect();
    // How old it has to be is for those who install it, by the log's time.
    let attested_by = match judge(&release, &evidence, &Terms::default(), now) {
        Judgement::Attested { publisher, .. } => Some(publisher.reference()),
        Judgement::Unattested(_) if accept_unattested.contains(&release) => None,
        Judgement::Unattested(lack) => {
            return Err(PackageImportError::Unattested { release, lack });
        }
        Judgement::Refused(refusals) => {
            return Err(PackageImportError::Refused { release, refusals });
        }
    };

    let written = |path: &Path| {
        let path = path.to_owned();
        move |source| PackageImportError::Write { path, source }
    };
    fs::create_dir_all(out).map_err(written(out))?;
    let path = out.join(artifact_file_name(&name, &version, closure.platform));
    let made = importer.make(&closure, &statements, &path, |_| ())?;
    let record = ImportRecord {
        artifact: made.digest,
        upstream: release.to_string(),
        registry: importer.registry(ecosystem).to_string(),
        evidence: evidence.iter().map(|it| it.evidence.bundle).collect(),
        files: closure
            .members
            .iter()
            .map(|member| {
                let (algorithm, digest) = member.integrity.algorithm_and_hex();
                let algorithm = algorithm.replace('-', "").to_ascii_lowercase();
                ImportedFile { uri: member.release.purl(), algorithm, digest }
            })
            .collect(),
    };
    let path = out.join(ImportRecord::FILE);
    let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
    fs::write(&path, text).map_err(written(&path))?;
    let description: String = made.manifest.description().chars().take(MAX_DESCRIPTION).collect();
    let server = server_json(&name, &version, &description, config)
        .map_err(|error| PackageImportError::Metadata(release.clone(), error))?;
    let path = out.join(SERVER_JSON);
    fs::write(&path, server.canonical()).map_err(written(&path))?;
    Ok(PackageImported {
        name,
        version,
        upstream: release,
        attested_by,
        attested: evidence.iter().map(in_words).collect(),
        artifact: made.digest,
        tree: made.tree,
        others: closure.members.len() - 1,
        folder: out.to_owned(),
    })
}

fn server_json(
    name: &PackageName,
    version: &Version,
    description: &str,
    config: &ImportConfig,
) -> Result<ServerJson, ServerJsonError> {
    let mut document = json!({
        "$schema": SCHEMA,
        "name": name,
        "version": version,
        "description": description,
    });
    if let (false, Some(fields)) = (config.permissions.is_empty(), document.as_object_mut()) {
        let publisher = "io.modelcontextprotocol.registry/publisher-provided";
        let ours = json!({ "mcpkg": { "permissions": config.permissions } });
        fields.insert("_meta".to_owned(), json!({ publisher: ours }));
    }
    ServerJson::read_strict(document.to_string().as_bytes())
}

impl fmt::Display for PackageImported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.attested_by.as_deref().unwrap_or("nobody, as you accepted");
        writeln!(f, "{}@{} made of {}", self.name, self.version, self.upstream)?;
        writeln!(f, "attested by {by}")?;
        for statement in &self.attested {
            writeln!(f, "evidence    {statement}")?;
        }
        writeln!(f, "artifact    {} with {} other packages", self.artifact, self.others)?;
        write!(f, "to publish  mcpkg publish {}", self.folder.display())
    }
}

impl Coded for PackageImportError {
    fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Upstream(error) => error.code(),
            Self::Unattested { .. } => Code::Provenance,
            Self::Refused { refusals, .. } => {
                refusals.first().map_or(Code::Provenance, Coded::code)
            }
            Self::Platform => Code::Platform,
            Self::Metadata(_, error) => error.code(),
            Self::Write { .. } => Code::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Upstream(error) => error.hint(),
            Self::Unattested { .. } => Some(
                "ask its author to publish from CI; if you have read it and trust it, name this \
                 one release with `--accept-unattested`",
            ),
            Self::Refused { refusals, .. } => refusals.first().and_then(Coded::hint),
            Self::Metadata(_, error) => error.hint(),
            Self::Platform | Self::Write { .. } => None,
        }
    }
}
