//! The flags of what is done every day: `update`, `outdated`, `lock`, `sync`,
//! `permissions`, `audit`, `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mcpkg_core::permissions::{EnvName, HostPort, PathGrant, Permissions, ProgramName, SecretName};

use super::{AcceptArgs, ScopeArg, UnattestedArgs};

/// What a user approves by its full name, beside what they accept
#[derive(Args, Debug, Default)]
pub struct ApproveArgs {
    /// Grant what this release asks for beyond what you approved before
    #[arg(long, value_name = "NAME@VERSION")]
    pub accept_permissions: Vec<String>,
}

/// What a user takes upon themselves, each by its full name: `--yes` does not
#[derive(Args, Debug, Default)]
pub struct ConsentArgs {
    /// What to accept although it would be refused
    #[command(flatten)]
    pub accept: AcceptArgs,
    /// What to accept although nobody attests it
    #[command(flatten)]
    pub unattested: UnattestedArgs,
    /// What to approve beyond what was approved
    #[command(flatten)]
    pub approve: ApproveArgs,
}

/// What is installed for whom
#[derive(Args, Debug, Default)]
pub struct InstalledArgs {
    /// What is installed for you or for this project [default: both]
    #[arg(long, value_enum)]
    pub scope: Option<ScopeArg>,
}

/// One lock of two
#[derive(Args, Debug, Default)]
pub struct HereArgs {
    /// The lock that is yours or this project's [default: the project's, if it has one]
    #[arg(long, value_enum)]
    pub scope: Option<ScopeArg>,
}

/// One installed server
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// The package, or its short name
    pub name: String,
    /// As it is installed for you or for this project
    #[arg(long, value_enum, default_value = "user")]
    pub scope: ScopeArg,
}

/// Options of `outdated`
#[derive(Args, Debug)]
#[command(after_help = "\
Exits with 4 if something can be updated, or should be because it was withdrawn.")]
pub struct OutdatedArgs {
    /// Where it is installed
    #[command(flatten)]
    pub installed: InstalledArgs,
}

