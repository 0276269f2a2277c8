//! A server in a container, by the engine that is here: podman, or docker.
//!
//! The engine is told to keep from it all that was not granted: the network, every
//! capability, new rights, a root that can be written to, our own user's rights over
//! files. What an engine cannot hold to is refused, a list of hosts above all: it knows
//! networks and no names. Arguments are those of the signed document; there is no shell,
//! and nothing of a value is read as an option of the engine's, whose own end before the
//! image.
//!
//! A variable is passed by its name, and its value by the engine's environment, so that no
//! secret is an argument.
//!
//! A container does not end with the client that started it. A stage of ours ends it,
//! see [`Attended`], and `leftover` what that could not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command};

use mcpkg_core::Code;
use mcpkg_core::elsewhere::{ContainerLaunch, steers_engine};
use mcpkg_core::guard::Notice;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::server_json::ImageReference;

use super::leftover::{self, Note, PREFIX};
use super::told;
use crate::error::{Error, Result};
use crate::ops::launch::workspace::Workspace;
use crate::ops::launch::{cannot_be_started, grants, wanted};
use crate::places::Places;
use crate::sandbox::{Attended, Charge, Leash, SandboxError, Wanted, programs};

/// A container engine that is here.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: Kind,
    /// Its program.
    pub program: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Podman,
    Docker,
}

/// The engines that we know how to ask. Podman comes first: it needs no daemon that is
/// root.
const ENGINES: [(Kind, &str); 2] = [(Kind::Podman, "podman"), (Kind::Docker, "docker")];

/// Variables that an engine may need to find its daemon, its files and its user.
const OF_THE_ENGINE: [&str; 24] = [
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "NO_PROXY",
    "PATH",
    "REGISTRY_AUTH_FILE",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The exit code of a client that could not start its container.
///
/// Sources: `podman-run(1)` and docker's reference of `run`, "Exit status".
const NOT_STARTED: u8 = 125;

/// The engines that are here, the first of them first.
pub(super) fn engines(places: &Places) -> impl Iterator<Item = Engine> {
    let found =
        |(kind, name)| programs::find(name, &places.search).map(|program| Engine { kind, program });
    ENGINES.into_iter().filter_map(found)
}

/// The engine that is here.
pub fn engine(places: &Places) -> Option<Engine> {
    engines(places).next()
}

impl Engine {
    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Podman => "podman",
            Kind::Docker => "docker",
        }
    }
}

/// Refuses what no engine, or none that is here, could start as it is pinned.
///
/// # Errors
///
/// `E_ENGINE` where there is no engine, `E_CONFINEMENT` for a grant that it would not
/// hold to.
pub fn check(server: &LockedServer, places: &Places) -> Result<()> {
    found(server, places)?;
    let granted = &server.granted;
    let refused = |hint, what: Vec<String>| {
        Err(Error::Failed {
            context: cannot_be_started(server),
            code: Code::Confinement,
            hint: Some(hint),
            source: format!("no container engine can hold it to this: {}", what.join(", ")).into(),
        })
    };
    let hosts: Vec<_> = granted.network.allow.iter().map(ToString::to_string).collect();
    if !hosts.is_empty() && wanted(server) == Wanted::Best {
        return refused(
            "`--unconfined` lets it connect to any host; what else holds for a container stays",
            hosts,
        );
    }
    let run: Vec<_> = granted.run.iter().map(ToString::to_string).collect();
    if !run.is_empty() {
        return refused("ask its author to put those programs into the image", run);
    }
    let steering = granted.env.allow.iter().filter(|name| steers_engine(name));
    let steering: Vec<_> = steering.map(ToString::to_string).collect();
    if !steering.is_empty() {
        return refused("`mcpkg permissions revoke` takes those variables from it", steering);
    }
    Ok(())
}

fn found(server: &LockedServer, places: &Places) -> Result<Engine> {
    engine(places).ok_or_else(|| Error::Failed {
        context: cannot_be_started(server),
        code: Code::Engine,
        hint: Some("install podman or docker, where your agent's PATH finds it"),
        source: "it is an image, and there is neither podman nor docker in the PATH".into(),
    })
}

/// A container that was started. Dropped, it is removed.
pub(super) struct Container {
    client: Attended,
    note: Option<Note>,
    engine: Engine,
}

impl Container {
    pub(super) fn start(
        server: &LockedServer,
        image: &ImageReference,
        launch: &ContainerLaunch,
        places: &Places,
        workspace: &Workspace,
    ) -> Result<Self> {
        check(server, places)?;
        let engine = found(server, places)?;
        let sight = grants::sight(server, places, workspace)
            .map_err(Error::wrap(cannot_be_started(server)))?;
        let mounts = told::mounts(server, &sight)?;
        leftover::clear(places);
        let name = name(server)?;
        let mut variables: BTreeMap<_, _> = launch.environment.clone();
        for variable in &server.granted.env.allow {
            if let Ok(value) = std::env::var(variable.as_str()) {
                variables.entry(variable.clone()).or_insert(value);
            }
        }
        let mut words = vec![engine.program.to_string_lossy().into_owned()];
        words.extend(told::options(&name, server, engine.kind));
        words.extend(mounts);
        words.extend(
            variables.keys().flat_map(|name| ["--env".to_owned(), name.as_str().to_owned()]),
        );
        words.push(image.pinned());
        words.extend(launch.arguments.iter().cloned());
        let mut environment = of_the_engine();
        environment
            .extend(variables.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)));
        let charge = Charge {
            at_end: [&words[0], "rm", "--force", &name].map(str::to_owned).to_vec(),
            words,
            environment,
            folder: places.project.clone(),
        };
        let note = Note::leave(&name, &engine, places)?;
        let client = Attended::start(&charge).map_err(|source| Error::Failed {
            context: format!("`{}` was not started", engine.program.display()),
            code: Code::Engine,
            hint: Some("`mcpkg doctor` shows which engine is here"),
            source: Box::new(source),
        })?;
        Ok(Self { client, note: Some(note), engine })
    }

    pub(super) fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        self.client.streams()
    }

    /// What holds it.
    pub(super) fn leash(&self) -> Leash {
        self.client.leash()
    }

    /// Waits for its end. The answer is its exit code.
    pub(super) fn wait(&mut self) -> Result<u8, SandboxError> {
        let code = self.client.wait()?;
        if let Some(note) = self.note.take() {
            note.take_back();
        }
        Ok(code)
    }

    /// What is to be said of an end with this exit code, if it is not the server's own.
    pub(super) fn never_began(&self, code: u8) -> Option<Notice> {
        (code == NOT_STARTED).then(|| Notice {
            code: Code::Engine,
            sentence: format!("{} could not start the image that is pinned", self.engine.name()),
            hint: Some("what it said is on stderr: `mcpkg inspect` starts it again".to_owned()),
        })
    }
}

/// The engine, with what it needs of our environment and nothing else.
pub(super) fn asking(engine: &Engine) -> Command {
    let mut command = Command::new(&engine.program);
    command.env_clear().envs(of_the_engine());
    command
}

fn of_the_engine() -> BTreeMap<String, String> {
    let read = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
    OF_THE_ENGINE.iter().filter_map(read).collect()
}

/// A name that no other container has.
fn name(server: &LockedServer) -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|source| Error::Failed {
        context: cannot_be_started(server),
        code: Code::Storage,
        hint: None,
        source: Box::new(source),
    })?;
    Ok(format!("{PREFIX}{}", hex::encode(random)))
}
