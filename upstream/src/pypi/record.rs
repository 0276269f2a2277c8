//! What a wheel says of its own files: the folder `*.dist-info`, and `RECORD` in it.
//!
//! `RECORD` lists every file of a wheel with its digest, except itself and its signatures.
//! An installer fails if a file is not in it, or is another. The whole wheel is pinned by a
//! digest already, so this stops nobody on the way; it stops a wheel that shows one list of
//! files to whoever reviews it, and brings others.
//!
//! Source: PyPA, "Binary distribution format" and "Recording installed projects".

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use mcpkg_core::{Code, Coded};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::{Ecosystem, Package, Release};

/// The only major version of wheels that there is, and that is read.
const MAJOR: &str = "1";
/// What `RECORD` has no digest of.
const UNLISTED: [&str; 3] = ["RECORD", "RECORD.jws", "RECORD.p7s"];
/// How much of a wheel's own words is repeated.
const SHOWN: usize = 120;

/// Why a wheel is not what it says that it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WheelError {
    /// It does not have one folder that describes it.
    #[error("it has {0} folders `*.dist-info`, expected one")]
    Folders(usize),
    /// That folder is of another release.
    #[error("its folder `{0}` is of another release")]
    OtherRelease(String),
    /// A file that says what the wheel is, is missing or malformed.
    #[error("its `{0}` is missing or malformed")]
    Metadata(&'static str),
    /// It is written by rules that are not known here.
    #[error("it is of version {0} of the format, expected {MAJOR}")]
    Format(String),
    /// Two readers could take its `RECORD` for different lists.
    #[error("line {0} of its RECORD is malformed, or of a file that is there twice")]
    Record(usize),
    /// A file that nothing pins.
    #[error("`{0}` has no digest in its RECORD that is good enough")]
    Unlisted(String),
    /// A file that is another than its `RECORD` says.
    #[error("`{0}` is not the file in its RECORD")]
    Digest(String),
    /// Data that would go where nothing goes.
    #[error("`{0}` would go nowhere that is known")]
    Nowhere(String),
}

impl Coded for WheelError {
    fn code(&self) -> Code {
        match self {
            Self::Folders(_) | Self::Metadata(_) | Self::Format(_) => Code::Manifest,
            Self::OtherRelease(_) => Code::Attestation,
            Self::Record(_) => Code::Zip,
            Self::Unlisted(_) | Self::Digest(_) => Code::Digest,
            Self::Nowhere(_) => Code::Path,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some("do not use it; its author built it with something else than a build tool of Python's")
    }
}

/// The files of a wheel, as it lists them.
#[derive(Debug)]
pub struct Record {
    folder: String,
    listed: BTreeMap<String, Listed>,
}

/// A digest that a line has.
#[derive(Debug)]
enum Listed {
    Sha256([u8; 32]),
    Sha384([u8; 48]),
    Sha512([u8; 64]),
    /// One that may not be used, or none.
    Nothing,
}

/// The name of the folder `*.dist-info` among `paths`, which is of `release`.
///
/// # Errors
///
/// [`WheelError::Folders`], [`WheelError::OtherRelease`].
pub(crate) fn folder<'a>(
    paths: impl Iterator<Item = &'a str>,
    release: &Release,
) -> Result<&'a str, WheelError> {
    let mut folders: Vec<&str> = paths
        .filter_map(|path| Some(path.split_once('/')?.0))
        .filter(|folder| folder.ends_with(".dist-info"))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let [folder] = folders[..] else { return Err(WheelError::Folders(folders.len())) };
    if is_of(folder, release) {
        return Ok(folder);
    }
    Err(WheelError::OtherRelease(folder.chars().take(SHOWN).collect()))
}

/// Whether `name-version.dist-info` is the folder of `release`. What separates words in a
/// version is written differently there.
pub(crate) fn is_of(folder: &str, release: &Release) -> bool {
    let plain = |version: &str| version.to_ascii_lowercase().replace(['-', '+', '!'], "_");
    let Some((name, version)) =
        folder.strip_suffix(".dist-info").and_then(|stem| stem.split_once('-'))
    else {
        return false;
    };
    Package::new(Ecosystem::PyPi, name).is_ok_and(|named| named == *release.package())
        && plain(version) == plain(release.version())
}

