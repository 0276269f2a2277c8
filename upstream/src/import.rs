//! The steps from a reference to an artifact.

mod evidence;
mod yanked;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use mcpkg_core::manifest::{self, Manifest};
use mcpkg_core::{Digest, Platform, TreeDigest, Version};
use mcpkg_verify::{RegistryKey, TrustRoot, UpstreamEvidence};
use sha2::Digest as _;
use url::Url;

pub use self::evidence::in_words;
pub(crate) use self::evidence::verify;
use crate::closure::{Closure, Member};
use crate::document::{FOLDER, Origin, evidence_path};
use crate::error::{Result, UpstreamError};
use crate::fetch::Client;
use crate::tools::Tools;
use crate::tree::Tree;
use crate::{Ecosystem, Listing, Package, Reference, Release, npm, pinned, pypi, sbom};

/// Where packages of other ecosystems are found.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The npm registry.
    pub npm: Url,
    /// The index of Python's packages, PEP 503 and 691.
    pub pypi: Url,
    /// Where else that index may keep its files.
    pub pypi_files: Vec<Url>,
}

impl Sources {
    /// These, with npm's own registry and `PyPI` for what is not said. The files of another
    /// index than `PyPI` are at `PyPI` only if somebody says so.
    pub fn or_public(npm: Option<Url>, pypi: Option<Url>, mut pypi_files: Vec<Url>) -> Self {
        let public = |text| Url::parse(text).expect("it is an address");
        if pypi_files.is_empty() && pypi.is_none() {
            pypi_files.push(public("https://files.pythonhosted.org/"));
        }
        Self {
            npm: npm.unwrap_or_else(|| public("https://registry.npmjs.org/")),
            pypi: pypi.unwrap_or_else(|| public("https://pypi.org/simple/")),
            pypi_files,
        }
    }
}

/// Whose word on a package counts.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The Sigstore instances that the ecosystems use.
    pub roots: Vec<TrustRoot>,
    /// The keys of their registries.
    pub keys: Vec<RegistryKey>,
}

/// A statement about a release, verified.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The Sigstore bundle.
    pub bundle: Vec<u8>,
    /// What it proves.
    pub evidence: UpstreamEvidence,
}

/// An artifact that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its manifest.
    pub manifest: Manifest,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The digest of its files.
    pub tree: TreeDigest,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// What it runs on.
    pub platform: Platform,
}

/// Makes artifacts of what other ecosystems have.
#[derive(Debug)]
pub struct Importer {
    client: Client,
    sources: Sources,
    tools: Tools,
    trust: Trust,
}

impl Importer {
    /// An importer.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Client`].
    pub fn new(sources: Sources, tools: Tools, trust: Trust) -> Result<Self> {
        Ok(Self { client: Client::new()?, sources, tools, trust })
    }

    /// The address of the registry that packages of this ecosystem come from.
    pub fn registry(&self, ecosystem: Ecosystem) -> &Url {
        match ecosystem {
            Ecosystem::Npm => &self.sources.npm,
            Ecosystem::PyPi => &self.sources.pypi,
        }
    }

    /// Has the ecosystem's own tool choose what `reference` needs on `platform`. Nothing
    /// of it is here yet. What was yanked is in it only if it is one of `accepted`.
    ///
    /// # Errors
    ///
    /// Those of the tool, and of what it wrote; [`UpstreamError::Yanked`] and
    /// [`UpstreamError::AllYanked`].
    pub fn resolve(
        &self,
        reference: &Reference,
        platform: Platform,
        accepted: &BTreeSet<Release>,
    ) -> Result<Closure> {
        let chosen = self.chosen(reference, platform);
        let closure = chosen.map_err(|error| self.nothing_chosen(reference, error))?;
        self.without_yanked(closure, accepted)
    }

    fn chosen(&self, reference: &Reference, platform: Platform) -> Result<Closure> {
        let (sources, tools) = (&self.sources, &self.tools);
        match reference.package.ecosystem() {
            Ecosystem::Npm => npm::resolve(reference, &sources.npm, platform, tools, &self.client),
            Ecosystem::PyPi => pypi::resolve(
                reference,
                &sources.pypi,
                &sources.pypi_files,
                platform,
                tools,
                &self.client,
            ),
        }
    }

