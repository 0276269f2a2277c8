//! Images that a server is started from.
//!
//! An image is named by the digest of its manifest, which names everything in it by its
//! digest in turn. So whoever starts what the digest names starts what was signed, and
//! the registry that serves it is nobody to trust. A tag may stand beside the digest, for
//! people; alone it says what somebody calls an image today.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::{Argument, ArgumentKind, NamedInput, ServerJsonError};
use crate::permissions::EnvName;
use crate::{Code, Coded, Digest, json};

/// An image, by the registry that has it, its name there, and its digest:
/// `ghcr.io/acme/weather@sha256:…`. A tag before the digest is kept, and decides nothing.
///
/// Source: the OCI distribution specification 1.1, "Pulling manifests"; the grammar of
/// references in the Go module `distribution/reference`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct ImageReference {
    repository: String,
    tag: Option<String>,
    digest: Digest,
}

/// Why a text names no image that can be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageReferenceError {
    /// There is no digest.
    #[error("`{}` names no digest, so it may be another image tomorrow", .0.escape_debug())]
    NoDigest(String),
    /// The digest is malformed, or of a function that we do not compute.
    #[error("`{}` has a digest that is not `sha256:` with 64 lower-case hexadecimal digits", .0.escape_debug())]
    Digest(String),
    /// Which registry it is in depends on who reads it.
    #[error("`{}` does not say which registry has it", .0.escape_debug())]
    NoRegistry(String),
    /// The name is none.
    #[error("`{}` is not the name of an image", .0.escape_debug())]
    Name(String),
}

impl Coded for ImageReferenceError {
    fn code(&self) -> Code {
        Code::Image
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoDigest(_) | Self::Digest(_) => Some(
                "write `<name>@sha256:…`; `docker buildx imagetools inspect <name>` shows the \
                 digest",
            ),
            Self::NoRegistry(_) => Some("write its registry first: `docker.io/<owner>/<name>`"),
            Self::Name(_) => None,
        }
    }
}

/// The longest reference, in bytes: room for a name of 255, a tag of 128 and a digest.
const MAX_LEN: usize = 512;

impl ImageReference {
    /// What to pull and start: the name and the digest, without the tag.
    pub fn pinned(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl FromStr for ImageReference {
    type Err = ImageReferenceError;

    fn from_str(text: &str) -> Result<Self, ImageReferenceError> {
        let shown = || text.chars().take(120).collect::<String>();
        if text.len() > MAX_LEN {
            return Err(ImageReferenceError::Name(shown()));
        }
        let Some((name, digest)) = text.split_once('@') else {
            return Err(ImageReferenceError::NoDigest(shown()));
        };
        let digest = digest.parse().map_err(|_| ImageReferenceError::Digest(shown()))?;
        // A colon before the last slash is that of a port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        let (registry, path) =
            repository.split_once('/').ok_or_else(|| ImageReferenceError::NoRegistry(shown()))?;
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err(ImageReferenceError::NoRegistry(shown()));
        }
        let is_name = is_registry(registry)
            && repository.len() <= 255
            && path.split('/').all(is_component)
            && tag.is_none_or(is_tag);
        if !is_name {
            return Err(ImageReferenceError::Name(shown()));
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

/// A host, with its port if it has one.
fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|it| it > 0)
        })
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any `-` between them.
fn is_component(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let are_ends_words =
        bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator =
        |it: &str| matches!(it, "" | "." | "_" | "__") || it.bytes().all(|b| b == b'-');
    are_ends_words && separators.into_iter().all(is_separator)
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        write!(f, "@{}", self.digest)
    }
}

/// A server in an image, which speaks over its standard input and output.
///
/// Source: `Package` of the schema, with `registryType` `oci`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedImage {
    /// The image.
    pub reference: ImageReference,
    /// The arguments of the server.
    pub arguments: Vec<Argument>,
    /// The variables to set for it.
    pub environment: Vec<(EnvName, super::Input)>,
}

/// The shape of a package that is an image. What would say how the *engine* is started
/// (`runtimeArguments`) is not among it: a mount, a device or the host's network would be
/// a permission that nobody is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    registry_type: String,
    identifier: String,
    transport: WireTransport,
    #[serde(default)]
    package_arguments: Vec<WireArgument>,
    #[serde(default)]
    environment_variables: Vec<NamedInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTransport {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(try_from = "Map<String, Value>")]
struct WireArgument(Argument);

impl TryFrom<Map<String, Value>> for WireArgument {
    type Error = serde_json::Error;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, Self::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Positional,
            Named,
        }
        let kind = object.shift_remove("type").ok_or_else(|| Self::Error::missing_field("type"))?;
        let kind = match json::from_value(&kind)? {
            Kind::Positional => {
                let hint = object.shift_remove("valueHint");
                ArgumentKind::Positional(hint.as_ref().map(json::from_value).transpose()?)
            }
            Kind::Named => {
                let name = object.shift_remove("name");
                let name = name.ok_or_else(|| Self::Error::missing_field("name"))?;
                ArgumentKind::Named(json::from_value(&name)?)
            }
        };
        let repeated = object.shift_remove("isRepeated");
        let is_repeated = repeated.as_ref().map(json::from_value).transpose()?.unwrap_or(false);
        let input = json::from_value(&Value::Object(object))?;
        Ok(Self(Argument { kind, input, is_repeated }))
    }
}

/// Reads all packages of a document, which are images or nothing.
pub(super) fn read_all(packages: &[Value]) -> Result<Vec<PackagedImage>, ServerJsonError> {
    packages.iter().enumerate().map(|(index, package)| read(index, package)).collect()
}

