//! What a file in an archive may be called.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::name::is_device_name;

/// The path of a file in an archive: relative, with `/` between its parts.
///
/// It names the same file below the folder of a package on every system that
/// we know, so joining it to a folder's path is safe. Each part
///
/// - has 1 to 255 bytes, and is neither `.` nor `..`;
/// - is UTF-8 in normalisation form C, so that it has one spelling;
/// - holds no control, bidirectional, zero-width, private-use or unassigned
///   character and no space but U+0020, so that what is read is what is there;
/// - holds none of `< > : " | ? * \`, does not end in a dot or a space, is no
///   device (`con`, `lpt1`) and no short name (`progra~1`): Windows would open
///   something else;
/// - keeps to these rules in compatibility form (NFKC), since some systems turn
///   a full-width `．．／` into the plain one.
///
/// An `ArchivePath` is always valid. Two of them may still be one file on a
/// system that folds case; an archive that holds both is refused.
///
/// Sources: Unicode Standard Annex 15; "Naming Files, Paths, and Namespaces",
/// Win32 documentation.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct ArchivePath(String);

/// A string that is no [`ArchivePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path `{shown}` {problem}")]
pub struct PathError {
    shown: String,
    problem: PathProblem,
}

/// What is wrong with a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// The path is longer than every system accepts.
    #[error("is {0} bytes long, expected 1 to {max}", max = ArchivePath::MAX_LEN)]
    Length(usize),
    /// The path is not UTF-8.
    #[error("is not UTF-8")]
    Utf8,
    /// The path starts at the root.
    #[error("is absolute")]
    Absolute,
    /// A part is empty, `.` or `..`.
    #[error("has the part `{0}`, which names no file")]
    Part(String),
    /// A part is longer than file systems accept.
    #[error("has a part of {0} bytes, expected at most {max}", max = ArchivePath::MAX_PART_LEN)]
    PartLength(usize),
    /// A part holds a character that paths may not contain.
    #[error("contains `{}`", .0.escape_debug())]
    Character(char),
    /// A part ends in a dot or a space, which Windows drops.
    #[error("has a part that ends in a dot or a space")]
    Ending,
    /// A part is a device on Windows.
    #[error("has a part that is a device name on Windows")]
    Device,
    /// A part has the shape of a short name on Windows.
    #[error("has a part that could be another file's short name on Windows")]
    ShortName,
    /// The path has another spelling.
    #[error("is not in Unicode normalisation form C")]
    NotNfc,
}

impl PathError {
    /// The error about a name of `len` bytes that was not even read.
    pub(super) fn too_long(len: usize) -> Self {
        Self { shown: "…".to_owned(), problem: PathProblem::Length(len) }
    }

    /// What is wrong.
    pub fn problem(&self) -> &PathProblem {
        &self.problem
    }
}

impl ArchivePath {
    /// The longest path, in bytes: half of what macOS accepts (`PATH_MAX` is
    /// 1,024), so that the folder before it has the other half.
    pub const MAX_LEN: usize = 512;

