//! Naming a package of another ecosystem.

use std::fmt;
use std::str::FromStr;

use mcpkg_core::{Code, Coded, NameError, PackageName};
use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// The npm registry.
    Npm,
    /// The Python Package Index.
    PyPi,
}

/// A package of another ecosystem, and perhaps which of its releases: what a user asks
/// for.
///
/// ```
/// use mcpkg_upstream::Reference;
///
/// let reference: Reference = "npm:@acme/weather@^1.2".parse().unwrap();
/// assert_eq!(reference.package.to_string(), "npm:@acme/weather");
/// assert!("npm:../weather".parse::<Reference>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub struct Reference {
    /// The package.
    pub package: Package,
    /// Which release; the newest if it is not said.
    pub wanted: Option<Requirement>,
}

/// A package of another ecosystem: `npm:@acme/weather`, `pypi:weather`.
///
/// A `Package` is always valid: its name holds nothing that a URL, a path or an
/// argument could take for something else.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct Package {
    ecosystem: Ecosystem,
    // Invariant: with its scope; for PyPI normalised (PEP 503).
    name: String,
}

/// One release: `npm:@acme/weather@1.2.3`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct Release {
    package: Package,
    // Invariant: as `is_version` has it.
    version: String,
}

/// Which release a [`Reference`] asks for: a version, or for npm `^1.2` and `~1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement(String);

/// A string that names no package of another ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` {reason}")]
pub struct ReferenceError {
    found: String,
    reason: &'static str,
}

/// The longest name: npm's own limit.
const MAX_NAME: usize = 214;
/// The longest version: what [`mcpkg_core::Version`] takes.
const MAX_VERSION: usize = 128;

impl Ecosystem {
    /// The word before the colon.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::PyPi => "pypi",
        }
    }

    /// The namespace that its packages have here, unless an operator says otherwise: the
    /// domain of its registry, backwards.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Npm => "org.npmjs",
            Self::PyPi => "org.pypi",
        }
    }
}

impl Reference {
    /// The one that asks for exactly `release`.
    pub fn exactly(release: &Release) -> Self {
        let wanted = Some(Requirement(release.version.clone()));
        Self { package: release.package.clone(), wanted }
    }
}

impl Package {
    /// A package by its name.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] if the ecosystem has no such names.
    pub fn new(ecosystem: Ecosystem, name: &str) -> Result<Self, ReferenceError> {
        let error = |reason| ReferenceError { found: shown(name), reason };
        if !(1..=MAX_NAME).contains(&name.len()) {
            return Err(error("is not 1 to 214 bytes long"));
        }
        let is_name = match ecosystem {
            Ecosystem::Npm => match name.strip_prefix('@') {
                Some(scoped) => scoped
                    .split_once('/')
                    .is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
                None => is_part(name),
            },
            Ecosystem::PyPi => is_part(name),
        };
        match (is_name, ecosystem) {
            (false, Ecosystem::Npm) => Err(error("is no name of an npm package")),
            (false, Ecosystem::PyPi) => Err(error("is no name of a PyPI project")),
            (true, Ecosystem::Npm) => Ok(Self { ecosystem, name: name.to_owned() }),
            (true, Ecosystem::PyPi) => Ok(Self { ecosystem, name: normalized(name) }),
        }
    }

    /// Where it comes from.
    pub const fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// Its name there, with its scope.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its scope, without the `@`, if it has one.
    pub fn scope(&self) -> Option<&str> {
        Some(self.name.strip_prefix('@')?.split_once('/')?.0)
    }

    /// Its name without the scope.
    pub fn short(&self) -> &str {
        self.name.rsplit_once('/').map_or(&self.name, |(_, short)| short)
    }

    /// What it is called here, below `namespace`. A scope becomes part of the
    /// namespace: `@acme/weather` is `org.npmjs.acme/weather`.
    ///
    /// # Errors
    ///
    /// [`NameError`] if it can have no such name.
    pub fn name_below(&self, namespace: &str) -> Result<PackageName, NameError> {
        match self.scope() {
            Some(scope) => format!("{namespace}.{scope}/{}", self.short()).parse(),
            None => format!("{namespace}/{}", self.short()).parse(),
        }
    }
}

impl Release {
    /// A release by its version.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] if that is no version.
    pub fn new(package: Package, version: &str) -> Result<Self, ReferenceError> {
        if is_version(version) {
            Ok(Self { package, version: version.to_owned() })
        } else {
            Err(ReferenceError { found: shown(version), reason: "is no version" })
        }
    }

    /// The package.
    pub const fn package(&self) -> &Package {
        &self.package
    }

    /// The version, as the ecosystem writes it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The release as a [package URL](https://github.com/package-url/purl-spec).
    pub fn purl(&self) -> String {
        let name = self.package.name.replace('@', "%40");
        let version = self.version.replace('+', "%2B");
        format!("pkg:{}/{name}@{version}", self.package.ecosystem.word())
    }
}

impl Requirement {
    /// The requirement, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version, if it is exactly one.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.starts_with(['^', '~'])).then_some(&self.0)
    }
}

/// Letters, digits and `-_.`, with a letter or digit at each end.
fn is_part(text: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_edge)
        && text.ends_with(is_edge)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Starts with a digit, and holds what versions hold: no path, no option, no space.