fn read(index: usize, package: &Value) -> Result<PackagedImage, ServerJsonError> {
    // What is of another kind fails by that, and not by a key that it has.
    match package.get("registryType").and_then(Value::as_str) {
        Some("oci") => (),
        other => {
            let kind = other.unwrap_or_default().chars().take(80).collect();
            return Err(ServerJsonError::Packages(kind));
        }
    }
    let wire: Wire = json::from_value(package).map_err(ServerJsonError::Shape)?;
    let refused = |field: &str, reason| ServerJsonError::Value {
        field: format!("packages/{index}/{field}"),
        reason,
    };
    if wire.registry_type != "oci" || wire.transport.kind != "stdio" {
        return Err(refused("transport", "is not `stdio`"));
    }
    let reference =
        wire.identifier.parse().map_err(|source| ServerJsonError::Image { index, source })?;
    let arguments: Vec<_> = wire.package_arguments.into_iter().map(|it| it.0).collect();
    for (number, argument) in arguments.iter().enumerate() {
        let field = format!("packageArguments/{number}");
        let input = &argument.input;
        let texts = [&input.value, &input.default];
        if texts.into_iter().flatten().any(|text| text.contains(char::is_control)) {
            return Err(refused(&field, "has a control character in its value"));
        }
        // Every program on the machine reads every other's arguments.
        if input.is_secret || input.variables.values().any(|it| it.is_secret) {
            return Err(refused(&field, "would show a secret to every program on the machine"));
        }
        if let ArgumentKind::Named(name) = &argument.kind
            && (!name.starts_with('-')
                || name.contains(|c: char| c.is_whitespace() || c.is_control()))
        {
            return Err(refused(&field, "has a name that is no option"));
        }
    }
    let mut environment = Vec::with_capacity(wire.environment_variables.len());
    for (number, NamedInput { name, input }) in wire.environment_variables.into_iter().enumerate() {
        let field = format!("environmentVariables/{number}");
        let Ok(name) = name.parse::<EnvName>() else {
            return Err(refused(&field, "is not a variable that a server may be given"));
        };
        if input.discloses_secret() {
            return Err(refused(&field, "gives the value of a secret to everybody"));
        }
        environment.push((name, input));
    }
    Ok(PackagedImage { reference, arguments, environment })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(rest: &str) -> String {
        format!("{rest}@{}", Digest::of(b"manifest"))
    }

    #[test]
    fn an_image_is_named_by_its_registry_its_name_and_its_digest() {
        for name in [
            "ghcr.io/acme/weather",
            "docker.io/acme/weather:1.2.0",
            "registry.acme.example:5000/tools/weather_server__x",
            "localhost/weather",
            "localhost:5000/a/b/c--d.e:v1",
        ] {
            let text = reference(name);
            let parsed: ImageReference = text.parse().unwrap();
            assert_eq!(parsed.to_string(), text);
            let untagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
            let untagged = untagged.map_or(name, |(name, _)| name);
            assert_eq!(parsed.pinned(), reference(untagged));
        }
    }

    #[test]
    fn what_may_be_another_image_tomorrow_or_elsewhere_is_refused() {
        type Reason = fn(String) -> ImageReferenceError;
        let digest = Digest::of(b"manifest").to_string();
        let rows: [(String, Reason); 16] = [
            ("ghcr.io/acme/weather".into(), ImageReferenceError::NoDigest),
            ("ghcr.io/acme/weather:1.2.0".into(), ImageReferenceError::NoDigest),
            ("ghcr.io/acme/weather@sha256:abc".into(), ImageReferenceError::Digest),
            (
                format!("ghcr.io/acme/weather@{}", digest.to_uppercase()),
                ImageReferenceError::Digest,
            ),
            (format!("ghcr.io/acme/weather@{digest}@{digest}"), ImageReferenceError::Digest),
            ("ghcr.io/acme/weather@sha512:00".into(), ImageReferenceError::Digest),
            (reference("weather"), ImageReferenceError::NoRegistry),
            (reference("acme/weather"), ImageReferenceError::NoRegistry),
            (reference("ghcr.io/Acme/weather"), ImageReferenceError::Name),
            (reference("ghcr.io//weather"), ImageReferenceError::Name),
            (reference("ghcr.io/../weather"), ImageReferenceError::Name),
            (reference("--privileged.x/a"), ImageReferenceError::Name),
            (reference("ghcr.io/acme/weather:"), ImageReferenceError::Name),
            (reference("ghcr.io:0/acme/weather"), ImageReferenceError::Name),
            (reference("ghcr.io:+80/acme/weather"), ImageReferenceError::Name),
            (reference("ghcr.io/acme/wea ther"), ImageReferenceError::Name),
        ];
        for (text, reason) in rows {
            let shown = text.chars().take(120).collect();
            assert_eq!(text.parse::<ImageReference>(), Err(reason(shown)), "{text}");
        }
        assert_eq!(ImageReferenceError::NoDigest(String::new()).code(), Code::Image);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_is_one_word(text in "[a-z./:@_\\-A ]{0,60}") {
            for text in [text.clone(), reference(&text)] {
                if let Ok(reference) = text.parse::<ImageReference>() {
                    prop_assert_eq!(reference.to_string(), text);
                    let pinned = reference.pinned();
                    prop_assert!(!pinned.starts_with('-') && !pinned.contains(' '));
                }
            }
        }
    }
}