    /// The longest part, in bytes: `NAME_MAX` of Linux and macOS.
    pub const MAX_PART_LEN: usize = 255;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Reads the bytes of a name in an archive.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        let error = |problem| PathError { shown: shown(bytes), problem };
        if !(1..=Self::MAX_LEN).contains(&bytes.len()) {
            return Err(error(PathProblem::Length(bytes.len())));
        }
        let path = std::str::from_utf8(bytes).map_err(|_| error(PathProblem::Utf8))?;
        if path.starts_with('/') {
            return Err(error(PathProblem::Absolute));
        }
        path.split('/').try_for_each(check_part).map_err(error)?;
        if !path.is_ascii() {
            if !is_nfc(path) {
                return Err(error(PathProblem::NotNfc));
            }
            let compatible: String = path.nfkc().collect();
            compatible.split('/').try_for_each(check_part).map_err(error)?;
            if compatible.matches('/').count() != path.matches('/').count() {
                return Err(error(PathProblem::Character('/')));
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as a message may show it.
    pub(super) fn shown(&self) -> String {
        shown(self.0.as_bytes())
    }

    /// The path as a file system sees it that folds case and normalises.
    ///
    /// Two paths with one key are one file on some system. The key is wider
    /// than any one system's: full case folding (upper case, then lower, so
    /// `ß` is `ss` and both sigmas are one) of the compatibility decomposition
    /// (so `ﬁ` is `fi`), which is what Unicode calls a compatibility caseless
    /// match.
    ///
    /// Source: The Unicode Standard 16.0, definition D146.
    pub(super) fn fold_key(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        // Twice, because a folded character may decompose into one that folds.
        fold(&fold(&self.0))
    }
}

fn fold(text: &str) -> String {
    // By character and not by `str`, where a sigma depends on its neighbours.
    text.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkd().collect()
}

fn check_part(part: &str) -> Result<(), PathProblem> {
    if matches!(part, "" | "." | "..") {
        return Err(PathProblem::Part(part.to_owned()));
    }
    if part.len() > ArchivePath::MAX_PART_LEN {
        return Err(PathProblem::PartLength(part.len()));
    }
    if let Some(character) = part.chars().find(|&c| is_forbidden(c)) {
        return Err(PathProblem::Character(character));
    }
    if part.ends_with(['.', ' ']) {
        return Err(PathProblem::Ending);
    }
    if is_device_name(part) {
        return Err(PathProblem::Device);
    }
    if is_short_name(part) {
        return Err(PathProblem::ShortName);
    }
    Ok(())
}

fn is_forbidden(c: char) -> bool {
    use GeneralCategory as Category;

    if c.is_ascii() {
        return c.is_ascii_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\');
    }
    // Unassigned characters are refused because a later Unicode may give them a
    // decomposition: a path that is accepted once is then accepted for ever.
    matches!(
        c.general_category(),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::SpaceSeparator
            | Category::Surrogate
            | Category::Unassigned
    ) || is_invisible(c)
}

/// Whether a letter or mark is drawn as nothing.
///
/// Source: `Default_Ignorable_Code_Point` in `DerivedCoreProperties.txt`, less
/// the format and unassigned characters, which fall to their category.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{034F}'
        | '\u{115F}'..='\u{1160}'
        | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FFA0}'
        | '\u{E0100}'..='\u{E01EF}')
}

/// Whether Windows could have made this name as the short one of another file.
///
/// Where short names are on, `longname.txt` can also be opened as
/// `LONGNA~1.TXT`. A file of that name beside it would be written over it.
///
/// Source: `[MS-FSCC]` section 2.1.5.2.1, "8.3 Filename".
fn is_short_name(part: &str) -> bool {
    let (stem, extension) = part.split_once('.').unwrap_or((part, ""));
    let Some((_, digits)) = stem.rsplit_once('~') else { return false };
    stem.chars().count() <= 8
        && extension.chars().count() <= 3
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A name from an archive as a message may show it: escaped, and cut short.
pub(crate) fn shown(name: &[u8]) -> String {
    const SHOWN_CHARS: usize = 80;

    let text = String::from_utf8_lossy(&name[..name.len().min(4 * SHOWN_CHARS)]);
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

impl FromStr for ArchivePath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::from_bytes(path.as_bytes())
    }
}

impl fmt::Display for ArchivePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_folder_on_every_system() {
        use PathProblem as Problem;

