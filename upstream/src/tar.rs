//! Reading the tar in an npm tarball, which a stranger made.
//!
//! A tar has been extended four times, and readers differ in which of the extensions
//! they know. What is read here is what every reader sees alike; everything else is
//! refused, with the codes that a ZIP's faults have.
//!
//! | entry | here |
//! |---|---|
//! | regular file (`0`, NUL, `7`) | read |
//! | folder (`5`) | its path is checked, and it is left out: folders follow from files |
//! | POSIX extended header (`x`) | its `path` and `size` count; sparse files are refused |
//! | global extended header (`g`) | only a `comment`, which GitHub writes |
//! | GNU long name (`L`) | read |
//! | link, device, FIFO; setuid, setgid or sticky bit | `E_ENTRY_TYPE` |
//! | anything else | `E_ZIP` |
//!
//! All paths are below one folder, usually `package/`, which is cut off.
//!
//! Sources: POSIX.1-2017, `pax`, "ustar Interchange Format"; GNU tar, "Basic Tar Format".

use std::collections::BTreeSet;

use mcpkg_core::archive::{ArchivePath, Limits, PathError};
use mcpkg_core::{Code, Coded};

const BLOCK: usize = 512;
/// The longest extended header or long name: a path has at most 512 bytes.
const MAX_EXTENSION: usize = 64 << 10;

/// A file in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarFile<'a> {
    /// Its path, without the folder that all are in.
    pub path: ArchivePath,
    /// Whether its owner may execute it.
    pub is_executable: bool,
    /// What is in it.
    pub content: &'a [u8],
}

/// Why a tarball is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    /// It is no gzip file that every reader inflates alike.
    #[error("the tarball cannot be inflated: {0}")]
    Gzip(&'static str),
    /// A header is not what every reader sees alike.
    #[error("the tarball has an entry at byte {at} whose {what}")]
    Malformed {
        /// Where the entry starts.
        at: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A name is no path of a file in an artifact.
    #[error(transparent)]
    Path(#[from] PathError),
    /// An entry is something other than a regular file.
    #[error("`{path}` is {found}, expected a regular file")]
    EntryType {
        /// Its name.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// Two files have one name.
    #[error("the tarball has `{0}` twice")]
    Duplicate(ArchivePath),
    /// The files are not below one folder.
    #[error("`{0}` is not in the folder that the tarball's other files are in")]
    Root(String),
    /// There is more of something than we accept.
    #[error("the tarball has more than {allowed} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        allowed: usize,
    },
}

/// The files of a tar, in its order.
///
/// # Errors
///
/// [`TarError`], for the first thing that is wrong with it.
pub fn files(tar: &[u8]) -> Result<Vec<TarFile<'_>>, TarError> {
    let mut reader = Reader { tar, at: 0, long_name: None, long_size: None, root: None };
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(file) = reader.next()? {
        if files.len() as u64 >= Limits::ENTRIES {
            return Err(TarError::Limit { what: "files", allowed: files.len() });
        }
        if !seen.insert(file.path.clone()) {
            return Err(TarError::Duplicate(file.path));
        }
        files.push(file);
    }
    Ok(files)
}

struct Reader<'a> {
    tar: &'a [u8],
    at: usize,
    // What an extension said of the next entry.
    long_name: Option<Vec<u8>>,
    long_size: Option<usize>,
    // The folder that all files are in.
    root: Option<String>,
}

