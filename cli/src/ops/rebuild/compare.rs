//! Two trees, file by file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cause::{self, Cause};
use crate::error::{Error, Result};
use crate::store::is_executable;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The longest file that is looked at as a whole for a cause; of a longer one it
/// is what surrounds the first difference.
const WHOLE_BYTES: u64 = 4 << 20;

/// How much is shown before and after the first difference, in bytes.
const BEFORE_BYTES: usize = 32;
const AFTER_BYTES: usize = 48;

/// In what a file of a rebuild is not that of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Difference {
    /// It is in the release alone.
    OnlyInRelease {
        /// The file.
        path: String,
    },
    /// It is in the rebuild alone.
    OnlyInRebuild {
        /// The file.
        path: String,
    },
    /// It is executable in one of them.
    Mode {
        /// The file.
        path: String,
        /// Whether it is in the release.
        is_executable_in_release: bool,
    },
    /// It has other bytes.
    Content {
        /// The file.
        path: String,
        /// Where the first of them is, from zero.
        offset: u64,
        /// What surrounds it in the release, with escapes as in a Rust string.
        release: String,
        /// What surrounds it in the rebuild.
        rebuild: String,
        /// What may have made them differ, the likeliest first.
        causes: Vec<Cause>,
    },
}

impl Difference {
    /// The file.
    pub fn path(&self) -> &str {
        match self {
            Self::OnlyInRelease { path }
            | Self::OnlyInRebuild { path }
            | Self::Mode { path, .. }
            | Self::Content { path, .. } => path,
        }
    }
}

/// Every difference between the files below `release` and those below `rebuild`,
/// by path. Both hold regular files and folders only.
pub fn compare(release: &Path, rebuild: &Path) -> Result<Vec<Difference>> {
    let mut theirs = BTreeMap::new();
    list(release, "", &mut theirs)?;
    let mut ours = BTreeMap::new();
    list(rebuild, "", &mut ours)?;
    let mut differences = Vec::new();
    for (path, is_executable_in_release) in &theirs {
        let path = path.clone();
        match ours.get(&path) {
            None => differences.push(Difference::OnlyInRelease { path }),
            Some(is_executable) => {
                let content = content(&path, &release.join(&path), &rebuild.join(&path))?;
                differences.extend(content);
                if is_executable != is_executable_in_release {
                    let is_executable_in_release = *is_executable_in_release;
                    differences.push(Difference::Mode { path, is_executable_in_release });
                }
            }
        }
    }
    let new = ours.into_keys().filter(|path| !theirs.contains_key(path));
    differences.extend(new.map(|path| Difference::OnlyInRebuild { path }));
    differences.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(differences)
}

fn list(folder: &Path, prefix: &str, files: &mut BTreeMap<String, bool>) -> Result<()> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_dir() {
            list(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, is_executable(&metadata));
        }
    }
    Ok(())
}

fn content(path: &str, release: &Path, rebuild: &Path) -> Result<Option<Difference>> {
    let (theirs, ours) = (Side::of(release), Side::of(rebuild));
    let Some(offset) = first_difference(&theirs, &ours)? else { return Ok(None) };
    let (release, rebuild) = (theirs.around(offset)?, ours.around(offset)?);
    let causes = cause::causes(path, offset, &release, &rebuild);
    Ok(Some(Difference::Content {
        path: path.to_owned(),
        offset,
        release: release.excerpt(),
        rebuild: rebuild.excerpt(),
        causes,
    }))
}

/// Where two files begin to differ; the end of the shorter one, if it is a start
/// of the other.
fn first_difference(a: &Side, b: &Side) -> Result<Option<u64>> {
    let (mut left, mut right) = (a.open()?, b.open()?);
    let (mut one, mut two) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    let mut offset = 0;
    loop {
        let length = a.fill(&mut left, &mut one)?;
        let other = b.fill(&mut right, &mut two)?;
        let pairs = one[..length].iter().zip(&two[..other]);
        let same = pairs.take_while(|(a, b)| a == b).count();
        if same < length.max(other) {
            return Ok(Some(offset + same as u64));
        }
        if length == 0 {
            return Ok(None);
        }
        offset += length as u64;
    }
}

/// One of two files.
struct Side {
    path: PathBuf,
}

impl Side {
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn failed(&self) -> impl Fn(io::Error) -> Error {
        |source| Error::Read { path: self.path.clone(), source }
    }