/// Options of `update`
#[derive(Args, Debug)]
#[command(after_help = "\
The newest release is chosen that mcpkg.toml admits and that is old enough; it is verified like an \
install. What a release asks for beyond what you approved is shown and asked about, whatever \
`--yes` says; another publisher is refused. Each server is updated as a whole or not at all.")]
pub struct UpdateArgs {
    /// The packages, or their short names [default: all that are installed]
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
    /// Where it is installed
    #[command(flatten)]
    pub installed: InstalledArgs,
    /// Update without asking, unless more is asked for than you approved
    #[arg(short, long)]
    pub yes: bool,
    /// What the user takes upon themselves
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Verify and show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `lock`
#[derive(Args, Debug)]
#[command(after_help = "\
What is locked and still wanted stays as it is; `mcpkg update` moves it. Nothing is installed: \
`mcpkg sync` does that.")]
pub struct LockArgs {
    /// The mcpkg.toml that is yours or this project's [default: the project's, if it
    /// has one]
    #[arg(long, value_enum)]
    pub scope: Option<ScopeArg>,
    /// Lock what is shown without asking
    #[arg(short, long)]
    pub yes: bool,
    /// What the user takes upon themselves
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// Options of `sync`
#[derive(Args, Debug)]
#[command(after_help = "\
Without --locked and --frozen, mcpkg.lock is brought up to mcpkg.toml first, as `mcpkg lock` does. \
What is linked into agents is what the lock says, and nothing of ours that it does not say.")]
pub struct SyncArgs {
    /// Which lock
    #[command(flatten)]
    pub here: HereArgs,
    /// Change no lock: exit with 4 if it is not what mcpkg.toml asks for
    #[arg(long, conflicts_with = "frozen")]
    pub locked: bool,
    /// Take the lock as it is, and ask no index
    #[arg(long)]
    pub frozen: bool,
    /// Lock what is shown, and start it like that in this project, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// What the user takes upon themselves
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// What to do with permissions
#[derive(Debug, Subcommand)]
pub enum PermissionsCommand {
    /// Show what a server asks for, and what of it is granted
    Show(PermissionsShowArgs),
    /// Grant a server some or all of what it asks for
    Grant(PermissionsChangeArgs),
    /// Take permissions away from a server
    Revoke(PermissionsChangeArgs),
}

/// Options of `permissions show`
#[derive(Args, Debug)]
pub struct PermissionsShowArgs {
    /// Which server
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Options of `permissions grant` and `revoke`
#[derive(Args, Debug)]
#[command(after_help = "\
What is granted never exceeds what the signed server.json asks for. To narrow a grant, take it away \
and grant a part of it.")]
pub struct PermissionsChangeArgs {
    /// Which server
    #[command(flatten)]
    pub server: ServerArgs,
    /// Files that it may read, such as `${workspace}/src`
    #[arg(long, value_name = "PATH")]
    pub read: Vec<PathGrant>,
    /// Files that it may write
    #[arg(long, value_name = "PATH")]
    pub write: Vec<PathGrant>,
    /// A host that it may connect to
    #[arg(long, value_name = "HOST:PORT")]
    pub network: Vec<HostPort>,
    /// A variable of your environment that it may see
    #[arg(long, value_name = "NAME")]
    pub env: Vec<EnvName>,
    /// A secret that it may use
    #[arg(long, value_name = "KEY")]
    pub secret: Vec<SecretName>,
    /// A program that it may start
    #[arg(long, value_name = "PROGRAM")]
    pub program: Vec<ProgramName>,
    /// All that it asks for
    #[arg(long)]
    pub all: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl PermissionsChangeArgs {
    /// The permissions that were named.
    pub fn named(&self) -> Permissions {
        let mut named = Permissions::default();
        named.filesystem.read.extend(self.read.iter().cloned());
        named.filesystem.write.extend(self.write.iter().cloned());
        named.network.allow.extend(self.network.iter().cloned());
        named.env.allow.extend(self.env.iter().cloned());
        named.secrets.extend(self.secret.iter().cloned());
        named.run.extend(self.program.iter().cloned());
        named
    }
}

/// Options of `audit`
#[derive(Args, Debug)]
#[command(after_help = "\
Looks at what was withdrawn, at other publishers, at files, locks and settings that no longer \
agree, at entries that are not from mcpkg, at secrets in clear, and at advisories. Exits with 4 if \
it finds something, and changes nothing; `mcpkg run` is told what is wrong with a release.")]
pub struct AuditArgs {
    /// Where it is installed
    #[command(flatten)]
    pub installed: InstalledArgs,
    /// Advisories in the format of OSV: a JSON file, a folder of them, or a zip
    #[arg(long, value_name = "PATH")]
    pub advisories: Option<PathBuf>,
}

/// Options of `export`
#[derive(Args, Debug)]
#[command(after_help = "\
Everything is verified again first, and one server that does not verify is an error: what is \
printed can be relied on. It holds no secret.")]
pub struct ExportArgs {
    /// In which form
    #[arg(value_enum, default_value = "json")]
    pub form: ExportForm,
    /// Which lock
    #[command(flatten)]
    pub here: HereArgs,
    /// Where `mcpkg` is on the machines that managed files are for [default: where it is here]
    #[arg(long, value_name = "PATH")]
    pub program: Option<String>,
    /// A name that no server may have, for `managed-settings`
    #[arg(long, value_name = "NAME")]
    pub deny: Vec<String>,
    /// The registry that `vscode-policy` is about [default: the one that serves every name]
    #[arg(long, value_name = "NAME")]
    pub registry: Option<String>,
}

/// In which form a lock is printed
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ExportForm {
    /// Who built what from which source, what it is granted, and its files
    Json,
    /// The entries that an agent needs, as `mcpServers`
    Agents,
    /// Claude Code's `managed-mcp.json`: these servers, and no others
    ManagedMcp,
    /// `managed-settings.json` of Claude Code and Copilot: these may be added, and no others
    ManagedSettings,
    /// VS Code's `policy.json`: servers come from the registry alone
    VscodePolicy,
}
