//! The commands that state something about what is published.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mcpkg_core::PackageName;

use crate::ops::sign::KeySource;

/// Who signs, and with which services
#[derive(Args, Debug)]
pub struct SigningArgs {
    /// An OpenID Connect token for Sigstore, in a file (`-` for stdin)
    #[arg(long, value_name = "FILE")]
    pub identity_token: Option<PathBuf>,
    /// The Sigstore services to sign with [default: the public-good ones]
    #[arg(long, value_name = "FILE", env = "MCPKG_SIGNING_CONFIG")]
    pub signing_config: Option<PathBuf>,
    /// Sign with a key instead (PKCS#8, ECDSA P-256): `file:<path>`, `env:<variable>`, or
    /// `cmd:<command>` for what a command prints
    #[arg(long, value_name = "WHERE", conflicts_with = "identity_token")]
    pub key: Option<KeySource>,
}

/// Options of `yank`, `deprecate` and `restore`
#[derive(Args, Debug)]
#[command(after_help = "\
Only the publisher of a package can do this, with the same identity that publishes it: in CI, the \
workflow that released it. It is an entry of the registry's log, and stays there.")]
pub struct StatusArgs {
    /// The releases
    #[arg(required = true, value_name = "NAME@VERSION")]
    pub releases: Vec<String>,
    /// Why, in one line, for those who have it installed
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Show what would be stated, and sign nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Who publishes a package
#[derive(Debug, Subcommand)]
pub enum PublisherCommand {
    /// Show who publishes a package, and who will
    Show(PublisherShowArgs),
    /// Announce that another publishes a package from some days on
    Change(PublisherChangeArgs),
    /// Take back what was announced
    Cancel(PublisherCancelArgs),
    /// Show who would sign here: what to pass to `publisher change --to`
    Whoami(SigningArgs),
}

/// Options of `publisher show`
#[derive(Args, Debug)]
pub struct PublisherShowArgs {
    /// The package
    pub name: PackageName,
}

/// Options of `publisher change`
#[derive(Args, Debug)]
#[command(after_help = "\
The publisher of now signs this. Until it takes effect, which takes days, everybody can see it and \
it can be taken back. Those who have the package installed have to accept the new publisher by name.")]
pub struct PublisherChangeArgs {
    /// The package
    pub name: PackageName,
    /// Who will publish it, as `mcpkg publisher whoami` prints it there
    #[arg(long, value_name = "IDENTITY")]
    pub to: String,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Show what would be stated, and sign nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `publisher cancel`
#[derive(Args, Debug)]
pub struct PublisherCancelArgs {
    /// The package
    pub name: PackageName,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Show what would be stated, and sign nothing
    #[arg(long)]
    pub dry_run: bool,
}