/// Checks that a wheel's `WHEEL` is of a format that is known.
///
/// # Errors
///
/// [`WheelError::Metadata`], [`WheelError::Format`].
pub(crate) fn check_format(wheel: Option<&[u8]>) -> Result<(), WheelError> {
    let text = wheel.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let mut lines = text.unwrap_or_default().lines();
    let version = lines.find_map(|line| line.strip_prefix("Wheel-Version:"));
    let version = version.ok_or(WheelError::Metadata("WHEEL"))?.trim();
    if version.split('.').next() == Some(MAJOR) {
        return Ok(());
    }
    Err(WheelError::Format(version.chars().take(SHOWN).collect()))
}

impl Record {
    /// Reads the `RECORD` in a wheel's `folder`.
    ///
    /// # Errors
    ///
    /// [`WheelError::Metadata`] if there is none, [`WheelError::Record`].
    pub fn read(folder: &str, text: Option<&[u8]>) -> Result<Self, WheelError> {
        let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let listed = read(text.ok_or(WheelError::Metadata("RECORD"))?)?;
        Ok(Self { folder: folder.to_owned(), listed })
    }

    /// Checks that the file at `path` is the one that is listed.
    ///
    /// # Errors
    ///
    /// [`WheelError::Unlisted`], [`WheelError::Digest`].
    pub fn check(&self, path: &str, content: &[u8]) -> Result<(), WheelError> {
        let own = path.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
        if own.is_some_and(|name| UNLISTED.contains(&name)) {
            return Ok(());
        }
        let is_it = match self.listed.get(path) {
            None | Some(Listed::Nothing) => return Err(WheelError::Unlisted(path.to_owned())),
            Some(Listed::Sha256(digest)) => Sha256::digest(content)[..] == digest[..],
            Some(Listed::Sha384(digest)) => Sha384::digest(content)[..] == digest[..],
            Some(Listed::Sha512(digest)) => Sha512::digest(content)[..] == digest[..],
        };
        if is_it { Ok(()) } else { Err(WheelError::Digest(path.to_owned())) }
    }
}

fn read(record: &str) -> Result<BTreeMap<String, Listed>, WheelError> {
    let mut listed = BTreeMap::new();
    for (number, line) in record.lines().enumerate() {
        let malformed = || WheelError::Record(number + 1);
        let fields = fields(line).ok_or_else(malformed)?;
        let [path, digest, _] = &fields[..] else { return Err(malformed()) };
        let digest = match digest.split_once('=') {
            None if digest.is_empty() => Listed::Nothing,
            None => return Err(malformed()),
            Some((algorithm, text)) => {
                // Whatever is weaker than SHA-256 may not be used, and pins nothing.
                let bytes = BASE64.decode(text.trim_end_matches('=')).map_err(|_| malformed())?;
                match algorithm {
                    "sha256" => Listed::Sha256(bytes.try_into().map_err(|_| malformed())?),
                    "sha384" => Listed::Sha384(bytes.try_into().map_err(|_| malformed())?),
                    "sha512" => Listed::Sha512(bytes.try_into().map_err(|_| malformed())?),
                    _ => Listed::Nothing,
                }
            }
        };
        if listed.insert(path.clone(), digest).is_some() {
            return Err(malformed());
        }
    }
    Ok(listed)
}

