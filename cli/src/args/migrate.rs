//! The command line of `mcpkg migrate`.

use clap::Args;

/// Options of `migrate`
#[derive(Args, Debug)]
#[command(after_help = "\
Looked at are the variables, headers and arguments of every server in the settings of every agent, \
yours and this project's. What looks like a secret goes into your key store. A local server is then \
started through `mcpkg secret exec`, which fills in its variables. Headers and arguments become the \
agent's own reference to a variable, where it has one: that agent has to be started with the variable. \
A secret that was in a file may be in its backups and in version control: replace it where it is from.")]
pub struct MigrateArgs {
    /// Show what would change, with secrets masked, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Have an entry start an installed server of yours from now on, which gets its secrets
    /// and settings
    #[arg(long, value_name = "ENTRY=NAME", conflicts_with = "restore")]
    pub into: Vec<String>,
    /// Put every secret back where it was
    #[arg(long, conflicts_with = "dry_run")]
    pub restore: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
