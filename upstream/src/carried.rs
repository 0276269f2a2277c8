//! What an artifact carries of where it comes from, read back and verified.
//!
//! Whoever imported a package says what they did; this is how somebody else finds out for
//! themselves, without the network: the original tarball or wheel is in the artifact, the
//! statements are about exactly that, and the files that run are exactly those in it.
//! What the other packages of the closure are stands in the lock beside it, and is the
//! importer's word, which they sign.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read, Seek};
use std::path::PathBuf;

use mcpkg_core::Digest;
use mcpkg_core::archive::{Archive, Limits};
use url::Url;

use crate::closure::Member;
use crate::document::{FOLDER, Origin};
use crate::error::{Result, UpstreamError};
use crate::fetch::MAX_FILE_BYTES;
use crate::import::{Trust, unpack, verify};
use crate::tree::Tree;
use crate::{Release, Statement};

/// The longest statement: what `mcpkg-verify` reads.
const MAX_STATEMENT_BYTES: u64 = 1 << 20;
/// The longest lock.
const MAX_ORIGIN_BYTES: u64 = 16 << 20;

/// What an artifact was made of, as far as it can be proved.
#[derive(Clone, Debug)]
pub struct Carried {
    /// What it says it was made of.
    pub origin: Origin,
    /// The statements about the release itself, verified.
    pub statements: Vec<Statement>,
}

/// The files of an artifact, packed or unpacked.
pub trait Files {
    /// The paths of all files, and whether each is executable.
    fn listing(&self) -> Result<BTreeMap<String, bool>>;
    /// What is at `path`, if it is there.
    fn read(&mut self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>>;
}

/// An unpacked artifact, of which every file is known to be the pinned one.
#[derive(Debug)]
pub struct Unpacked {
    /// Where it is.
    pub folder: PathBuf,
    /// The paths of its files, and whether each is executable.
    pub files: BTreeMap<String, bool>,
}

impl<R: Read + Seek> Files for Archive<R> {
    fn listing(&self) -> Result<BTreeMap<String, bool>> {
        let entries = self.entries().iter();
        Ok(entries.map(|it| (it.path().to_string(), it.is_executable())).collect())
    }

    fn read(&mut self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.read_file(path, max_bytes).map_err(|error| UpstreamError::Carried(error.to_string()))
    }
}

impl Files for Unpacked {
    fn listing(&self) -> Result<BTreeMap<String, bool>> {
        Ok(self.files.clone())
    }

    fn read(&mut self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        // Only what was listed: a path of the lock's own making leads nowhere else.
        if !self.files.contains_key(path) {
            return Ok(None);
        }
        let path = self.folder.join(path);
        let failed = |source| UpstreamError::File { path: path.clone(), source };
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
            Ok(metadata) if metadata.len() > max_bytes => {
                let url = path.display().to_string();
                Err(UpstreamError::TooLong { url, allowed: max_bytes })
            }
            Ok(_) => fs::read(&path).map(Some).map_err(failed),
        }
    }
}

/// Reads what an artifact was made of; `None` if it says nothing, as most do.
///
/// # Errors
///
/// [`UpstreamError::Carried`] if the files that run are not those of the original, and
/// [`UpstreamError::Digest`] if that is not the one in its lock; [`UpstreamError::Evidence`]
/// for a statement that does not hold.
pub fn read(files: &mut impl Files, trust: &Trust) -> Result<Option<Carried>> {
    let Some(text) = files.read(&Origin::path(), MAX_ORIGIN_BYTES)? else { return Ok(None) };
    let origin = Origin::read(&text).map_err(UpstreamError::Carried)?;
    let file = &origin.files[0];
    let missing = |path: &str| UpstreamError::Carried(format!("`{path}` is not in it"));
    if !origin.original.starts_with(FOLDER) {
        return Err(UpstreamError::Carried("its original is elsewhere".to_owned()));
    }
    let original = files.read(&origin.original, MAX_FILE_BYTES)?;
    let original = original.ok_or_else(|| missing(&origin.original))?;
    if !file.integrity.is_of(&original) {
        return Err(UpstreamError::Digest(origin.release.clone()));
    }
    let mut statements = Vec::new();
    for path in &origin.evidence {
        let bundle = files.read(path, MAX_STATEMENT_BYTES)?.ok_or_else(|| missing(path))?;
        let evidence = verify(&origin.release, &file.place, file.integrity, &bundle, trust)?;
        statements.push(Statement { bundle, evidence });
    }
    check_files(files, &origin, &original)?;
    Ok(Some(Carried { origin, statements }))
}

/// Checks that the files of the release in the artifact are those of its original.
fn check_files(files: &mut impl Files, origin: &Origin, original: &[u8]) -> Result<()> {
    let file = &origin.files[0];
    let member = Member {
        release: origin.release.clone(),
        place: file.place.clone(),
        integrity: file.integrity,
        url: nowhere(&origin.release)?,
        license: None,
        needs: Vec::new(),
        has_script: false,
        is_yanked: None,
        deprecated: None,
    };
    let mut tree = Tree::new(origin.release.clone())?;
    unpack(&member, original, &mut tree)?;
    let listing = files.listing()?;
    for (path, expected, is_executable) in tree.listing() {
        let is_same_mode = listing.get(path) == Some(&is_executable);
        let content = files.read(path, Limits::FILE_BYTES)?;
        if !is_same_mode || content.is_none_or(|content| Digest::of(&content) != expected) {
            let what = format!("`{path}` is not the one of its original");
            return Err(UpstreamError::Carried(what));
        }
    }
    // Nor may its own folder have more: Node would prefer a file that was slipped in. Below
    // its own `node_modules` are others' files.
    let (folder, nested) = (format!("{}/", file.place), format!("{}/node_modules/", file.place));
    let known: BTreeSet<_> = tree.paths().collect();
    let is_own = |path: &&String| path.starts_with(&folder) && !path.starts_with(&nested);
    match listing.keys().filter(is_own).find(|path| !known.contains(path.as_str())) {
        Some(path) => Err(UpstreamError::Carried(format!("`{path}` is not in its original"))),
        None => Ok(()),
    }
}

/// An address for a file that is at hand.
fn nowhere(release: &Release) -> Result<Url> {
    Url::parse("file:///").map_err(|_| UpstreamError::Unpinned(release.clone()))
}