/// The fields of a line of comma-separated values, quoted or not.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let field = &rest[..end];
                (!field.contains('"')).then(|| (field.to_owned(), &rest[end..]))?
            }
            Some(quoted) => unquoted(quoted)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// What stands before the closing quote, and what follows it. Two quotes are one.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "weather-1.2.dist-info";

    fn line(path: &str, content: &[u8]) -> String {
        format!("{path},sha256={},{}\n", BASE64.encode(Sha256::digest(content)), content.len())
    }

    fn outcome(record: &str, file: (&str, &str)) -> &'static str {
        let checked = Record::read(FOLDER, Some(record.as_bytes())).and_then(|record| {
            record.check(&format!("{FOLDER}/RECORD"), b"itself")?;
            record.check(&format!("{FOLDER}/RECORD.jws"), b"{}")?;
            record.check(file.0, file.1.as_bytes())
        });
        checked.err().map_or("", |error| error.code().as_str())
    }

    #[test]
    fn every_file_is_the_one_in_the_record() {
        let good = line("a.py", b"a");
        let md5 = format!("a.py,md5={},1\n", BASE64.encode([0; 16]));
        let sha512 = format!("a.py,sha512={},1\n", BASE64.encode(Sha512::digest(b"a")));
        let quoted = good.replace("a.py", "\"a \"\"b\"\", c.py\"");
        for (record, file, expected) in [
            (good.as_str(), ("a.py", "a"), ""),
            (&sha512, ("a.py", "a"), ""),
            (&quoted, ("a \"b\", c.py", "a"), ""),
            (&good.replace(",1\n", "=,1\n"), ("a.py", "a"), ""),
            (&format!("{good}b.py,,\n"), ("a.py", "a"), ""),
            (&good, ("a.py", "b"), "E_DIGEST"),
            (&good, ("b.py", "a"), "E_DIGEST"),
            (&good, ("other/RECORD", "a"), "E_DIGEST"),
            (&md5, ("a.py", "a"), "E_DIGEST"),
            ("a.py,,\n", ("a.py", "a"), "E_DIGEST"),
            ("", ("a.py", "a"), "E_DIGEST"),
            (&format!("{good}{good}"), ("a.py", "a"), "E_ZIP"),
            ("a.py\n", ("a.py", "a"), "E_ZIP"),
            ("a.py,sha256,1\n", ("a.py", "a"), "E_ZIP"),
            ("a.py,sha256=AA,1\n", ("a.py", "a"), "E_ZIP"),
            (&good.replace("a.py", "\"a.py"), ("a.py", "a"), "E_ZIP"),
            (&good.replace("a.py", "\"a\".py"), ("a.py", "a"), "E_ZIP"),
        ] {
            assert_eq!(outcome(record, file), expected, "{record}");
        }
        assert_eq!(Record::read(FOLDER, None).err(), Some(WheelError::Metadata("RECORD")));
    }

    #[test]
    fn one_folder_says_what_the_wheel_is() {
        fn find<'a>(paths: &[&'a str]) -> Result<&'a str, &'static str> {
            let release = "pypi:acme-weather@1.2+local.1".parse().unwrap();
            folder(paths.iter().copied(), &release).map_err(|error| error.code().as_str())
        }
        let own = "Acme_Weather-1.2+local.1.dist-info";
        let metadata = format!("{own}/METADATA");
        assert_eq!(find(&["a.py", &metadata]), Ok(own));
        let written = "acme_weather-1.2_local.1.dist-info/METADATA";
        assert!(find(&[written]).is_ok());
        assert_eq!(find(&["a.py"]), Err("E_MANIFEST"));
        assert_eq!(find(&[&metadata, "clouds-2.0.dist-info/METADATA"]), Err("E_MANIFEST"));
        assert_eq!(find(&["clouds-1.2.dist-info/METADATA"]), Err("E_ATTESTATION"));
        assert_eq!(find(&["acme_weather-1.3.dist-info/METADATA"]), Err("E_ATTESTATION"));
    }

    #[test]
    fn another_format_is_not_guessed_at() {
        let code = |text: Option<&str>| {
            let found = check_format(text.map(str::as_bytes));
            found.err().map_or("", |error| error.code().as_str())
        };
        assert_eq!(code(Some("Wheel-Version: 1.0\nGenerator: x\n")), "");
        assert_eq!(code(Some("Wheel-Version: 1.9\n")), "");
        assert_eq!(code(Some("Wheel-Version: 2.0\n")), "E_MANIFEST");
        assert_eq!(code(Some("Generator: x\n")), "E_MANIFEST");
        assert_eq!(code(None), "E_MANIFEST");
    }
}
