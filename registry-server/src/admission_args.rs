//! The command line of what is given out. The comments here are the help, so they have no
//! full stop.

use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::{PackageName, Version};
use mcpkg_registry_server::SourceName;

use crate::args::PlaceArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct AdmissionArgs {
    #[command(subcommand)]
    pub(crate) action: AdmissionCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdmissionCommand {
    /// Say which policy decided of a release, and what it saw
    Explain(ExplainArgs),
    /// Say what other policies would have done to what came in lately
    Simulate(SimulateArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION", value_parser = parse_release)]
    pub(crate) release: (PackageName, Version),

    /// The source that it comes from; by default, the registry itself
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// As of when, such as `2026-12-01T00:00:00Z`; by default, now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// The files of the policies to try, instead of those in force
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The source to look at; by default, the registry itself
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// How far to look back
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) days: u16,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AdvisoriesArgs {
    #[command(subcommand)]
    pub(crate) action: AdvisoriesCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdvisoriesCommand {
    /// Replace the advisories by those of a dump of OSV: a file, a folder or an archive
    Import {
        /// Where the dump is
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Take what a publisher has signed of advisories, or what you say as the operator
    Vex {
        /// A Sigstore bundle with a VEX document, or with `--name` the document itself
        #[arg(value_name = "FILE")]
        path: PathBuf,
        /// Say it as the operator, of this package
        #[arg(long, value_name = "PACKAGE")]
        name: Option<PackageName>,
        /// The source that the package comes from; by default, the registry itself
        #[arg(long, value_name = "NAME")]
        source: Option<SourceName>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WebhookArgs {
    #[command(subcommand)]
    pub(crate) action: WebhookCommand,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum WebhookCommand {
    /// List what was not delivered: what waits, and what was given up
    List,
    /// Try again at once
    Retry {
        /// Only this one
        #[arg(long, value_name = "NAME")]
        webhook: Option<String>,
    },
    /// Make a key that signs, and print what receivers verify with
    Key {
        /// Where to keep the key; there must be nothing yet
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

fn parse_release(text: &str) -> Result<(PackageName, Version), String> {
    let (name, version) =
        text.split_once('@').ok_or_else(|| format!("`{text}` has no version after an `@`"))?;
    Ok((
        name.parse().map_err(|error| format!("{error}"))?,
        version.parse().map_err(|error| format!("{error}"))?,
    ))
}
