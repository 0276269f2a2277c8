//! The command line of `mcpkg secret`.

use clap::{Args, Subcommand};
use mcpkg_core::secret::StoreName;

/// What to do with secrets
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The key store is the system's own: Secret Service, Keychain or Credential Manager. Where there is \
none, secrets are kept in a file that is encrypted with a passphrase (age). Under `[secrets]` in \
mcpkg's config.toml, `store = \"file\"` or `\"system\"` chooses one of the two, and `passphrase` says \
where the passphrase is found when there is no terminal to ask on: `\"cmd:…\"`, `\"file:…\"`, \
`\"env:…\"` or `\"op://…\"`.")]
pub enum SecretCommand {
    /// Keep a secret: typed at the terminal, or from standard input
    Set(SecretNameArgs),
    /// List the names of secrets, and which servers use them
    #[command(visible_alias = "ls")]
    List,
    /// Forget a secret
    #[command(visible_alias = "rm")]
    Remove(SecretNameArgs),
    /// Say which key store is in use, and why
    Which,
    /// Approve what this project's lock gives a server: settings, secrets, rights
    Approve(SecretApproveArgs),
    /// Start a program with secrets in its environment
    Exec(SecretExecArgs),
}

/// Options of `secret exec`
#[derive(Args, Debug)]
#[command(after_help = "\
`mcpkg migrate` writes this into settings, in front of what was there. It also starts an agent whose \
settings name variables: `mcpkg secret exec --env API_KEY=store:api-key -- claude`.")]
pub struct SecretExecArgs {
    /// A variable, and where its value is found
    #[arg(long, value_name = "NAME=REFERENCE", required = true)]
    pub env: Vec<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub words: Vec<String>,
}

/// The name of a secret
#[derive(Args, Debug)]
pub struct SecretNameArgs {
    /// `<package>/<setting>` for a server, such as `io.github.acme/weather/api_key`;
    /// or one word
    pub name: StoreName,
}

/// Options of `secret approve`
#[derive(Args, Debug)]
pub struct SecretApproveArgs {
    /// The package, or its short name
    pub name: String,
    /// Approve it, as shown
    #[arg(short, long)]
    pub yes: bool,
}
