//! The command line. Doc comments here are the `--help` text.

mod daily;
mod log;
mod login;
mod migrate;
mod rebuild;
mod registry;
mod review;
mod secret;
mod statement;
mod surface;
mod trust;
mod upstream;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mcpkg_core::{PackageName, Platform, Version};

pub use self::daily::{
    ApproveArgs, AuditArgs, ConsentArgs, ExportArgs, ExportForm, HereArgs, InstalledArgs, LockArgs,
    OutdatedArgs, PermissionsChangeArgs, PermissionsCommand, PermissionsShowArgs, ServerArgs,
    SyncArgs, UpdateArgs,
};
pub use self::log::{LogCommand, LogWatchArgs};
pub use self::login::{LoginArgs, LogoutArgs, WhoamiArgs};
pub use self::migrate::MigrateArgs;
pub use self::rebuild::RebuildArgs;
pub use self::registry::{RegistryAddArgs, RegistryCommand, RegistryRemoveArgs};
pub use self::review::{ReviewCommand, ReviewListArgs, ReviewShowArgs, ReviewVoteArgs};
pub use self::secret::{SecretApproveArgs, SecretCommand, SecretExecArgs, SecretNameArgs};
pub use self::statement::{
    PublisherCancelArgs, PublisherChangeArgs, PublisherCommand, PublisherShowArgs, SigningArgs,
    StatusArgs,
};
pub use self::surface::{InspectArgs, ToolsArgs};
pub use self::trust::{TrustAddArgs, TrustCommand, TrustRemoveArgs, TrustUpdateArgs};
pub use self::upstream::{InstallTarget, UnattestedArgs, UpstreamArgs};
use crate::agents::Scope;
use crate::request::PackageRequest;
use crate::ui::Talk;

/// Install MCP servers, and know who built them
///
/// mcpkg verifies who built a server and from what source before it installs
/// it, pins it in `mcpkg.lock`, links it into the settings of your agents, and
/// checks every file again each time it starts.
#[derive(Debug, Parser)]
#[command(name = "mcpkg", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command
#[derive(Args, Debug)]
pub struct Global {
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// How much to say
    #[command(flatten)]
    pub talk: TalkArgs,
    /// Ask nobody on the network
    #[arg(long, global = true)]
    pub offline: bool,
    /// Use this registry, by its name
    #[arg(long, global = true, value_name = "NAME")]
    pub registry: Option<String>,
    /// Whether to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorArg,
}