    /// Asks which releases there are of a package.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Unknown`], and those of fetching.
    pub fn listing(&self, package: &Package) -> Result<Listing> {
        match package.ecosystem() {
            Ecosystem::Npm => npm::listing::fetch(package, &self.sources.npm, &self.client),
            Ecosystem::PyPi => pypi::listing::fetch(package, &self.sources.pypi, &self.client),
        }
    }

    /// The closure of `release` that a lock pins, see [`pinned`]. Nobody is asked.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Pinned`].
    pub fn pinned(
        &self,
        release: &Release,
        lines: &str,
        (platform, runtime): (Platform, Option<&str>),
    ) -> Result<Closure> {
        let sources = &self.sources;
        let (registry, others) = match release.package().ecosystem() {
            Ecosystem::Npm => (&sources.npm, &[][..]),
            Ecosystem::PyPi => (&sources.pypi, &sources.pypi_files[..]),
        };
        let is_asked = |url: &Url| {
            std::iter::once(registry).chain(others).any(|host| host.origin() == url.origin())
        };
        pinned::read(lines, release, (platform, runtime), is_asked)
    }

    /// Fetches every file of `closure`, holds each to its digest before a byte of it is
    /// unpacked, and packs the artifact into the file at `path`.
    ///
    /// The same closure and statements give the same bytes on every machine. `progress` is
    /// told the length of each file that came.
    ///
    /// # Errors
    ///
    /// Those of fetching, [`UpstreamError::Digest`], and those of hostile archives.
    pub fn make(
        &self,
        closure: &Closure,
        statements: &[Statement],
        path: &Path,
        mut progress: impl FnMut(u64),
    ) -> Result<Made> {
        let root = closure.root();
        let version = version(&root.release)?;
        let mut tree = Tree::new(root.release.clone())?;
        let mut original = Vec::new();
        for member in &closure.members {
            let bytes = self.client.file(&member.url)?;
            progress(bytes.len() as u64);
            if !member.integrity.is_of(&bytes) {
                return Err(UpstreamError::Digest(member.release.clone()));
            }
            unpack(member, &bytes, &mut tree)?;
            if std::ptr::eq(member, root) {
                original = bytes;
            }
        }
        let server = match root.release.package().ecosystem() {
            Ecosystem::Npm => npm::layout::server(closure, &tree)?,
            Ecosystem::PyPi => pypi::wheel::server(closure, &mut tree)?,
        };
        let short = root.release.package().short();
        let (manifest, text) = server.manifest(short, &version, closure, &tree)?;
        tree.add_own(manifest::FILE_NAME, &text)?;
        let original_path = match root.release.package().ecosystem() {
            Ecosystem::Npm => format!("{FOLDER}/original.tgz"),
            Ecosystem::PyPi => format!("{FOLDER}/{}", root.place),
        };
        tree.add_own(&original_path, &original)?;
        for (index, statement) in statements.iter().enumerate() {
            tree.add_own(&evidence_path(index), &statement.bundle)?;
        }
        let origin = Origin::of(closure, original_path, statements.len());
        tree.add_own(&Origin::path(), &pretty(&origin))?;
        tree.add_own(&Origin::sbom_path(), &pretty(&sbom::cyclonedx(closure)))?;
        let (digest_tree, size_bytes) = tree.pack(path)?;
        let digest = digest_of(path)?;
        let platform = closure.platform;
        Ok(Made { manifest, digest, tree: digest_tree, size_bytes, platform })
    }
}

/// Adds the files of a tarball or wheel.
pub(crate) fn unpack(member: &Member, bytes: &[u8], tree: &mut Tree) -> Result<()> {
    match member.release.package().ecosystem() {
        Ecosystem::Npm => npm::layout::unpack(member, bytes, tree),
        Ecosystem::PyPi => pypi::wheel::unpack(member, bytes, tree),
    }
}

/// The version that a release has here.
///
/// # Errors
///
/// [`UpstreamError::Version`] if semantic versioning has no place for it.
pub fn version(release: &Release) -> Result<Version> {
    let version = match release.package().ecosystem() {
        Ecosystem::Npm => release.version().parse(),
        Ecosystem::PyPi => pypi::version::to_semantic(release.version()),
    };
    version.map_err(|source| UpstreamError::Version { release: release.clone(), source })
}

/// A document of ours, as people can read it too. Its fields have an order of their own.
fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn digest_of(path: &Path) -> Result<Digest> {
    let failed = |source| UpstreamError::File { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}
