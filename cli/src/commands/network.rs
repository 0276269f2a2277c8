//! Which commands ask somebody on the network, for whoever is told to ask nobody.
//!
//! Said before anything is done, so that no command is half done, and by name, so that
//! nobody takes it for a network that is down. What can be done from this machine alone
//! is done: what is verified, listed, started and audited needs nobody.

use crate::args::{Command, LogCommand, RegistryCommand, TrustCommand};

/// What `command` is called, if it can do nothing offline.
///
/// No catch-all: a new command has to say what it does here.
pub(super) fn needed_by(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Install(_) => "install",
        Command::Update(_) => "update",
        Command::Outdated(_) => "outdated",
        Command::Lock(_) => "lock",
        // From the lock as it is, and what is in the store.
        Command::Sync(args) if args.frozen => return None,
        Command::Sync(_) => "sync",
        Command::Search(_) => "search",
        Command::Info(_) => "info",
        Command::Publish(_) => "publish",
        Command::Rebuild(_) => "rebuild",
        Command::Yank(_) => "yank",
        Command::Deprecate(_) => "deprecate",
        Command::Restore(_) => "restore",
        Command::Publisher(_) => "publisher",
        Command::Registry(RegistryCommand::Add(args)) if args.log_key.is_none() => "registry add",
        Command::Trust(TrustCommand::Update(_)) => "trust update",
        Command::Trust(TrustCommand::Add(args)) if args.tuf.is_some() => "trust add",
        Command::Log(LogCommand::Watch(_)) => "log watch",
        Command::Login(_) => "login",
        Command::Review(_) => "review",
        // The issuer is told.
        Command::Logout(_) => "logout",
        Command::Whoami(_)
        | Command::Remove(_)
        | Command::Audit(_)
        | Command::Doctor
        | Command::Export(_)
        | Command::Permissions(_)
        | Command::List(_)
        | Command::Verify(_)
        | Command::Run(_)
        | Command::Inspect(_)
        | Command::Tools(_)
        | Command::Pack(_)
        | Command::Agents
        | Command::Registry(_)
        | Command::Trust(_)
        | Command::Log(_)
        | Command::Secret(_)
        | Command::Migrate(_)
        | Command::Completions(_) => return None,
    })
}