    fn open(&self) -> Result<File> {
        File::open(&self.path).map_err(self.failed())
    }

    /// Reads until `buffer` is full or the file is at its end.
    fn fill(&self, file: &mut File, buffer: &mut [u8]) -> Result<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match file.read(&mut buffer[length..]).map_err(self.failed())? {
                0 => break,
                count => length += count,
            }
        }
        Ok(length)
    }

    /// The bytes around `offset`; all of them, if the file is short.
    fn around(&self, offset: u64) -> Result<Window> {
        use std::io::Seek as _;
        let mut file = self.open()?;
        let is_short = file.metadata().map_err(self.failed())?.len() <= WHOLE_BYTES;
        let start = if is_short { 0 } else { offset.saturating_sub(CHUNK_BYTES as u64) };
        file.seek(io::SeekFrom::Start(start)).map_err(self.failed())?;
        let limit = if is_short { WHOLE_BYTES } else { 2 * CHUNK_BYTES as u64 };
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(self.failed())?;
        // Both are within what was just read.
        let at = usize::try_from(offset - start).unwrap_or(usize::MAX).min(bytes.len());
        Ok(Window { bytes, at, is_whole: is_short })
    }
}

/// Some bytes of a file, and where in them it begins to differ.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) bytes: Vec<u8>,
    pub(super) at: usize,
    /// Whether that is all of the file.
    pub(super) is_whole: bool,
}

impl Window {
    fn excerpt(&self) -> String {
        let start = self.at.saturating_sub(BEFORE_BYTES);
        let end = self.bytes.len().min(self.at + AFTER_BYTES);
        self.bytes[start..end].escape_ascii().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    type Files = &'static [(&'static str, &'static str, bool)];

    fn tree(files: Files) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content, is_executable) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            #[cfg(unix)]
            if *is_executable {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        root
    }

    #[test]
    fn each_kind_of_difference_is_told_apart() {
        let release: Files = &[("a/one", "same", false), ("two", "0123456789", true)];
        for (what, rebuild, expected) in [
            ("nothing", release, vec![]),
            (
                "a file less",
                &[("two", "0123456789", true)],
                vec![Difference::OnlyInRelease { path: "a/one".to_owned() }],
            ),
            (
                "a file more",
                &[("a/one", "same", false), ("a/three", "", false), ("two", "0123456789", true)],
                vec![Difference::OnlyInRebuild { path: "a/three".to_owned() }],
            ),
            (
                "not executable",
                &[("a/one", "same", false), ("two", "0123456789", false)],
                vec![Difference::Mode { path: "two".to_owned(), is_executable_in_release: true }],
            ),
            (
                "another byte",
                &[("a/one", "same", false), ("two", "01234x6789", true)],
                vec![content("two", 5, "0123456789", "01234x6789")],
            ),
            (
                "a byte less",
                &[("a/one", "same", false), ("two", "012345678", true)],
                vec![content("two", 9, "0123456789", "012345678")],
            ),
            (
                "a byte more",
                &[("a/one", "same\n", false), ("two", "0123456789", true)],
                vec![content("a/one", 4, "same", "same\\n")],
            ),
        ] as [(_, Files, _); 7]
        {
            let (release, rebuild) = (tree(release), tree(rebuild));
            assert_eq!(compare(release.path(), rebuild.path()).unwrap(), expected, "{what}");
        }
    }

    fn content(path: &str, offset: u64, release: &str, rebuild: &str) -> Difference {
        Difference::Content {
            path: path.to_owned(),
            offset,
            release: release.to_owned(),
            rebuild: rebuild.to_owned(),
            causes: vec![],
        }
    }

    #[test]
    fn the_first_difference_is_found_far_into_a_long_file() {
        let (release, rebuild) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for at in [CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7, (5 << 20) + 1] {
            let mut bytes = vec![b'x'; 6 << 20];
            fs::write(release.path().join("file"), &bytes).unwrap();
            bytes[at] = b'\0';
            fs::write(rebuild.path().join("file"), &bytes).unwrap();
            let found = compare(release.path(), rebuild.path()).unwrap();
            let [Difference::Content { offset, rebuild, .. }] = found.as_slice() else {
                panic!("{found:?}")
            };
            assert_eq!(*offset, at as u64);
            assert!(rebuild.contains("xx\\x00xx"), "{rebuild}");
        }
    }
}