fn is_version(text: &str) -> bool {
    text.len() <= MAX_VERSION
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+!".contains(&byte))
}

/// PEP 503: lower case, with one `-` for each run of `-`, `_` and `.`.
fn normalized(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            c => text.push(c.to_ascii_lowercase()),
        }
    }
    text
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// `npm:rest` in its parts.
fn ecosystem_of(text: &str) -> Result<(Ecosystem, &str), ReferenceError> {
    for ecosystem in [Ecosystem::Npm, Ecosystem::PyPi] {
        let rest = text.strip_prefix(ecosystem.word()).and_then(|rest| rest.strip_prefix(':'));
        if let Some(rest) = rest {
            return Ok((ecosystem, rest));
        }
    }
    Err(ReferenceError { found: shown(text), reason: "does not start with `npm:` or `pypi:`" })
}

/// Cuts at the `@` before a version, which is not that of a scope.
fn split_version(text: &str) -> (&str, Option<&str>) {
    match text.rfind('@') {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (ecosystem, rest) = ecosystem_of(text)?;
        let (name, version) = split_version(rest);
        let error = |found: &str, reason| ReferenceError { found: shown(found), reason };
        // npm has old packages whose names differ in case alone, and names here do not.
        if ecosystem == Ecosystem::Npm && name.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(error(name, "has capital letters, as npm's new names must not"));
        }
        let package = Package::new(ecosystem, name)?;
        let wanted = match (version, ecosystem) {
            (None, _) => None,
            (Some(text), Ecosystem::Npm) => {
                let version = text.strip_prefix(['^', '~']);
                let is_range = version.is_some_and(|version| {
                    is_version(version) && semver::VersionReq::parse(text).is_ok()
                });
                if !is_range && semver::Version::parse(text).is_err() || text.len() > MAX_VERSION {
                    return Err(error(text, "is neither a version nor `^` or `~` before one"));
                }
                Some(Requirement(text.to_owned()))
            }
            (Some(text), Ecosystem::PyPi) if is_version(text) => Some(Requirement(text.to_owned())),
            (Some(text), Ecosystem::PyPi) => return Err(error(text, "is no version")),
        };
        Ok(Self { package, wanted })
    }
}

impl FromStr for Package {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (ecosystem, name) = ecosystem_of(text)?;
        Self::new(ecosystem, name)
    }
}

impl FromStr for Release {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (ecosystem, rest) = ecosystem_of(text)?;
        let (name, version) = split_version(rest);
        Self::new(Package::new(ecosystem, name)?, version.unwrap_or_default())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Some(wanted) => write!(f, "{}@{}", self.package, wanted.0),
            None => self.package.fmt(f),
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ecosystem.word(), self.name)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.package, self.version)
    }
}

impl Coded for ReferenceError {
    fn code(&self) -> Code {
        Code::Name
    }

    fn hint(&self) -> Option<&'static str> {
        Some("write `npm:@scope/name@1.2.3`, `npm:name@^1` or `pypi:name@1.2`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_strictly() {
        for (text, again) in [
            ("npm:weather", Some("npm:weather")),
            ("npm:@acme/weather@1.2.3", Some("npm:@acme/weather@1.2.3")),
            ("npm:@acme/weather@^1", Some("npm:@acme/weather@^1")),
            ("npm:weather@~1.2", Some("npm:weather@~1.2")),
            ("npm:weather@1.0.0-rc.1", Some("npm:weather@1.0.0-rc.1")),
            ("pypi:Acme_.Weather@1.2", Some("pypi:acme-weather@1.2")),
            ("pypi:weather@1!2.0rc1", Some("pypi:weather@1!2.0rc1")),
            ("weather", None),
            ("npm:", None),
            ("npm:weather@", None),
            ("npm:weather@latest", None),
            ("npm:weather@1", None),
            ("npm:weather@>=1", None),
            ("npm:weather@^1 || ^2", None),
            ("npm:Weather", None),
            ("npm:@acme", None),
            ("npm:@acme/../weather", None),
            ("npm:@acme/weather/more", None),
            ("npm:--registry=https://example.com", None),
            ("npm:.hidden", None),
            ("npm:weather@file:..", None),
            ("pypi:weather@--help", None),
            ("pypi:weather[extra]", None),
            ("pypi:weather@ 1", None),
            ("NPM:weather", None),
            ("docker:weather", None),
        ] {
            let found = text.parse::<Reference>().ok().map(|reference| reference.to_string());
            assert_eq!(found.as_deref(), again, "{text:?}");
        }
    }

    #[test]
    fn a_scope_is_part_of_the_namespace() {
        for (package, name) in [
            ("npm:@acme/weather", Some("org.npmjs.acme/weather")),
            ("npm:weather", Some("org.npmjs/weather")),
            ("pypi:mcp-server-time", Some("org.pypi/mcp-server-time")),
            ("npm:con", None),
        ] {
            let package: Package = package.parse().unwrap();
            let found = package.name_below(package.ecosystem().namespace());
            assert_eq!(found.ok().map(|name| name.to_string()).as_deref(), name, "{package}");
        }
        let release: Release = "npm:@acme/weather@1.2.3".parse().unwrap();
        assert_eq!(release.purl(), "pkg:npm/%40acme/weather@1.2.3");
    }
}
