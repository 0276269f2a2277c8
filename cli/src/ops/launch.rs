//! Starting an installed server, as its lock says and with nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpkg_core::lock::{ConfigText, LockedServer, SecretReference};
use mcpkg_core::manifest::{ConfigKey, ConfigValue, LaunchContext, Manifest};
use mcpkg_core::{Code, Platform};

use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::fetch::MANIFEST;
use crate::places::Places;
use crate::store::Store;

/// Variables that a program may need to work at all, and that hold no secret.
/// Everything else in the agent's environment stays with the agent.
#[cfg(not(windows))]
const BASE_ENVIRONMENT: [&str; 9] =
    ["HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME"];

/// Windows programs do not start without some of these.
#[cfg(windows)]
const BASE_ENVIRONMENT: [&str; 14] = [
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
];

/// Checks every file of `server` and builds the command that starts it.
///
/// # Errors
///
/// [`Error::TreeMismatch`] or [`Error::NotInStore`] if the files are not the
/// pinned ones; nothing of them is read before that is known.
pub fn command(server: &LockedServer, store: &Store, places: &Places) -> Result<Command> {
    let host = Platform::current();
    let artifact = server.artifact_for(host).ok_or_else(|| Error::NoArtifact {
        name: server.name.clone(),
        version: server.version.clone(),
        available: available(server),
    })?;
    let root = store.check(artifact.tree)?;
    let path = root.join(MANIFEST);
    let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
    let context = || format!("{}@{} cannot be started", server.name, server.version);
    let manifest = Manifest::read(&bytes).map_err(Error::wrap(context()))?;
    let config = config(server, &manifest)?;
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| Error::Setting {
            message: format!("`{}` is not UTF-8, as a server's arguments are", path.display()),
            hint: "use a home folder with a plainer name",
        })
    };
    let folder = |name: &str| text(&places.home.join(name));
    let (dirname, home) = (text(&root)?, text(&places.home)?);
    let (desktop, documents, downloads) =
        (folder("Desktop")?, folder("Documents")?, folder("Downloads")?);
    let launch = manifest
        .launch(&LaunchContext {
            dirname: &dirname,
            home: Some(&home),
            desktop: Some(&desktop),
            documents: Some(&documents),
            downloads: Some(&downloads),
            system: places.system,
            config: &config,
        })
        .map_err(Error::wrap(context()))?;

    let mut command = Command::new(&launch.command);
    command.args(&launch.args).current_dir(working_folder(server, places)?).env_clear();
    let environment = |name: &str| std::env::var_os(name).map(|value| (name.to_owned(), value));
    command.envs(BASE_ENVIRONMENT.iter().copied().filter_map(environment));
    let granted = server.granted.env.allow.iter().map(ToString::to_string);
    command.envs(granted.filter_map(|name| environment(&name)));
    // Compiled files beside the sources would be files that nobody signed.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(&launch.env);
    Ok(command)
}

/// The folder that a server starts in: one of its own, outside its files, which
/// may not change, and outside whatever folder the agent happens to be in.
fn working_folder(server: &LockedServer, places: &Places) -> Result<PathBuf> {
    let name = server.name.as_str().to_ascii_lowercase();
    let folder = places.state.join("servers").join(name);
    atomic::create_folder(&folder)?;
    Ok(folder)
}

/// The values of the server's settings: those in the lock, and its secrets from
/// wherever the lock says they are.
fn config(server: &LockedServer, manifest: &Manifest) -> Result<BTreeMap<String, ConfigValue>> {
    let mut values = BTreeMap::new();
    let keys = manifest.config_keys();
    for (key, text) in &server.config {
        if let Some(config) = keys.get(key) {
            values.insert(key.clone(), value(key, config, text)?);
        }
    }
    for (key, reference) in &server.secrets {
        let SecretReference::Environment(name) = reference;
        match std::env::var(name) {
            Ok(secret) => {
                values.insert(key.clone(), ConfigValue::String(secret));
            }
            Err(_) if !keys.get(key).is_some_and(|config| config.is_required) => (),
            Err(_) => {
                return Err(Error::Failed {
                    context: format!("the secret `{key}` of {} is not at hand", server.name),
                    code: Code::Config,
                    hint: Some("set the variable in the environment that your agent starts with"),
                    source: format!("the environment has no `{name}`").into(),
                });
            }
        }
    }
    Ok(values)
}

/// A text of the lock, as the manifest's setting takes it.
pub fn value(key: &str, config: &ConfigKey, text: &ConfigText) -> Result<ConfigValue> {
    let result = match text {
        ConfigText::One(text) => config.parse(text),
        ConfigText::Many(texts) => {
            let values = ConfigValue::List(texts.clone());
            config.check(&values).map(|()| values)
        }
    };
    result.map_err(|reason| Error::Setting {
        message: format!("the setting `{key}` cannot be used: {reason}"),
        hint: "install it again with another `--set`",
    })
}

fn available(server: &LockedServer) -> String {
    let platforms: Vec<_> = server.artifacts.iter().map(|artifact| artifact.platform).collect();
    crate::request::platforms(&platforms)
}
