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

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mcpkg_core::Code;
use mcpkg_core::elsewhere::{ContainerLaunch, steers_engine};
use mcpkg_core::lock::LockedServer;
use mcpkg_core::server_json::ImageReference;

use crate::error::{Error, Result};
use crate::ops::launch::workspace::Workspace;
use crate::ops::launch::{cannot_be_started, grants, wanted};
use crate::places::Places;
use crate::sandbox::{Sight, Wanted, programs};

/// A container engine that is here.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: Kind,
    /// Its program.
    pub program: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Podman,
    Docker,
}

/// The engines that we know how to ask. Podman comes first: it needs no daemon that is
/// root.
const ENGINES: [(Kind, &str); 2] = [(Kind::Podman, "podman"), (Kind::Docker, "docker")];

/// How many processes and threads there may be at once, and how much memory: what a
/// server outside of a container may have, see `sandbox/linux`.
const LIMITS: [&str; 2] = ["--pids-limit=1024", "--memory=4g"];

/// Variables that an engine may need to find its daemon, its files and its user.
const OF_THE_ENGINE: [&str; 15] = [
    "CONTAINERS_CONF",
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "HOME",
    "LANG",
    "PATH",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// Nobody, who owns nothing: in the place of root.
const NOBODY: &str = "65534:65534";

/// The engine that is here.
pub fn engine(places: &Places) -> Option<Engine> {
    let found =
        |(kind, name)| programs::find(name, &places.search).map(|program| Engine { kind, program });
    ENGINES.into_iter().find_map(found)
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
    client: Child,
    engine: Engine,
    name: String,
    is_over: bool,
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
        let mounts = mounts(server, &sight)?;
        let name = name(server)?;
        let mut variables: Vec<_> =
            launch.environment.keys().map(|name| name.as_str().to_owned()).collect();
        let mut command = asking(&engine);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        for variable in &server.granted.env.allow {
            let variable = variable.as_str();
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
                variables.push(variable.to_owned());
            }
        }
        command.envs(launch.environment.iter().map(|(name, value)| (name.as_str(), value)));
        command.args(options(&name, engine.kind, wanted(server)));
        command.args(mounts);
        variables.sort_unstable();
        variables.dedup();
        command.args(variables.iter().flat_map(|name| ["--env", name]));
        command.arg(image.pinned()).args(&launch.arguments);
        let client = command.spawn().map_err(|source| Error::Failed {
            context: format!("`{}` was not started", engine.program.display()),
            code: Code::Engine,
            hint: Some("`mcpkg doctor` shows which engine is here"),
            source: Box::new(source),
        })?;
        Ok(Self { client, engine, name, is_over: false })
    }

    pub(super) fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        (self.client.stdin.take(), self.client.stdout.take())
    }

    pub(super) fn wait(&mut self) -> io::Result<u8> {
        let status = self.client.wait()?;
        self.is_over = true;
        // By a signal it is the engine's own end: as shells count.
        let code = status.code().unwrap_or(128);
        Ok(u8::try_from(code).unwrap_or(1))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Nobody waits for it any more. That it is gone already is no failure.
        let _ = asking(&self.engine)
            .args(["rm", "--force", &self.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// The engine, with what it needs of our environment and nothing else.
fn asking(engine: &Engine) -> Command {
    let mut command = Command::new(&engine.program);
    command.env_clear();
    for variable in OF_THE_ENGINE {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    command
}

/// What the engine is told, but for what was granted.
fn options(name: &str, kind: Kind, wanted: Wanted) -> Vec<String> {
    let mut options: Vec<String> = [
        "run",
        "--rm",
        "--interactive",
        "--pull=missing",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        // What it says is for the agent, and may hold what the agent was told.
        "--log-driver=none",
        "--no-healthcheck",
    ]
    .map(str::to_owned)
    .to_vec();
    options.extend(LIMITS.map(str::to_owned));
    if wanted == Wanted::Best {
        options.push("--network=none".to_owned());
    }
    options.extend(user(kind));
    options.push(format!("--name={name}"));
    options
}

/// As whom it runs: the user, so that it may do with what was granted what they may, but
/// never root.
#[cfg(unix)]
fn user(kind: Kind) -> Vec<String> {
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    if user.is_root() {
        return vec![format!("--user={NOBODY}")];
    }
    let mut options = vec![format!("--user={user}:{group}")];
    if kind == Kind::Podman {
        options.push("--userns=keep-id".to_owned());
    }
    options
}

#[cfg(not(unix))]
fn user(_: Kind) -> Vec<String> {
    vec![format!("--user={NOBODY}")]
}

/// What it sees of files, each at its own path.
fn mounts(server: &LockedServer, sight: &Sight) -> Result<Vec<String>> {
    let refused = |path: &Path, reason: &str| Error::Failed {
        context: cannot_be_started(server),
        code: Code::Confinement,
        hint: Some("grant it a folder below instead: `mcpkg permissions show` lists what it has"),
        source: format!("`{}` {reason}", path.display()).into(),
    };
    if let Some(denied) = sight.denied.first() {
        return Err(refused(denied, "is in what it was granted, and is never shown"));
    }
    let writable: Vec<_> = sight.write.iter().chain(&sight.own_writable).collect();
    let readable = sight.read.iter().chain(&sight.own).filter(|path| !writable.contains(path));
    // What is frozen covers what it is in, so it comes last.
    let all = readable
        .map(|path| (path, ",readonly"))
        .chain(writable.iter().map(|path| (*path, "")))
        .chain(sight.frozen.iter().map(|path| (path, ",readonly")));
    let mut mounts = Vec::new();
    for (path, mode) in all {
        let text = path.to_str().filter(|text| !text.contains([',', '"', '\n']));
        let text = text.ok_or_else(|| refused(path, "cannot be named to a container engine"))?;
        mounts.push(format!("--mount=type=bind,source={text},target={text}{mode}"));
    }
    Ok(mounts)
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
    Ok(format!("mcpkg-{}", hex::encode(random)))
}
