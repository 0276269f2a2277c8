//! Packages and remotes of a foreign `server.json`.

use std::collections::BTreeMap;

use super::foreign::is_range;
use super::reader::{Place, Reader};
use super::{Edition, Input, InputFormat, NamedInput, Oddity, RemoteKind};

/// A package in another registry.
///
/// Source: `Package` of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignPackage {
    /// The kind of registry: `npm`, `pypi`, `oci`, `nuget`, `mcpb` …
    pub registry_type: String,
    /// The registry's address, if not the usual one.
    pub registry_base_url: Option<String>,
    /// The package's name there, or the address of a file.
    pub identifier: String,
    /// Its version there; for images it may be part of the identifier.
    pub version: Option<String>,
    /// The SHA-256 of the file, as the document has it.
    pub file_sha256: Option<String>,
    /// How to talk to the server once it runs.
    pub transport: Option<Transport>,
    /// The program to start it with: `npx`, `uvx`, `docker` …
    pub runtime_hint: Option<String>,
    /// Arguments for that program.
    pub runtime_arguments: Vec<Argument>,
    /// Arguments for the server itself.
    pub package_arguments: Vec<Argument>,
    /// Variables to set for it.
    pub environment_variables: Vec<NamedInput>,
}

/// How to talk to a server that runs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over its standard input and output.
    Stdio,
    /// Over HTTP, at an address it opens.
    Http(ForeignRemote),
}

/// A server reached over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignRemote {
    /// The protocol it speaks.
    pub kind: RemoteKind,
    /// Its address; `{name}` stands for one of `variables`.
    pub url: String,
    /// The headers to send.
    pub headers: Vec<NamedInput>,
    /// What stands in braces in `url`.
    pub variables: BTreeMap<String, Input>,
}

/// An argument of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Where it stands.
    pub kind: ArgumentKind,
    /// Its value.
    pub input: Input,
    /// Whether it may come more than once.
    pub is_repeated: bool,
}

/// Where an [`Argument`] stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// In its order among the others; the text is what to call it.
    Positional(Option<String>),
    /// After its flag, dashes included.
    Named(String),
}

pub(super) fn read_package(reader: &mut Reader, place: &Place<'_>) -> Option<ForeignPackage> {
    let registry_type = reader.required_text(place, "registryType");
    let identifier = reader.required_text(place, "identifier");
    // Since October a version may be part of the identifier instead.
    let needs_version = reader.edition().is_some_and(|edition| edition < Edition::October11);
    let version = if needs_version {
        reader.required_text(place, "version")
    } else {
        reader.meaningful_text(place, "version")
    };
    if version.as_deref().is_some_and(is_range) {
        let at = place.at("version");
        reader.note(Oddity::Value { at, reason: "is a range and not one version" });
    }
    let transport = reader.required_object(place, "transport");
    let transport = transport.and_then(|place| read_transport(reader, &place));
    let package = ForeignPackage {
        registry_type: registry_type?,
        registry_base_url: reader.meaningful_text(place, "registryBaseUrl"),
        identifier: identifier?,
        version,
        file_sha256: reader.meaningful_text(place, "fileSha256"),
        transport,
        runtime_hint: reader.meaningful_text(place, "runtimeHint"),
        runtime_arguments: read_arguments(reader, place, "runtimeArguments"),
        package_arguments: read_arguments(reader, place, "packageArguments"),
        environment_variables: read_named_inputs(reader, place, "environmentVariables"),
    };
    let is_digest = |text: &String| crate::Digest::from_hex(text).is_ok();
    if !package.file_sha256.as_ref().is_none_or(is_digest) {
        let at = place.at("fileSha256");
        reader.note(Oddity::Value { at, reason: "is not 64 lower-case hexadecimal digits" });
    }
    Some(package)
}

pub(super) fn read_remote(reader: &mut Reader, place: &Place<'_>) -> Option<ForeignRemote> {
    match read_transport(reader, place)? {
        Transport::Http(remote) => Some(remote),
        Transport::Stdio => {
            let at = place.at("type");
            reader.note(Oddity::Value { at, reason: "is `stdio`, which no remote is" });
            None
        }
    }
}

fn read_transport(reader: &mut Reader, place: &Place<'_>) -> Option<Transport> {
    let kind = match reader.required_text(place, "type")?.as_str() {
        "stdio" => return Some(Transport::Stdio),
        "streamable-http" => RemoteKind::StreamableHttp,
        "sse" => RemoteKind::Sse,
        _ => {
            reader.note(Oddity::Value { at: place.at("type"), reason: "is no transport we know" });
            return None;
        }
    };
    let url = reader.required_text(place, "url")?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let at = place.at("url");
        reader.note(Oddity::Value { at, reason: "is not an http or https URL" });
    }
    let headers = read_named_inputs(reader, place, "headers");
    let variables = read_variables(reader, place);
    Some(Transport::Http(ForeignRemote { kind, url, headers, variables }))
}

fn read_arguments(reader: &mut Reader, place: &Place<'_>, key: &str) -> Vec<Argument> {
    let places = reader.objects(place, key);
    places.iter().filter_map(|place| read_argument(reader, place)).collect()
}

fn read_argument(reader: &mut Reader, place: &Place<'_>) -> Option<Argument> {
    let kind = match reader.required_text(place, "type")?.as_str() {
        "positional" => ArgumentKind::Positional(reader.text(place, "valueHint")),
        "named" => ArgumentKind::Named(reader.required_text(place, "name")?),
        _ => {
            let at = place.at("type");
            reader.note(Oddity::Value { at, reason: "is neither `positional` nor `named`" });
            return None;
        }
    };
    let input = read_input(reader, place);
    if matches!(kind, ArgumentKind::Positional(None)) && input.value.is_none() {
        reader.note(Oddity::Missing { at: place.at("value") });
    }
    Some(Argument { kind, input, is_repeated: reader.flag(place, "isRepeated") })
}

fn read_named_inputs(reader: &mut Reader, place: &Place<'_>, key: &str) -> Vec<NamedInput> {
    let places = reader.objects(place, key);
    places
        .iter()
        .filter_map(|place| {
            let name = reader.required_text(place, "name")?;
            Some(NamedInput { name, input: read_input(reader, place) })
        })
        .collect()
}

fn read_input(reader: &mut Reader, place: &Place<'_>) -> Input {
    let format = match reader.text(place, "format").as_deref() {
        None | Some("string") => InputFormat::String,
        Some("number") => InputFormat::Number,
        Some("boolean") => InputFormat::Boolean,
        Some("filepath") => InputFormat::Filepath,
        Some(_) => {
            reader.note(Oddity::Value { at: place.at("format"), reason: "is no format we know" });
            InputFormat::String
        }
    };
    Input {
        description: reader.text(place, "description"),
        format,
        value: reader.text(place, "value"),
        default: reader.text(place, "default"),
        placeholder: reader.text(place, "placeholder"),
        choices: reader.texts(place, "choices"),
        is_required: reader.flag(place, "isRequired"),
        is_secret: reader.flag(place, "isSecret"),
        variables: read_variables(reader, place),
    }
}

fn read_variables(reader: &mut Reader, place: &Place<'_>) -> BTreeMap<String, Input> {
    let Some(variables) = reader.object(place, "variables") else { return BTreeMap::new() };
    variables.objects().map(|(name, place)| (name.clone(), read_input(reader, &place))).collect()
}
