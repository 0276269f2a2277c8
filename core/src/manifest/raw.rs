//! The document's shape, and the checks that make a [`Manifest`] of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    CommandLine, CommandOverride, ConfigKey, ConfigType, ConfigValue, EXTENSION, MAX_LEN, Manifest,
    ManifestError, Server, ServerType, entry_point,
};
use crate::permissions::{is_env_name, loads_code};
use crate::template::Template;
use crate::text::first_hidden;
use crate::{Platform, json};

#[derive(Deserialize)]
struct RawManifest {
    manifest_version: Option<String>,
    dxt_version: Option<String>,
    name: String,
    version: String,
    display_name: Option<String>,
    description: String,
    author: RawAuthor,
    server: RawServer,
    #[serde(default)]
    user_config: BTreeMap<String, ConfigKey>,
    #[serde(default)]
    compatibility: RawCompatibility,
    #[serde(default, rename = "_meta")]
    meta: Map<String, Value>,
}

#[derive(Deserialize)]
struct RawAuthor {
    name: String,
}

#[derive(Deserialize)]
struct RawServer {
    #[serde(rename = "type")]
    kind: ServerType,
    entry_point: String,
    mcp_config: Option<RawCommand>,
}

#[derive(Deserialize)]
struct RawCommand {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    platform_overrides: BTreeMap<String, RawOverride>,
}

#[derive(Deserialize)]
struct RawOverride {
    command: Option<String>,
    args: Option<Vec<String>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct RawCompatibility {
    #[serde(default)]
    platforms: Vec<String>,
    #[serde(default)]
    runtimes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    platform: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let value = json::parse(bytes, MAX_LEN).map_err(ManifestError::Json)?;
    let raw: RawManifest = json::from_value(&value).map_err(ManifestError::Shape)?;

    check_manifest_version(raw.manifest_version.as_deref(), raw.dxt_version.as_deref())?;
    check_text("name", &raw.name, 200)?;
    check_text("version", &raw.version, 255)?;
    check_text("description", &raw.description, 1000)?;
    check_text("author/name", &raw.author.name, 200)?;
    if let Some(name) = &raw.display_name {
        check_text("display_name", name, 200)?;
    }
    for (key, config) in &raw.user_config {
        check_config_key(key, config)?;
    }
    let server = read_server(raw.server)?;
    check_declared(&server, &raw.user_config)?;
    let manifest = Manifest {
        name: raw.name,
        version: raw.version,
        display_name: raw.display_name,
        description: raw.description,
        author: raw.author.name,
        server,
        user_config: raw.user_config,
        platforms: raw.compatibility.platforms,
        runtimes: raw.compatibility.runtimes,
        platform: read_platform(&raw.meta)?,
        value,
    };
    match manifest.platform {
        Platform::Of(system, _) if !manifest.supports(system) => {
            Err(ManifestError::Compatibility { platform: manifest.platform.to_string() })
        }
        _ => Ok(manifest),
    }
}

fn check_manifest_version(new: Option<&str>, old: Option<&str>) -> Result<(), ManifestError> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => {
            Err(ManifestError::Version(format!("{new} and {old}")))
        }
        (Some("0.1" | "0.2" | "0.3" | "0.4"), _) | (None, Some("0.1" | "0.2" | "0.3" | "0.4")) => {
            Ok(())
        }
        (version, other) => {
            Err(ManifestError::Version(version.or(other).unwrap_or_default().to_owned()))
        }
    }
}

/// Checks a text that people will see, on one line.
fn check_text(field: &str, text: &str, max: usize) -> Result<(), ManifestError> {
    let found = text.chars().count();
    if !(1..=max).contains(&found) {
        return Err(ManifestError::Length { field: field.to_owned(), found, max });
    }
    match first_hidden(text) {
        Some(character) => Err(ManifestError::Hidden { field: field.to_owned(), character }),
        None => Ok(()),
    }
}

fn check_config_key(key: &str, config: &ConfigKey) -> Result<(), ManifestError> {
    let refused = |reason| Err(ManifestError::ConfigKey { key: key.to_owned(), reason });
    // The key is typed in `--set KEY=VALUE` and written as `${user_config.KEY}`.
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.is_empty() || key.len() > 128 || !key.chars().all(is_key) {
        return refused("is not made of letters, digits, `_`, `-` and `.`");
    }
    check_text(&format!("user_config/{key}/title"), &config.title, 200)?;
    if !config.description.is_empty() {
        check_text(&format!("user_config/{key}/description"), &config.description, 1000)?;
    }
    if config.is_sensitive && config.kind != ConfigType::String {
        return refused("is a secret that is not a text");
    }
    let Some(default) = &config.default else { return Ok(()) };
    if config.is_sensitive && !default.is_unset() {
        return refused("gives the value of a secret to everybody");
    }
    if !default.is_unset() && config.check(default).is_err() {
        return refused("has a default that does not suit it");
    }
    let texts = match default {
        ConfigValue::String(text) => std::slice::from_ref(text),
        ConfigValue::List(texts) => texts,
        ConfigValue::Bool(_) | ConfigValue::Number(_) => &[],
    };
    for text in texts {
        let field = format!("user_config/{key}/default");
        if template(&field, text)?.config_keys().next().is_some() {
            return refused("has a default that names another key");
        }
    }
    Ok(())
}

