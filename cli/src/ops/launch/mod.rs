//! Starting an installed server, as its lock says and with nothing else.
//!
//! | module | says |
//! |---|---|
//! | `config` | the values of its settings, and its secrets |
//! | [`brokered`] | the secrets that it never has |
//! | [`elsewhere`] | what is started or connected to, where there is no artifact |
//! | `environment` | the variables that it starts with |
//! | `grants` | which folders it was granted, on this machine |
//! | [`workspace`] | which folder is the project that it works in |
//! | `serve` | nothing any more: it starts it, and stands between it and the agent |
//!
//! A plan is made before anything starts, and whatever is wrong with it is found then.
//! Where a server is confined it is a [`sandbox::Plan`](crate::sandbox::Plan): what it
//! may start is its own program with what interprets that, its own files, and the
//! programs that were granted with the helpers that came with them.

pub mod brokered;
mod config;
pub mod elsewhere;
mod environment;
mod grants;
mod made;
mod serve;
pub mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpkg_core::lock::{LockedConfinement, LockedServer};
use mcpkg_core::manifest::{ConfigValue, Launch, LaunchContext, Manifest};
use mcpkg_core::permissions::ProgramName;
use mcpkg_core::{Code, Platform};

pub use self::config::{given, value};
pub use self::made::Absent;
pub use self::serve::serve;
use self::workspace::Workspace;
use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::fetch::MANIFEST;
use crate::places::Places;
use crate::sandbox::{Plan, Sight, Wanted, programs};
use crate::secrets::SecretError;
use crate::store::Store;

/// What uv starts in turn.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// Where systems keep the helpers of a program, each in a folder that has its name.
const HELPERS: [&str; 3] = ["/usr/lib", "/usr/libexec", "/usr/local/libexec"];

/// How the user wants a server to be confined.
pub fn wanted(server: &LockedServer) -> Wanted {
    match server.confinement {
        None => Wanted::Best,
        Some(LockedConfinement::None) => Wanted::None,
    }
}

/// Checks every file of `server`, and says how it is started.
///
/// # Errors
///
/// [`Error::TreeMismatch`] or [`Error::NotInStore`] if the files are not the
/// pinned ones; nothing of them is read before that is known. `E_CONFINEMENT` if it
/// was granted what no server gets.
pub fn plan(
    server: &LockedServer,
    store: &Store,
    places: &Places,
    workspace: &Workspace,
) -> Result<Plan> {
    let host = Platform::current();
    let artifact = server.artifact_for(host).ok_or_else(|| Error::NoArtifact {
        name: server.name.clone(),
        version: server.version.clone(),
        available: available(server),
    })?;
    let tree = real(&store.check(artifact.tree)?)?;
    let path = tree.join(MANIFEST);
    let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
    let manifest = Manifest::read(&bytes).map_err(Error::wrap(cannot_be_started(server)))?;
    let wanted = wanted(server);
    brokered::check(server, wanted)?;
    let (config, kept) = config::of(server, manifest.config_keys(), places)?;
    let launch = command_line(server, &manifest, &config, &tree, places)?;
    let swap = brokered::swapping(kept, places)?;
    let folder = own_folder(&places.of_server(&server.name))?;
    let root = own_folder(&places.empty())?;
    let program = program(&launch.command, places)?;
    let mut sight = match wanted {
        Wanted::Best => grants::sight(server, places, workspace)
            .map_err(Error::wrap(cannot_be_started(server)))?,
        Wanted::None => Sight::default(),
    };
    show_programs(&mut sight, &program, server, places);
    sight.own.push(tree.clone());
    sight.execute.push(tree);
    let mut environment = environment::of(server, &launch, wanted, &folder);
    if let Some(swap) = &swap {
        let files = real(swap.files.path())?;
        environment.extend(brokered::environment(&files));
        sight.own.push(files);
    }
    // Where there is no `/tmp` of its own.
    own_folder(&folder.join("tmp"))?;
    Ok(Plan {
        program,
        environment,
        args: launch.args,
        folder,
        root,
        home: real(&places.home)?,
        sight,
        hosts: server.granted.network.allow.clone(),
        swap,
    })
}

fn cannot_be_started(server: &LockedServer) -> String {
    format!("{}@{} cannot be started", server.name, server.version)
}

fn command_line(
    server: &LockedServer,
    manifest: &Manifest,
    config: &BTreeMap<String, ConfigValue>,
    tree: &Path,
    places: &Places,
) -> Result<Launch> {
    let folder = |name: &str| text(&places.home.join(name));
    let (dirname, home) = (text(tree)?, text(&places.home)?);
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
            config,
        })
        .map_err(Error::wrap(cannot_be_started(server)))?;
    // Every program on the machine reads every other's arguments.
    if launch.sensitive_args().next().is_some() {
        return Err(SecretError::InArguments(server.name.clone()).into());
    }
    Ok(launch)
}

/// The program of a command line: a file of the server's, or a runtime to look up.
fn program(command: &str, places: &Places) -> Result<PathBuf> {
    let path = Path::new(command);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    programs::find(command, &places.search).ok_or_else(|| Error::Failed {
        context: format!("`{command}` could not be started"),
        code: Code::Config,
        hint: Some(
            "install the interpreter that the server needs, where your agent's PATH finds it",
        ),
        source: "it is in no folder of the PATH".into(),
    })
}

/// Adds what it takes to start the server's program, and those that it was granted.
fn show_programs(sight: &mut Sight, program: &Path, server: &LockedServer, places: &Places) {
    let is_uv = program.file_stem().is_some_and(|name| name == "uv");
    let pythons = PYTHONS.iter().filter(|_| is_uv).copied();
    let granted = server.granted.run.iter().map(ProgramName::as_str);
    let found: Vec<PathBuf> = granted
        .clone()
        .chain(pythons)
        .filter_map(|name| programs::find(name, &places.search))
        .collect();
    for program in std::iter::once(program).chain(found.iter().map(PathBuf::as_path)) {
        sight.execute.extend(programs::chain(program, &places.search));
        if !program.starts_with(&places.data) {
            sight.own.extend(programs::folders(program, &places.home));
        }
    }
    sight.execute.extend(granted.flat_map(helpers));
}

/// The folders of the programs that `name` starts: git has `git-core`.
fn helpers(name: &str) -> impl Iterator<Item = PathBuf> {
    HELPERS
        .into_iter()
        .flat_map(move |folder| {
            [name.to_owned(), format!("{name}-core")].map(|it| Path::new(folder).join(it))
        })
        .filter(|folder| folder.is_dir())
}

/// A folder of the server's own, made if it is not there.
fn own_folder(path: &Path) -> Result<PathBuf> {
    atomic::create_folder(path)?;
    real(path)
}

fn real(path: &Path) -> Result<PathBuf> {
    dunce::canonicalize(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| Error::Setting {
        message: format!("`{}` is not UTF-8, as a server's arguments are", path.display()),
        hint: "use a home folder with a plainer name",
    })
}

fn available(server: &LockedServer) -> String {
    let platforms: Vec<_> = server.artifacts.iter().map(|artifact| artifact.platform).collect();
    crate::request::platforms(&platforms)
}