impl<'a> Reader<'a> {
    /// The next regular file, or `None` at the end.
    fn next(&mut self) -> Result<Option<TarFile<'a>>, TarError> {
        loop {
            let start = self.at;
            let malformed = |what| TarError::Malformed { at: start, what };
            let header = self.take(BLOCK).ok_or_else(|| malformed("header is cut off"))?;
            if header.iter().all(|&byte| byte == 0) {
                return self.end().map(|()| None);
            }
            check_sum(header).ok_or_else(|| malformed("checksum is wrong"))?;
            let stated = octal(&header[124..136]).ok_or_else(|| malformed("size is no number"))?;
            let size = match header[156] {
                b'0' | 0 | b'7' => self.long_size.take().unwrap_or(stated),
                _ => stated,
            };
            let content = self.take(size).ok_or_else(|| malformed("content is cut off"))?;
            let padding = size.next_multiple_of(BLOCK) - size;
            self.take(padding).ok_or_else(|| malformed("content is cut off"))?;
            match header[156] {
                b'x' | b'g' | b'L' if size > MAX_EXTENSION => {
                    return Err(TarError::Limit {
                        what: "bytes in an extended header",
                        allowed: MAX_EXTENSION,
                    });
                }
                b'x' => self.extend(content).map_err(malformed)?,
                b'g' => check_global(content).map_err(malformed)?,
                b'L' => self.long_name = Some(until_nul(content).to_vec()),
                kind => {
                    let name = self.long_name.take().unwrap_or_else(|| name_of(header));
                    if let Some(file) = self.entry(kind, &name, header, content, start)? {
                        return Ok(Some(file));
                    }
                }
            }
        }
    }

    /// An entry that is no extension: a file, or nothing for a folder.
    fn entry(
        &mut self,
        kind: u8,
        name: &[u8],
        header: &[u8],
        content: &'a [u8],
        at: usize,
    ) -> Result<Option<TarFile<'a>>, TarError> {
        let malformed = |what| TarError::Malformed { at, what };
        let of_type = |found| {
            let path = String::from_utf8_lossy(name).chars().take(120).collect::<String>();
            Err(TarError::EntryType { path: path.escape_debug().to_string(), found })
        };
        let mode = octal(&header[100..108]).ok_or_else(|| malformed("mode is no number"))?;
        match kind {
            b'0' | 0 | b'7' if mode & 0o7000 != 0 => of_type("setuid, setgid or sticky"),
            b'0' | 0 | b'7' => {
                let path = ArchivePath::from_bytes(name)?;
                let path = self.below_root(path.as_str())?;
                let is_executable = mode & 0o100 != 0;
                Ok(Some(TarFile { path, is_executable, content }))
            }
            b'5' if content.is_empty() => {
                ArchivePath::from_bytes(name.strip_suffix(b"/").unwrap_or(name))?;
                Ok(None)
            }
            b'5' => Err(malformed("type is that of a folder, but has content")),
            b'1' => of_type("a hard link"),
            b'2' | b'K' => of_type("a symbolic link"),
            b'3' | b'4' => of_type("a device"),
            b'6' => of_type("a FIFO"),
            _ => Err(malformed("type is unknown")),
        }
    }

    fn below_root(&mut self, path: &str) -> Result<ArchivePath, TarError> {
        let outside = || TarError::Root(path.to_owned());
        let (folder, rest) = path.split_once('/').ok_or_else(outside)?;
        if self.root.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(outside());
        }
        Ok(rest.parse::<ArchivePath>()?)
    }

    /// Takes over what an extended header says of the next entry.
    fn extend(&mut self, content: &[u8]) -> Result<(), &'static str> {
        for (key, value) in records(content)? {
            match key {
                "path" if value.contains(&0) => return Err("path holds a NUL"),
                "path" => self.long_name = Some(value.to_vec()),
                "size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|it| it.parse().ok());
                    self.long_size = Some(size.ok_or("size is no number")?);
                }
                "linkpath" => return Err("extended header is that of a link"),
                "hdrcharset" => return Err("path is in another character set"),
                key if key.starts_with("GNU.sparse") => return Err("content has holes"),
                // Times, owners, comments: nothing that is unpacked.
                _ => {}
            }
        }
        Ok(())
    }

    /// After the first block of zeros there is nothing but zeros.
    fn end(&mut self) -> Result<(), TarError> {
        let at = self.at;
        if self.tar[at..].iter().all(|&byte| byte == 0) {
            Ok(())
        } else {
            Err(TarError::Malformed { at, what: "place is after the end" })
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.tar.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

/// A global header may change every path after it, so it may say nothing but who made it.
fn check_global(content: &[u8]) -> Result<(), &'static str> {
    let only_comments = records(content)?.iter().all(|(key, _)| *key == "comment");
    if only_comments { Ok(()) } else { Err("global header changes the entries after it") }
}

/// The records of an extended header: `<length> <key>=<value>\n`.
fn records(mut content: &[u8]) -> Result<Vec<(&str, &[u8])>, &'static str> {
    const MALFORMED: &str = "extended header is malformed";
    let mut records = Vec::new();
    while !content.is_empty() {
        let space = content.iter().position(|&byte| byte == b' ').ok_or(MALFORMED)?;
        let length = std::str::from_utf8(&content[..space]).ok().and_then(|it| it.parse().ok());
        let length: usize = length.ok_or(MALFORMED)?;
        let record = content.get(space + 1..length).ok_or(MALFORMED)?;
        let record = record.strip_suffix(b"\n").ok_or(MALFORMED)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(MALFORMED)?;
        let key = std::str::from_utf8(&record[..equals]).map_err(|_| MALFORMED)?;
        if records.iter().any(|(other, _)| *other == key) {
            return Err("extended header says one thing twice");
        }
        records.push((key, &record[equals + 1..]));
        content = &content[length..];
    }
    Ok(records)
}

/// The name in the header itself, with the prefix that only ustar has.
fn name_of(header: &[u8]) -> Vec<u8> {
    let name = until_nul(&header[..100]);
    let prefix = if &header[257..263] == b"ustar\0" { until_nul(&header[345..500]) } else { b"" };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

/// A number in octal, which spaces and NULs surround. Base 256 is refused: nothing that
/// we accept is that large.
fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() {
        return Some(0);
    }
    // `from_str_radix` would take a sign.
    let is_octal = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if is_octal { usize::from_str_radix(text, 8).ok() } else { None }
}

fn check_sum(header: &[u8]) -> Option<()> {
    let stated = octal(&header[148..156])?;
    let sum: usize = header
        .iter()
        .enumerate()
        .map(|(index, &byte)| if (148..156).contains(&index) { 32 } else { usize::from(byte) })
        .sum();
    (sum == stated).then_some(())
}

impl Coded for TarError {
    fn code(&self) -> Code {
        match self {
            Self::Gzip(_) | Self::Malformed { .. } | Self::Root(_) => Code::Zip,
            Self::Path(_) => Code::Path,
            Self::EntryType { .. } => Code::EntryType,
            Self::Duplicate(_) => Code::PathCollision,
            Self::Limit { .. } => Code::Limit,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some("do not use it; npm's own tools do not make such tarballs")
    }
}