fn read_server(raw: RawServer) -> Result<Server, ManifestError> {
    let entry_point = entry_point::normalize(&raw.entry_point)
        .ok_or_else(|| ManifestError::EntryPoint(raw.entry_point.chars().take(80).collect()))?;
    let Some(config) = raw.mcp_config else {
        if raw.kind != ServerType::Uv {
            return Err(ManifestError::NoCommand);
        }
        let platform_overrides = BTreeMap::new();
        return Ok(Server { kind: raw.kind, entry_point, command: None, platform_overrides });
    };
    let at = "server/mcp_config";
    let command = CommandLine {
        command: template(&format!("{at}/command"), &config.command)?,
        args: templates(&format!("{at}/args"), &config.args)?,
        env: environment(&format!("{at}/env"), config.env)?,
    };
    let mut platform_overrides = BTreeMap::new();
    for (system, raw) in config.platform_overrides {
        let at = format!("{at}/platform_overrides/{system}");
        let replaced = CommandOverride {
            command: raw
                .command
                .map(|text| template(&format!("{at}/command"), &text))
                .transpose()?,
            args: raw.args.map(|texts| templates(&format!("{at}/args"), &texts)).transpose()?,
            env: environment(&format!("{at}/env"), raw.env)?,
        };
        platform_overrides.insert(system, replaced);
    }
    Ok(Server { kind: raw.kind, entry_point, command: Some(command), platform_overrides })
}

fn template(field: &str, text: &str) -> Result<Template, ManifestError> {
    // A program cannot be given a NUL, nor a person see what it hides.
    if let Some(character) = first_hidden(text).filter(|c| !matches!(c, '\n' | '\t')) {
        return Err(ManifestError::Hidden { field: field.to_owned(), character });
    }
    Template::parse(text)
        .map_err(|source| ManifestError::Template { field: field.to_owned(), source })
}

fn templates(field: &str, texts: &[String]) -> Result<Vec<Template>, ManifestError> {
    let numbered = texts.iter().enumerate();
    numbered.map(|(index, text)| template(&format!("{field}/{index}"), text)).collect()
}

fn environment(
    field: &str,
    raw: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Template>, ManifestError> {
    let mut variables = BTreeMap::new();
    for (name, text) in raw {
        if !is_env_name(&name) {
            return Err(ManifestError::EnvironmentName(name.chars().take(80).collect()));
        }
        let value = template(&format!("{field}/{name}"), &text)?;
        if loads_code(&name) && !stays_in_bundle(&value) {
            return Err(ManifestError::EnvironmentCode(name));
        }
        variables.insert(name, value);
    }
    Ok(variables)
}

/// Whether a search path such as `PYTHONPATH` names folders of the bundle only.
fn stays_in_bundle(paths: &Template) -> bool {
    // A space would be a second option in `NODE_OPTIONS`, a second file in `LD_PRELOAD`.
    !paths.as_str().contains(char::is_whitespace)
        && paths.as_str().split([':', ';']).all(|path| {
            Template::parse(path).is_ok_and(|template| template.path_in_bundle().is_some())
        })
}

fn check_declared(
    server: &Server,
    declared: &BTreeMap<String, ConfigKey>,
) -> Result<(), ManifestError> {
    let base = server
        .command
        .iter()
        .flat_map(|line| std::iter::once(&line.command).chain(&line.args).chain(line.env.values()));
    let overrides = server.platform_overrides.values().flat_map(|other| {
        other.command.iter().chain(other.args.iter().flatten()).chain(other.env.values())
    });
    match base
        .chain(overrides)
        .flat_map(Template::config_keys)
        .find(|key| !declared.contains_key(*key))
    {
        Some(key) => Err(ManifestError::UndeclaredKey(key.to_owned())),
        None => Ok(()),
    }
}

fn read_platform(meta: &Map<String, Value>) -> Result<Platform, ManifestError> {
    let Some(extension) = meta.get(EXTENSION) else { return Ok(Platform::Any) };
    let extension: Extension = json::from_value(extension).map_err(ManifestError::Extension)?;
    match extension.platform {
        Some(platform) => platform.parse().map_err(ManifestError::Platform),
        None => Ok(Platform::Any),
    }
}