        let part = |part: &str| Problem::Part(part.to_owned());
        for (path, problem) in [
            ("", Problem::Length(0)),
            ("/etc/passwd", Problem::Absolute),
            ("//host/share", Problem::Absolute),
            ("..", part("..")),
            ("../a", part("..")),
            ("a/../../b", part("..")),
            ("a/..", part("..")),
            ("./a", part(".")),
            ("a//b", part("")),
            ("a/", part("")),
            ("..\\a", Problem::Character('\\')),
            ("\\\\host\\share", Problem::Character('\\')),
            ("C:/a", Problem::Character(':')),
            ("C:", Problem::Character(':')),
            ("a:stream", Problem::Character(':')),
            ("//?/C:/a", Problem::Absolute),
            ("a\0b", Problem::Character('\0')),
            ("a\nb", Problem::Character('\n')),
            ("a\u{1b}[2J", Problem::Character('\u{1b}')),
            ("a\u{7f}", Problem::Character('\u{7f}')),
            ("a\u{85}", Problem::Character('\u{85}')),
            ("a\u{202e}gnp.exe", Problem::Character('\u{202e}')), // right-to-left override
            ("a\u{200b}", Problem::Character('\u{200b}')),        // zero-width space
            ("a\u{200d}b", Problem::Character('\u{200d}')),       // zero-width joiner
            ("a\u{feff}", Problem::Character('\u{feff}')),        // byte-order mark
            ("a\u{a0}b", Problem::Character('\u{a0}')),           // no-break space
            ("a\u{2028}", Problem::Character('\u{2028}')),
            ("a\u{fe0f}", Problem::Character('\u{fe0f}')), // variation selector
            ("a\u{3164}", Problem::Character('\u{3164}')), // Hangul filler
            ("a\u{e000}", Problem::Character('\u{e000}')), // private use
            ("a\u{e0041}", Problem::Character('\u{e0041}')), // tag
            ("a\u{378}", Problem::Character('\u{378}')),   // unassigned
            ("a?", Problem::Character('?')),
            ("a*/b", Problem::Character('*')),
            ("a./b", Problem::Ending),
            ("a ", Problem::Ending),
            ("...", Problem::Ending),
            ("con", Problem::Device),
            ("lib/NUL.js", Problem::Device),
            ("a/Lpt1.txt", Problem::Device),
            ("progra~1/a", Problem::ShortName),
            ("A~12.JS", Problem::ShortName),
            ("cafe\u{301}", Problem::NotNfc),
            ("．．/a", part("..")),
            ("a／b", Problem::Character('/')),
            ("a＼b", Problem::Character('\\')),
            ("Ｃ：", Problem::Character(':')),
            ("ｃｏｎ", Problem::Device),
            ("a…", Problem::Ending),
        ] {
            let err = path.parse::<ArchivePath>().unwrap_err();
            assert_eq!(err.problem(), &problem, "{path:?}");
        }
        let err = ArchivePath::from_bytes(b"a\xff").unwrap_err();
        assert_eq!(err.problem(), &PathProblem::Utf8);
    }

    #[test]
    fn ordinary_names_are_accepted() {
        for path in [
            "manifest.json",
            "node_modules/@scope/pkg.js/lib/index.min.js",
            ".hidden/-dash/_/a b",
            "a..b/..c/...d",
            "console/comma/null.js/com10/auxiliary",
            "café/Größe/日本語/привет/שלום",
            "backup.js~/notes~1.tar.gz/~/long-name~1",
            "[id]/(group)/+page@1,2;3=4&5%20'$!#{}^`.ts",
            "🦀.rs",
        ] {
            assert_eq!(path.parse::<ArchivePath>().unwrap().as_str(), path);
        }
    }

    #[test]
    fn length_is_counted_in_bytes() {
        let path = |len: usize| "a/".repeat(len / 2 - 1) + "aa";
        assert!(path(512).parse::<ArchivePath>().is_ok());
        assert_eq!(
            path(514).parse::<ArchivePath>().unwrap_err().problem(),
            &PathProblem::Length(514)
        );
        assert!("a".repeat(255).parse::<ArchivePath>().is_ok());
        let err = "é".repeat(128).parse::<ArchivePath>().unwrap_err();
        assert_eq!(err.problem(), &PathProblem::PartLength(256));
    }

    #[test]
    fn paths_that_are_one_file_somewhere_share_a_key() {
        let key = |path: &str| path.parse::<ArchivePath>().unwrap().fold_key();
        for (one, other) in [
            ("README.md", "readme.MD"),
            ("straße", "STRASSE"),
            ("ΣΑΣ", "σας"),
            ("é", "É"),
            ("ﬁle", "file"),
            ("x²", "x2"),
            ("ſ", "s"),
            ("ı", "I"),
            ("ⓐ", "Ⓐ"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_ne!(key("a/b"), key("a-b"));
        assert_ne!(key("é"), key("e"));
    }

    #[test]
    fn messages_escape_and_shorten_what_an_archive_says() {
        let err = "a\u{1b}]0;owned\u{7}".parse::<ArchivePath>().unwrap_err();
        assert_eq!(err.to_string(), r"path `a\u{1b}]0;owned\u{7}` contains `\u{1b}`");
        let err = "a".repeat(100_000).parse::<ArchivePath>().unwrap_err();
        assert!(err.to_string().len() < 200, "{err}");
        assert!(err.to_string().contains('…'));
    }
}
