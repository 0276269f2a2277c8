//! The flags of `mcpkg trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use url::Url;

/// What to do with those who may vouch for packages
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// List who may vouch for which names, how old that is, and until when it holds
    #[command(visible_alias = "ls")]
    List,
    /// Ask the public-good Sigstore, and others with a TUF repository, for what is new
    Update(TrustUpdateArgs),
    /// Let a private Sigstore or a key vouch for names
    Add(Box<TrustAddArgs>),
    /// Let it vouch no more
    #[command(visible_alias = "rm")]
    Remove(TrustRemoveArgs),
}

/// Options of `trust update`
#[derive(Args, Debug)]
#[command(after_help = "\
Nothing else fetches trust: an install makes no request for it. What was fetched is used offline for \
as long as its own dates allow, with a warning when it is stale; after that it is refused. Until \
the first update, the public-good root that is built into this program is used.")]
pub struct TrustUpdateArgs {
    /// Which ones, by their names [default: all]
    pub name: Vec<String>,
}

/// Options of `trust add`
#[derive(Args, Debug)]
#[command(after_help = "\
A key never vouches for io.github.* and io.gitlab.*, and a private Sigstore only for accounts that \
are named. For a name that a Sigstore is tied to by its namespace, no other Sigstore counts.")]
pub struct TrustAddArgs {
    /// The `trusted_root.json` of a private Sigstore, or a public key in PEM
    #[arg(required_unless_present = "tuf", conflicts_with = "tuf")]
    pub file: Option<PathBuf>,
    /// The names it may vouch for: `*`, or namespaces such as `com.acme/*`
    #[arg(long = "for", value_name = "PATTERN", required = true)]
    pub names: Vec<NamePattern>,
    /// What to call it [default: after the file, or the host]
    #[arg(long)]
    pub name: Option<String>,
    /// What the key signed before this time does not count (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Timestamp>,
    /// What the key signed at this time or later does not count (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Timestamp>,
    /// The TUF repository of a private Sigstore, instead of a file
    #[arg(long, value_name = "URL", requires = "tuf_root")]
    pub tuf: Option<Url>,
    /// The `root.json` that trust in that repository begins with
    #[arg(long, value_name = "FILE", requires = "tuf")]
    pub tuf_root: Option<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `trust remove`
#[derive(Args, Debug)]
pub struct TrustRemoveArgs {
    /// What it is called
    pub name: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}