/// How much to say
#[derive(Args, Clone, Copy, Debug)]
pub struct TalkArgs {
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more of what is done: which files, which registry, which bytes
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

impl From<TalkArgs> for Talk {
    fn from(talk: TalkArgs) -> Self {
        match talk {
            TalkArgs { quiet: true, .. } => Self::Errors,
            TalkArgs { verbose: true, .. } => Self::More,
            TalkArgs { .. } => Self::Plain,
        }
    }
}

/// Whether to use colours
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ColorArg {
    /// On a terminal that has them
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<ColorArg> for anstream::ColorChoice {
    fn from(color: ColorArg) -> Self {
        match color {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}

/// What to do
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verify a server, pin it, and link it into your agents
    #[command(visible_alias = "add")]
    Install(InstallArgs),
    /// Unlink a server from your agents and the lock
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    /// Bring what is installed up to date, and show what that changes
    #[command(visible_alias = "upgrade")]
    Update(UpdateArgs),
    /// Say for which of what is installed there is something newer
    Outdated(OutdatedArgs),
    /// Choose a release for everything that mcpkg.toml wants, and install nothing
    Lock(LockArgs),
    /// Make this machine what the lock says
    Sync(SyncArgs),
    /// Look for what is wrong with what is installed, and with what agents start
    Audit(AuditArgs),
    /// Say what keeps things from working here, and how to mend it
    Doctor,
    /// Print what is locked, verified, for other programs
    Export(ExportArgs),
    /// Show or change what a server may do
    #[command(subcommand, visible_alias = "perms")]
    Permissions(PermissionsCommand),
    /// List what is installed
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Verify again: everything in the lock, one server, or a file
    Verify(VerifyArgs),
    /// Start an installed server, as agents do
    Run(RunArgs),
    /// Read what a server shows to models, and pin it
    Inspect(InspectArgs),
    /// Say which tools of a server may be called
    Tools(ToolsArgs),
    /// Search the registry
    Search(SearchArgs),
    /// Show what is known of a package: releases, publisher, evidence
    Info(InfoArgs),
    /// Make an artifact from a folder, the same bytes on every machine
    Pack(PackArgs),
    /// Sign and publish what `mcpkg pack` made
    Publish(PublishArgs),
    /// Build a release again from its source, and compare the files
    Rebuild(RebuildArgs),
    /// Withdraw releases: they are never chosen again
    Yank(StatusArgs),
    /// Advise against releases
    Deprecate(StatusArgs),
    /// Take back that releases were yanked or deprecated
    Restore(StatusArgs),
    /// Show or change who publishes a package
    #[command(subcommand)]
    Publisher(PublisherCommand),
    /// Look at what a registry holds back, and let it in or not
    #[command(subcommand)]
    Review(ReviewCommand),
    /// List the agents that servers can be linked into
    Agents,
    /// Say which registries to use, and whom to trust there
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Log in at a registry that does not let everybody in
    Login(LoginArgs),
    /// Forget a log-in
    Logout(LogoutArgs),
    /// Show who you are to a registry
    Whoami(WhoamiArgs),
    /// Say who may vouch for which names: Sigstore instances, and keys
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Check what the log of a registry says, or watch it
    #[command(subcommand)]
    Log(LogCommand),
    /// Keep the secrets of servers in your key store
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Take literal secrets out of the settings of your agents
    Migrate(MigrateArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Where a server is installed
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScopeArg {
    /// For you, in all projects
    User,
    /// For everybody in this project
    Project,
}

/// Where a server is linked
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LinkScopeArg {
    /// For you, in all projects
    User,
    /// For everybody in this project
    Project,
    /// For you, in this project: in your own settings and lock (Claude Code)
    Local,
}

impl From<LinkScopeArg> for Scope {
    fn from(scope: LinkScopeArg) -> Self {
        match scope {
            LinkScopeArg::User => Self::User,
            LinkScopeArg::Project => Self::Project,
            LinkScopeArg::Local => Self::Local,
        }
    }
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::User => Self::User,
            ScopeArg::Project => Self::Project,
        }
    }
}

/// Options of `install`
#[derive(Args, Debug)]
pub struct InstallArgs {
    /// The package, with a version or a range after `@` if not the newest; `npm:…` and
    /// `pypi:…` for what is on npm or PyPI
    #[arg(value_name = "NAME[@VERSION]")]
    pub package: InstallTarget,
    /// Link it into these agents; `all` for each one found [default: all found]
    #[arg(short, long, value_name = "AGENT", value_delimiter = ',')]
    pub agent: Vec<String>,
    /// Install for you, for this project, or for you in this project
    #[arg(long, value_enum, default_value = "user")]
    pub scope: LinkScopeArg,
    /// Approve what it asks for, as shown, but nothing beyond what you approved before
    #[arg(short, long)]
    pub yes: bool,
    /// Give a value to one of its settings
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Say where a secret is found when it starts, if not in your key store:
    /// `env:NAME`, `file:/path`, `cmd:program args`, `op://vault/item/field`,
    /// `store:NAME`
    #[arg(long, value_name = "KEY=REFERENCE")]
    pub secret: Vec<String>,
    /// Keep a secret from the server: it gets a placeholder, and the host gets the secret
    #[arg(long, value_name = "KEY=HOST:PORT")]
    pub broker: Vec<String>,
    /// What to accept although it would be refused
    #[command(flatten)]
    pub accept: AcceptArgs,
    /// Let it do all that you can do, at every start from now on, instead of what it
    /// was granted
    #[arg(long)]
    pub unconfined: bool,
    /// What to approve beyond what was approved
    #[command(flatten)]
    pub approve: ApproveArgs,
    /// What holds for packages of other ecosystems
    #[command(flatten)]
    pub upstream: UpstreamArgs,
    /// Verify it and show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `remove`
#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// The package, or its short name
    pub name: String,
    /// Remove it for you, for this project, or for you in this project
    #[arg(long, value_enum, default_value = "user")]
    pub scope: LinkScopeArg,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `list`
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Where it is installed
    #[command(flatten)]
    pub installed: InstalledArgs,
}

/// Options of `verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// An installed package, a release `name@version`, or an artifact's file
    /// [default: everything in the locks]
    pub what: Option<String>,
    /// The evidence for a file
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
    /// The signed server.json of a file [default: the one beside it]
    #[arg(long, value_name = "FILE")]
    pub server_json: Option<PathBuf>,
    /// What to accept although it would be refused
    #[command(flatten)]
    pub accept: AcceptArgs,
}

/// What a user accepts by its full name, which nothing else makes up for: not `--yes`.
#[derive(Args, Debug, Default)]
pub struct AcceptArgs {
    /// Accept this one release although it is younger than policy asks
    #[arg(long, value_name = "NAME@VERSION")]
    pub accept_fresh: Vec<String>,
    /// Accept this publisher in place of the one that the lock pins, as the refusal
    /// names it
    #[arg(long, value_name = "IDENTITY")]
    pub accept_publisher: Vec<String>,
}

/// Options of `run`
#[derive(Args, Debug)]
#[command(after_help = "\
The files are compared with the lock before anything starts. The server gets an environment made \
from nothing, and is confined as well as this machine can: strong (Linux with user namespaces: it \
sees what it was granted, and nothing else), medium (Linux without them, macOS: it sees more, and \
gets no network) or none, only if you installed it with `--unconfined`. What cannot be enforced is \
refused. `mcpkg install` shows the level here. Its secrets come from your key store (`mcpkg \
secret`), or from where its lock says, and go into its environment alone.")]
pub struct RunArgs {
    /// The package, or its short name
    pub name: String,
    /// Use the lock of the project around this folder, not the user's own
    #[arg(long)]
    pub project: bool,
}

/// Options of `search`
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Words to look for in names and descriptions
    pub query: Vec<String>,
    /// How many packages to show, at most 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Continue after a page, with what it printed
    #[arg(long)]
    pub cursor: Option<String>,
}

/// Options of `info`
#[derive(Args, Debug)]
pub struct InfoArgs {
    /// The package, with a version after `@` if not the newest
    #[arg(value_name = "NAME[@VERSION]")]
    pub package: PackageRequest,
}

/// Options of `pack`
#[derive(Args, Debug)]
#[command(after_help = "\
The folder holds manifest.json (MCPB) and server.json (MCP registry, 2025-12-11). If its mcpkg.toml \
has a table [build], the build is done first, with nothing of your environment but its tools, and \
what it makes is packed; `mcpkg publish` signs how, so that others can do it again. Not packed: \
version control, .env files, credentials of package managers, node_modules/.bin, caches, and what \
.mcpbignore names.")]
pub struct PackArgs {
    /// The folder to pack
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Where to put the artifact and the canonical server.json
    #[arg(short, long, value_name = "FOLDER", default_value = "dist")]
    pub out: PathBuf,
    /// The server.json [default: the one in the folder]
    #[arg(long, value_name = "FILE")]
    pub server_json: Option<PathBuf>,
    /// Sign what the server shows to models, from a file of `mcpkg inspect --json`
    #[arg(long, value_name = "FILE")]
    pub surface: Option<PathBuf>,
    /// What it runs on, if not on everything
    #[arg(long)]
    pub platform: Option<Platform>,
    /// Pack the folder as it is, whatever its mcpkg.toml says
    #[arg(long)]
    pub no_build: bool,
    /// Check and show the digests, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `publish`
#[derive(Args, Debug)]
#[command(after_help = "\
Publishing is authorised by the signature alone: there is no token and no account. In CI the \
identity comes from the CI itself: GitHub Actions (`permissions: id-token: write`), GitLab CI \
(`id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore`), Buildkite and CircleCI. At a terminal, a browser \
asks who you are. A company without Fulcio signs with a key (`--key`).")]
pub struct PublishArgs {
    /// The folder that `mcpkg pack` wrote, with server.json and the artifacts
    #[arg(default_value = "dist")]
    pub folder: PathBuf,
    /// Evidence made elsewhere, such as by actions/attest-build-provenance
    #[arg(long, value_name = "FILE", conflicts_with_all = ["identity_token", "key"])]
    pub bundle: Vec<PathBuf>,
    /// Who signs, where no evidence is given
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Sign, verify, and show what would be published, and upload nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `completions`
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Reads `name@version`, for flags that name one release.
pub fn parse_release(text: &str) -> Result<(PackageName, Version), String> {
    let (name, version) =
        text.split_once('@').ok_or_else(|| format!("`{text}` has no version after an `@`"))?;
    Ok((
        name.parse().map_err(|error| format!("{error}"))?,
        version.parse().map_err(|error| format!("{error}"))?,
    ))
}
