//! How a package is built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::error::RecipeError;
use crate::archive::ArchivePath;
use crate::permissions::{EnvName, ProgramName};
use crate::text::first_hidden;
use crate::{Platform, json};

/// What turns a source folder into the folder that is packed.
///
/// A `Recipe` is always valid: serde is the only way in, from the table
/// `[build]` of an `mcpkg.toml` or from the external parameter `build` of a
/// signed statement, and both have these same members.
///
/// It is followed in an environment that is made from nothing. Besides what is
/// declared, a build sees `PATH` (the folders of its tools, then the system's),
/// `HOME` and `TMPDIR` (empty folders), `SOURCE_DATE_EPOCH`, `TZ=UTC` and
/// `LC_ALL=C.UTF-8`; new files get the modes that the umask 022 leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireRecipe")]
pub struct Recipe {
    steps: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<ArchivePath>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    toolchain: BTreeMap<ProgramName, ToolVersion>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<EnvName, String>,
    source_date: SourceDate,
    network: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    platforms: BTreeSet<Platform>,
}

/// When a build is to believe it happens: `SOURCE_DATE_EPOCH`.
///
/// Source: [SOURCE_DATE_EPOCH](https://reproducible-builds.org/specs/source-date-epoch/).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceDate {
    /// When the source commit was made, as its committer says.
    #[default]
    Commit,
    /// So many seconds after 1970 began, in UTC.
    Seconds(i64),
}

/// The one version of a tool that a recipe is for: `20.20.2`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct ToolVersion(String);

/// How a package is built: what turns the source into the folder that is packed.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Recipe"))]
#[serde(deny_unknown_fields)]
pub(crate) struct WireRecipe {
    /// The commands, in order, each a program and its arguments. No shell reads
    /// them, unless one is the program.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    steps: Vec<Vec<String>>,
    /// The folder that is packed, from that of `mcpkg.toml`, if not all of it.
    #[serde(default)]
    folder: Option<ArchivePath>,
    /// The tools that the steps need, each with its exact version, as
    /// `<tool> --version` prints it.
    #[serde(default, with = "serde_with::rust::maps_duplicate_key_is_error")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<ProgramName, ToolVersion>"))]
    toolchain: BTreeMap<ProgramName, ToolVersion>,
    /// Variables of the build's environment. Never a secret.
    #[serde(default, with = "serde_with::rust::maps_duplicate_key_is_error")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<EnvName, String>"))]
    environment: BTreeMap<EnvName, String>,
    /// The time in `SOURCE_DATE_EPOCH`: `commit`, or seconds since 1970.
    #[serde(default)]
    source_date: SourceDate,
    /// Whether the steps may use the network.
    #[serde(default)]
    network: bool,
    /// The platforms that artifacts are built for like this; any, if none is named.
    #[serde(default)]
    platforms: BTreeSet<Platform>,
}

const MAX_STEPS: usize = 16;
const MAX_ARGUMENTS: usize = 64;
const MAX_TEXT_BYTES: usize = 4096;
const MAX_TOOLS: usize = 32;
const MAX_VARIABLES: usize = 64;
/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

impl Recipe {
    /// The longest recipe, in bytes of its canonical form: it is part of every
    /// statement about a release.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The commands, each a program and its arguments. Neither is ever empty.
    pub fn steps(&self) -> &[Vec<String>] {
        &self.steps
    }

    /// The folder that is packed, from the source folder; `None` is all of it.
    pub fn folder(&self) -> Option<&ArchivePath> {
        self.folder.as_ref()
    }

    /// The tools that have to be there, in these versions.
    pub fn toolchain(&self) -> &BTreeMap<ProgramName, ToolVersion> {
        &self.toolchain
    }

    /// Variables of the build's environment.
    pub fn environment(&self) -> &BTreeMap<EnvName, String> {
        &self.environment
    }

    /// When the build is to believe it happens.
    pub fn source_date(&self) -> SourceDate {
        self.source_date
    }

    /// Whether the build may use the network.
    pub fn needs_network(&self) -> bool {
        self.network
    }

    /// Whether an artifact for `platform` is built like this.
    pub fn is_for(&self, platform: Platform) -> bool {
        self.platforms.is_empty() || self.platforms.contains(&platform)
    }

