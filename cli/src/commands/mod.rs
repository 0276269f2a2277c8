//! One file per command. A command says what happens, in order; what it is made
//! of is in [`crate::ops`]. It returns an exit code or an error, and neither
//! prints nor exits by itself.

mod agents;
mod announcing;
mod approval;
mod audit;
mod completions;
mod doctor;
mod export;
mod info;
mod inspect;
mod install;
mod intake;
mod judged;
mod list;
mod lock;
mod locked;
mod locking;
mod log;
mod login;
mod migrate;
mod network;
mod origin;
mod outdated;
mod pack;
mod permissions;
mod publish;
mod publisher;
mod rebuild;
mod registry;
mod remove;
mod review;
mod run;
mod search;
mod secret;
mod status;
mod sync;
mod tools;
mod trust;
mod update;
mod upstream;
mod verify;

use std::process::ExitCode;

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_core::{Coded as _, PackageName};
use mcpkg_verify::TrustStore;

use crate::agents::Scope;
use crate::args::{Cli, Command, Global, ScopeArg};
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::ops;
use crate::ops::log::KnownLog;
use crate::places::Places;
use crate::registry::Registry;
use crate::ui::{self, Ui};

/// The exit code where nothing failed, and there is something for the user to do.
const SOMETHING_TO_DO: u8 = 4;

/// What every command is given.
pub struct Context {
    /// Where things are.
    pub places: Places,
    /// What the user sees.
    pub ui: Ui,
    /// The registry that the user named.
    pub registry: Option<String>,
    /// Nobody on the network is asked.
    pub is_offline: bool,
    /// The time, read once: one command makes one decision about age.
    pub now: Timestamp,
}

impl Context {
    /// The configuration.
    pub fn config(&self) -> Result<Config> {
        self.ui.more("reads", Config::path(&self.places).display());
        Config::read(&self.places)
    }

    /// Refuses where nobody is to be asked.
    fn online(&self, what: &'static str) -> Result<()> {
        if self.is_offline { Err(Error::Offline { what }) } else { Ok(()) }
    }

    /// Who may vouch for packages from a registry. Says so if some of it is old.
    pub fn trust(&self, source: &RegistryConfig) -> Result<TrustStore> {
        let (store, warnings) = ops::trust::store(&self.config()?, source, &self.places, self.now)?;
        self.ui.warn_all(&warnings);
        Ok(store)
    }

    /// A client of a registry.
    pub fn client(&self, config: &Config, source: &RegistryConfig) -> Result<Registry> {
        Registry::open(source, config, &self.places)
    }

    /// What is known of the log of a registry.
    pub fn log<'a>(&'a self, config: &Config, source: &'a RegistryConfig) -> Result<KnownLog<'a>> {
        KnownLog::read(config, source, &self.places, self.now)
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let Global { json, talk, offline, registry, .. } = cli.global;
    if let Some(what) = network::needed_by(&cli.command).filter(|_| offline) {
        return Err(Error::Offline { what });
    }
    let ui = Ui { json, talk: talk.into(), yes: false };
    let context = Context {
        places: Places::from_environment()?,
        ui,
        registry,
        is_offline: offline,
        now: Timestamp::now(),
    };
    match cli.command {
        Command::Install(args) => install::run(&args, &context),
        Command::Remove(args) => remove::run(&args, &context),
        Command::Update(args) => update::run(&args, &context),
        Command::Outdated(args) => outdated::run(&args, &context),
        Command::Audit(args) => audit::run(&args, &context),
        Command::Export(args) => export::run(&args, &context),
        Command::Doctor => doctor::run(&context),
        Command::Lock(args) => lock::run(&args, &context),
        Command::Sync(args) => sync::run(&args, &context),
        Command::Permissions(command) => permissions::run(&command, &context),
        Command::List(args) => list::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::Run(args) => run::run(&args, &context),
        Command::Inspect(args) => inspect::run(&args, &context),
        Command::Tools(args) => tools::run(&args, &context),
        Command::Search(args) => search::run(&args, &context),
        Command::Info(args) => info::run(&args, &context),
        Command::Pack(args) => pack::run(&args, &context),
        Command::Publish(args) => publish::run(&args, &context),
        Command::Rebuild(args) => rebuild::run(&args, &context),
        Command::Yank(args) => status::run(Status::Yanked, &args, &context),
        Command::Deprecate(args) => status::run(Status::Deprecated, &args, &context),
        Command::Restore(args) => status::run(Status::Active, &args, &context),
        Command::Publisher(command) => publisher::run(&command, &context),
        Command::Review(command) => review::run(&command, &context),
        Command::Agents => agents::run(&context),
        Command::Login(args) => login::log_in(&args, &context),
        Command::Logout(args) => login::log_out(&args, &context),
        Command::Whoami(args) => login::who(&args, &context),
        Command::Registry(command) => registry::run(command, &context),
        Command::Trust(command) => trust::run(&command, &context),
        Command::Log(command) => log::run(&command, &context),
        Command::Secret(command) => secret::run(&command, &context),
        Command::Migrate(args) => migrate::run(&args, &context),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The scopes that the user means: the one named, or both.
fn scopes(named: Option<ScopeArg>) -> Vec<Scope> {
    named.map_or_else(|| vec![Scope::User, Scope::Project], |scope| vec![scope.into()])
}

/// The scope that is named, or the project's if there is a project here.
fn scope_here(named: Option<ScopeArg>, context: &Context) -> Scope {
    let folder = &context.places.project;
    let is_project = || {
        let files = [Places::project_lock(folder), folder.join(mcpkg_core::project::FILE)];
        files.iter().any(|path| path.is_file())
    };
    match named {
        Some(scope) => scope.into(),
        None if is_project() => Scope::Project,
        None => Scope::User,
    }
}

/// What failed for one of many, while the others went on.
#[derive(Default)]
struct Failures {
    first: Option<Error>,
    data: Vec<serde_json::Value>,
}

impl Failures {
    /// Names the failure for `name`, and keeps the first to be reported whole.
    fn add(&mut self, name: &PackageName, error: Error, context: &Context) {
        self.data.push(serde_json::json!({ "name": name, "error": error.to_json() }));
        if self.first.is_some() {
            context.ui.warn(format!("{name}: {error} [{}]", error.code()));
        }
        self.first.get_or_insert(error);
    }

    /// All of them as data, each with the name that it is for.
    fn as_data(&self) -> &[serde_json::Value] {
        &self.data
    }

    /// Reports the first, and gives its exit code.
    fn report(self, context: &Context) -> Option<ExitCode> {
        let error = self.first?;
        // Under `--json` the errors are in the data already.
        if !context.ui.json {
            ui::report(&error, false);
        }
        Some(error.exit_code())
    }
}
