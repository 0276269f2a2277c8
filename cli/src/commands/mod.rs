//! One file per command. A command says what happens, in order; what it is made
//! of is in [`crate::ops`]. It returns an exit code or an error, and neither
//! prints nor exits by itself.

mod agents;
mod announcing;
mod completions;
mod info;
mod install;
mod judged;
mod list;
mod log;
mod pack;
mod publish;
mod publisher;
mod rebuild;
mod registry;
mod remove;
mod run;
mod search;
mod status;
mod trust;
mod verify;

use std::process::ExitCode;

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_verify::TrustStore;

use crate::args::{Cli, Command};
use crate::config::{Config, RegistryConfig};
use crate::error::Result;
use crate::ops;
use crate::ops::log::KnownLog;
use crate::places::Places;
use crate::ui::Ui;

/// What every command is given.
pub struct Context {
    /// Where things are.
    pub places: Places,
    /// What the user sees.
    pub ui: Ui,
    /// The registry that the user named.
    pub registry: Option<String>,
    /// The time, read once: one command makes one decision about age.
    pub now: Timestamp,
}

impl Context {
    /// The configuration.
    pub fn config(&self) -> Result<Config> {
        Config::read(&self.places)
    }

    /// Who may vouch for packages from a registry. Says so if some of it is old.
    pub fn trust(&self, source: &RegistryConfig) -> Result<TrustStore> {
        let (store, warnings) = ops::trust::store(&self.config()?, source, &self.places, self.now)?;
        self.ui.warn_all(&warnings);
        Ok(store)
    }

    /// What is known of the log of a registry.
    pub fn log<'a>(&'a self, config: &Config, source: &'a RegistryConfig) -> Result<KnownLog<'a>> {
        KnownLog::read(config, source, &self.places, self.now)
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let ui = Ui { json: cli.global.json, quiet: cli.global.quiet, yes: false };
    let context = Context {
        places: Places::from_environment()?,
        ui,
        registry: cli.global.registry,
        now: Timestamp::now(),
    };
    match cli.command {
        Command::Install(args) => install::run(&args, &context),
        Command::Remove(args) => remove::run(&args, &context),
        Command::List(args) => list::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::Run(args) => run::run(&args, &context),
        Command::Search(args) => search::run(&args, &context),
        Command::Info(args) => info::run(&args, &context),
        Command::Pack(args) => pack::run(&args, &context),
        Command::Publish(args) => publish::run(&args, &context),
        Command::Rebuild(args) => rebuild::run(&args, &context),
        Command::Yank(args) => status::run(Status::Yanked, &args, &context),
        Command::Deprecate(args) => status::run(Status::Deprecated, &args, &context),
        Command::Restore(args) => status::run(Status::Active, &args, &context),
        Command::Publisher(command) => publisher::run(&command, &context),
        Command::Agents => agents::run(&context),
        Command::Registry(command) => registry::run(command, &context),
        Command::Trust(command) => trust::run(&command, &context),
        Command::Log(command) => log::run(&command, &context),
        Command::Completions(args) => completions::run(&args),
    }
}