    /// The recipe in its canonical form (RFC 8785).
    pub fn canonical(&self) -> Vec<u8> {
        // It has no map whose keys are not strings, and no number but integers.
        json::canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    fn check(self) -> Result<Self, RecipeError> {
        let count = |what, found, least, most| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(RecipeError::Count { what, found, least, most })
            }
        };
        count("steps", self.steps.len(), 1, MAX_STEPS)?;
        count("tools", self.toolchain.len(), 0, MAX_TOOLS)?;
        count("variables", self.environment.len(), 0, MAX_VARIABLES)?;
        for (index, step) in self.steps.iter().enumerate() {
            count("words in a step", step.len(), 1, MAX_ARGUMENTS)?;
            let refused = |problem| Err(RecipeError::Argument { step: index + 1, problem });
            if step[0].is_empty() {
                return refused("empty where a program should be");
            }
            if let Some(problem) = step.iter().find_map(|argument| problem_of(argument)) {
                return refused(problem);
            }
        }
        for (name, value) in &self.environment {
            check_variable(name.as_str())?;
            if let Some(problem) = problem_of(value) {
                return Err(RecipeError::Value { name: name.to_string(), problem });
            }
        }
        if let SourceDate::Seconds(seconds) = self.source_date
            && !(0..=LAST_SECOND).contains(&seconds)
        {
            return Err(RecipeError::Date(seconds));
        }
        let length = self.canonical().len();
        if length > Self::MAX_BYTES { Err(RecipeError::Length(length)) } else { Ok(self) }
    }
}

impl TryFrom<WireRecipe> for Recipe {
    type Error = RecipeError;

    fn try_from(wire: WireRecipe) -> Result<Self, RecipeError> {
        let WireRecipe { steps, folder, toolchain, environment, source_date, network, platforms } =
            wire;
        Self { steps, folder, toolchain, environment, source_date, network, platforms }.check()
    }
}

/// What is wrong with a text that a program is handed, if anything.
fn problem_of(text: &str) -> Option<&'static str> {
    if text.len() > MAX_TEXT_BYTES {
        return Some("longer than 4,096 bytes");
    }
    // A script of several lines, for `sh -c`, is no harm to a reader.
    let is_plain = |c: char| c != '\n' && c != '\t';
    let visible: String = text.chars().filter(|&c| is_plain(c)).collect();
    first_hidden(&visible).map(|_| "holding a character that cannot be seen")
}

fn check_variable(name: &str) -> Result<(), RecipeError> {
    let upper = name.to_ascii_uppercase();
    let is_set = matches!(
        upper.as_str(),
        "HOME"
            | "LANG"
            | "LANGUAGE"
            | "LOGNAME"
            | "OLDPWD"
            | "PWD"
            | "SHELL"
            | "SOURCE_DATE_EPOCH"
            | "TEMP"
            | "TMP"
            | "TMPDIR"
            | "TZ"
            | "USER"
    );
    if is_set || upper.starts_with("LC_") || upper.starts_with("XDG_") {
        return Err(RecipeError::Reserved(name.to_owned()));
    }
    let is_part = |part: &str| upper.contains(part);
    let is_word = |word: &str| {
        matches!(word, "AUTH" | "COOKIE" | "COOKIES" | "KEY" | "KEYS" | "PASS" | "PAT" | "PWD")
    };
    let parts =
        ["APIKEY", "CREDENTIAL", "PASSPHRASE", "PASSWD", "PASSWORD", "PRIVATE", "SECRET", "TOKEN"];
    if parts.into_iter().any(is_part) || upper.split('_').any(is_word) {
        return Err(RecipeError::Secret(name.to_owned()));
    }
    Ok(())
}

impl ToolVersion {
    /// The longest version, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The version as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `printed`, what a tool says when it is asked for its version,
    /// names exactly this one.
    ///
    /// Tools say `20.20.2`, `v20.20.2`, `Python 3.13.1` or
    /// `go version go1.24.0 linux/amd64`: so one of the words of the first line
    /// has to be the version, after letters that may stand before it.
    pub fn is_named_in(&self, printed: &str) -> bool {
        let line = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '"'))
            .any(|word| word.trim_start_matches(|c: char| c.is_ascii_alphabetic()) == self.0)
    }
}

impl FromStr for ToolVersion {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
        let is_version = text.len() <= Self::MAX_LEN
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(is_allowed);
        if is_version {
            Ok(Self(text.to_owned()))
        } else {
            Err(RecipeError::Version(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for ToolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"commit\" or seconds since 1970")]
enum WireDate {
    Word(DateWord),
    Seconds(i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum DateWord {
    Commit,
}

impl<'de> Deserialize<'de> for SourceDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match WireDate::deserialize(deserializer)? {
            WireDate::Word(DateWord::Commit) => Self::Commit,
            WireDate::Seconds(seconds) => Self::Seconds(seconds),
        })
    }
}

impl Serialize for SourceDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Commit => serializer.serialize_str("commit"),
            Self::Seconds(seconds) => serializer.serialize_i64(*seconds),
        }
    }
}
