//! The command line. The comments here are the help, so they have no full stop.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use mcpkg_core::{Digest, PackageName, Version};
use mcpkg_registry_server::SourceName;
use mcpkg_upstream::{Reference, ReferenceError, Release};

use crate::admission_args::{AdmissionArgs, AdvisoriesArgs, GcArgs, WebhookArgs};
use jiff::Timestamp;
use mcpkg_registry_server::Role;

use crate::logging::LogFormat;

/// Stores signed MCP packages and serves them
#[derive(Debug, clap::Parser)]
#[command(name = "mcpkg-registry", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run the registry
    Serve(ServeArgs),
    /// Check that everything stored is whole; exits with 3 if it is not
    Fsck(FsckArgs),
    /// Begin the log, show it, or give it a new key or name
    Log(LogArgs),
    /// Copy log and blobs into a folder, also while the registry runs
    Backup(BackupArgs),
    /// Make the data folder from a backup
    Restore(RestoreArgs),
    /// Show the registries that are mirrored, follow them now, or list who fetched what
    Mirror(MirrorArgs),
    /// Write all releases, or what is new of them, into one file for where there is no network
    Export(ExportArgs),
    /// Bring in a package of npm or PyPI, or what an export has of a source, all of it verified
    Import(ImportArgs),
    /// Follow registries of the MCP registry's API, which nobody has signed
    Official(OfficialArgs),
    /// Stop giving out a release, and say who has it; its entry stays in the log
    Takedown(TakedownArgs),
    /// Say why a release is given out or not, and what other policies would do
    Admission(AdmissionArgs),
    /// Take in what is known against releases
    Advisories(AdvisoriesArgs),
    /// Let go of artifacts of sources that need not be kept
    Gc(GcArgs),
    /// Show what others could not be told, and try again
    Webhook(WebhookArgs),
    /// Check policies, and ask what they allow; exits with 3 if the answer is no
    Policy(PolicyArgs),
    /// Show who was allowed to do what, and who was not
    Audit(AuditArgs),
    /// Vouch for the logs of other registries; `witness init` makes a key for it
    Witness(WitnessArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The folder to copy to; into an older backup, only what is new is copied
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The folder with the backup
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: PathBuf,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfficialArgs {
    #[command(subcommand)]
    pub(crate) action: OfficialCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum OfficialCommand {
    /// List what a registry of the MCP registry's API lists, also while the server runs
    Follow {
        /// Its address, without `/v0.1`
        #[arg(long, value_name = "URL")]
        from: String,
        /// Begin with the changes since this time, instead of where the last run ended
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "MCPKG_REGISTRY_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// The folder that holds everything [default: mcpkg-registry-data]
    #[arg(long, value_name = "FOLDER", env = "MCPKG_REGISTRY_DATA", global = true)]
    pub(crate) data: Option<PathBuf>,

    /// Write the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MirrorArgs {
    #[command(subcommand)]
    pub(crate) action: MirrorCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum MirrorCommand {
    /// List the sources, and what is here of each
    #[command(visible_alias = "list")]
    Status,
    /// Follow the sources now; no server may run
    Sync {
        /// Only this one
        #[arg(long, value_name = "NAME")]
        source: Option<SourceName>,
    },
    /// Let a package come from another source than before; no server may run
    Release {
        /// The package
        #[arg(value_name = "PACKAGE")]
        package: PackageName,
    },
    /// List who fetched the bytes of a digest
    Fetches {
        /// The digest, as `sha256:…`
        #[arg(value_name = "DIGEST")]
        digest: Digest,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Which source to export; the registry's own releases, if it is not said
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// Only what is new after this checkpoint, which the importer has
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// A package, as `npm:@scope/name@1.2.3` or `pypi:name@1.2`; or an export of a
    /// source, or a folder with its files at their addresses
    #[arg(value_name = "WHAT")]
    pub(crate) what: ImportWhat,

    /// For an export or a folder: which source it is of
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// For an export: the digest that `mcpkg-registry export` printed where it was made.
    /// The advisories in it, which nobody has signed, are used only with it
    #[arg(long, value_name = "DIGEST", requires = "source")]
    pub(crate) digest: Option<Digest>,

    /// For a package: the folder to leave the artifact in, ready for `mcpkg publish`
    #[arg(long, value_name = "FOLDER", conflicts_with = "source")]
    pub(crate) out: Option<PathBuf>,

    /// Import this one release although nobody attests who built it
    #[arg(long, value_name = "RELEASE", conflicts_with = "source")]
    pub(crate) accept_unattested: Vec<Release>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// What is imported.
#[derive(Clone, Debug)]
pub(crate) enum ImportWhat {
    /// A package of npm or PyPI.
    Package(Reference),
    /// What was carried over from where there is a network.
    File(PathBuf),
}

impl FromStr for ImportWhat {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with("npm:") || text.starts_with("pypi:") {
            text.parse().map(Self::Package)
        } else {
            Ok(Self::File(text.into()))
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct TakedownArgs {
    /// The package
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PackageName,

    /// Which release of it
    #[arg(value_name = "VERSION")]
    pub(crate) version: Version,

    /// Which source it is from; this registry itself, if it is not said
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// Why, for those who have it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    pub(crate) action: LogCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum LogCommand {
    /// Show the log's name, its key and how many entries it has
    Show,
    /// Begin the log; the first `serve` does it too
    Init,
    /// Give the log a new key, and let the old one sign for it
    Rotate,
    /// Freeze the log, and go on under another name with a new key
    Succeed {
        /// What the log is called from now on, such as `mcp.acme.example`
        #[arg(long, value_name = "NAME")]
        origin: String,
    },
    /// Make the guard again, if it is lost and nothing newer was ever signed
    ResetGuard {
        /// How many entries were signed, as you know from elsewhere
        #[arg(long, value_name = "ENTRIES")]
        size: u64,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) action: PolicyCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check files of policies against the schema
    Validate {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Check the policies that the configuration names, as `serve` does
    Check,
    /// Say `yes` or `no`
    CanI(QuestionArgs),
    /// Say yes or no, and which policies decide
    Explain(QuestionArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct QuestionArgs {
    /// `user:<issuer>/<subject>`, `signer:<reference>`, `prover:<domain>`, `source:<name>`
    /// or `anonymous`
    #[arg(long, value_name = "WHO")]
    pub(crate) principal: String,

    /// A role that they have
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<Role>,

    /// A group that a user is in
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,

    /// What they would do: read, publish, state, approve, configure or audit
    #[arg(long, value_name = "WHAT")]
    pub(crate) action: String,

    /// A package, `registry`, `registry:<name>` or `source:<name>`
    #[arg(long, value_name = "WHICH")]
    pub(crate) resource: String,

    /// They prove that their token is theirs
    #[arg(long)]
    pub(crate) dpop: bool,

    /// Where they ask from
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<IpAddr>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) action: AuditCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// Write every record, each checked against the one before it
    Export {
        /// From this time on, such as 2026-11-28T10:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,

        /// How to write them
        #[arg(long, value_name = "FORMAT", default_value = "json-lines")]
        format: AuditFormat,
    },
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AuditFormat {
    /// One JSON document on a line each
    JsonLines,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "MCPKG_REGISTRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The address to listen on; port 0 is any free one [default: 127.0.0.1:8484]
    #[arg(long, value_name = "ADDRESS", env = "MCPKG_REGISTRY_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,

    /// The folder that holds everything [default: mcpkg-registry-data]
    #[arg(long, value_name = "FOLDER", env = "MCPKG_REGISTRY_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// How others reach this registry
    #[arg(long, value_name = "URL", env = "MCPKG_REGISTRY_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,

    /// Write the address that is listened on to this file, once it is
    #[arg(long, value_name = "FILE")]
    pub(crate) address_file: Option<PathBuf>,

    /// How to write the log on stderr; by default, text on a terminal, else JSON
    #[arg(long, value_name = "FORMAT", env = "MCPKG_REGISTRY_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FsckArgs {
    /// Make the database again from the log and the blobs; no server may run
    #[arg(long)]
    pub(crate) rebuild: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct WitnessArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WitnessCommand>,

    #[command(flatten)]
    pub(crate) serve: WitnessServeArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum WitnessCommand {
    /// Make a key, and print what its signatures are verified with
    Init(WitnessInitArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct WitnessServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "MCPKG_WITNESS_CONFIG", default_value = "witness.toml")]
    pub(crate) config: PathBuf,

    /// The address to listen on; port 0 is any free one [default: 127.0.0.1:8485]
    #[arg(long, value_name = "ADDRESS", env = "MCPKG_WITNESS_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,

    /// Write the address that is listened on to this file, once it is
    #[arg(long, value_name = "FILE")]
    pub(crate) address_file: Option<PathBuf>,

    /// How to write the log on stderr; by default, text on a terminal, else JSON
    #[arg(long, value_name = "FORMAT", env = "MCPKG_REGISTRY_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WitnessInitArgs {
    /// What the witness is called: an address without scheme, as `witness.example/w1`
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// Where to keep the key; there must be nothing yet
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}
