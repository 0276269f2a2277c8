//! Servers in images.

use std::collections::BTreeMap;
use std::fmt;

use super::slot::{Asked, Slot};
use super::{ElsewhereError, Settings};
use crate::manifest::ConfigValue;
use crate::permissions::EnvName;
use crate::server_json::{ArgumentKind, ImageReference, PackagedImage};

/// A server that is started from an image.
#[derive(Clone, Debug)]
pub struct Image {
    reference: ImageReference,
    arguments: Vec<ArgumentSlot>,
    environment: Vec<(EnvName, Slot)>,
    asked: Asked,
}

#[derive(Clone, Debug)]
struct ArgumentSlot {
    /// The option before it.
    option: Option<String>,
    slot: Slot,
    /// What to call it.
    key: String,
}

/// What a server in an image is started with. A variable may hold a secret, and no
/// argument does: `Debug` shows no value of a variable.
#[derive(Clone, PartialEq, Eq)]
pub struct ContainerLaunch {
    /// The arguments of the server, after the image's own entry point.
    pub arguments: Vec<String>,
    /// The variables to set for it.
    pub environment: BTreeMap<EnvName, String>,
}

impl Image {
    pub(super) fn read(image: &PackagedImage) -> Result<Self, ElsewhereError> {
        let mut asked = Asked::default();
        let mut arguments = Vec::new();
        for argument in &image.arguments {
            let refused =
                |key: &str, reason| ElsewhereError::Setting { key: key.to_owned(), reason };
            let (option, key) = match &argument.kind {
                ArgumentKind::Named(name) => {
                    (Some(name.clone()), name.trim_start_matches('-').to_owned())
                }
                ArgumentKind::Positional(hint) => {
                    // One with a value of its own asks for nothing by that name.
                    (None, hint.clone().unwrap_or_else(|| "argument".to_owned()))
                }
            };
            if argument.is_repeated {
                return Err(refused(&key, "it may be there several times, which nobody can set"));
            }
            let slot = asked.slot(&key, &argument.input)?;
            arguments.push(ArgumentSlot { option, slot, key });
        }
        let mut environment = Vec::new();
        for (name, input) in &image.environment {
            if steers_engine(name) {
                return Err(ElsewhereError::Setting {
                    key: name.to_string(),
                    reason: "it is one of the engine's own variables",
                });
            }
            environment.push((name.clone(), asked.slot(name.as_str(), input)?));
        }
        Ok(Self { reference: image.reference.clone(), arguments, environment, asked })
    }

    /// The image.
    pub fn reference(&self) -> &ImageReference {
        &self.reference
    }

    /// What to ask the user for.
    pub fn settings(&self) -> &Settings {
        &self.asked.settings
    }

    /// Whether the values that there are could be used. Others may have none yet.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Value`] and `Misfit`, neither of which shows a value.
    pub fn check(&self, values: &BTreeMap<String, ConfigValue>) -> Result<(), ElsewhereError> {
        self.asked.given(values).map(|_| ())
    }

    /// What it is started with, and what the user filled in.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Missing`], `Value` and `Misfit`, none of which shows a value.
    pub fn launch(
        &self,
        values: &BTreeMap<String, ConfigValue>,
    ) -> Result<ContainerLaunch, ElsewhereError> {
        let texts = self.asked.texts(values)?;
        let mut arguments = Vec::new();
        for argument in &self.arguments {
            if let Some(text) = argument.slot.fill(&argument.key, &texts)? {
                arguments.extend(argument.option.clone());
                arguments.push(text);
            }
        }
        let mut environment = BTreeMap::new();
        for (name, slot) in &self.environment {
            if let Some(text) = slot.fill(name.as_str(), &texts)? {
                environment.insert(name.clone(), text);
            }
        }
        Ok(ContainerLaunch { arguments, environment })
    }
}

/// Whether a container engine, or a program that it starts, takes the variable for its
/// own. A value is handed to a container by way of the engine, which would be steered by
/// it: to another daemon, say, with the user's rights.
///
/// Sources: the manuals of docker, podman and containers.conf; Go's `net/http`, `os` and
/// `runtime` packages.
pub fn steers_engine(name: &EnvName) -> bool {
    const PREFIXES: [&str; 17] = [
        "BUILDAH_",
        "BUILDKIT_",
        "BUILDX_",
        "COMPOSE_",
        "CONMON",
        "CONTAINER",
        "DBUS_",
        "DOCKER",
        "GOTRACEBACK",
        "LISTEN_",
        "PODMAN_",
        "REGISTRY_AUTH",
        "SSH_",
        "SSL_CERT_",
        "STORAGE_",
        "TMPDIR",
        "XDG_",
    ];
    const NAMES: [&str; 14] = [
        "GODEBUG",
        "GOGC",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "HOME",
        "HOSTALIASES",
        "LOGNAME",
        "NOTIFY_SOCKET",
        "PATH",
        "RES_OPTIONS",
        "TEMP",
        "TMP",
        "USER",
        "USERPROFILE",
    ];
    let name = name.as_str().to_ascii_uppercase();
    name.ends_with("_PROXY")
        || NAMES.contains(&name.as_str())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Debug for ContainerLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerLaunch")
            .field("arguments", &self.arguments)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}
