//! The command line. The comments here are the help, so they have no full stop.

use std::net::SocketAddr;
use std::path::PathBuf;

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
