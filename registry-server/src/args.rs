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
    /// The configuration file, for where the data are
    #[arg(long, value_name = "FILE", env = "MCPKG_REGISTRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The folder to check [default: mcpkg-registry-data]
    #[arg(long, value_name = "FOLDER", env = "MCPKG_REGISTRY_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Write the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
