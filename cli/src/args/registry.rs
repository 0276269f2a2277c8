//! The flags of `mcpkg registry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mcpkg_core::log::VerifierKey;
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::secret::SecretReference;
use url::Url;

/// What to do with registries
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Use a registry
    Add(Box<RegistryAddArgs>),
    /// List the registries in use
    #[command(visible_alias = "ls")]
    List,
    /// Stop using a registry
    #[command(visible_alias = "rm")]
    Remove(RegistryRemoveArgs),
}

/// Options of `registry add`
#[derive(Args, Debug)]
pub struct RegistryAddArgs {
    /// What to call it
    pub name: String,
    /// Its address
    pub url: Url,
    /// Your own organisation runs it: releases need no minimum age
    #[arg(long)]
    pub private: bool,
    /// The authorities that vouch for its certificate, instead of the system's, PEM
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The proxy to reach it by [default: `HTTPS_PROXY`, but for `NO_PROXY`]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<Url>,
    /// The certificate to show to it, PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// Where the key of that is found: `file:/path`, `store:NAME`, …
    #[arg(long, value_name = "REFERENCE", requires = "client_certificate")]
    pub client_key: Option<SecretReference>,
    /// Where its users log in: no other issuer is accepted
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub issuer: Option<String>,
    /// By which name the issuer knows this program
    #[arg(long, value_name = "ID", requires = "issuer")]
    pub client_id: Option<String>,
    /// The names it serves [default: `*`]
    #[arg(long, value_name = "PATTERN")]
    pub namespace: Vec<NamePattern>,
    /// The `trusted_root.json` of a private Sigstore
    #[arg(long, value_name = "FILE", requires = "trust_for")]
    pub trusted_root: Option<PathBuf>,
    /// The names that private Sigstore may vouch for
    #[arg(long, value_name = "PATTERN", requires = "trusted_root")]
    pub trust_for: Vec<NamePattern>,
    /// Do not let the public-good Sigstore vouch for anything here
    #[arg(long)]
    pub no_public_good: bool,
    /// The key of its log, got by another way than from the registry itself
    #[arg(long, value_name = "VKEY")]
    pub log_key: Option<VerifierKey>,
    /// A witness that has to vouch for its log
    #[arg(long, value_name = "VKEY")]
    pub witness: Vec<VerifierKey>,
    /// How many of the witnesses have to [default: all]
    #[arg(long, value_name = "N", requires = "witness")]
    pub witness_quorum: Option<usize>,
    /// Who may publish in a namespace that belongs to no forge account, as
    /// `<pattern>=<issuer>,<subject>`, or `<pattern>=<issuer>,` and any of
    /// `repository:<url>`, `repository-id:<number>` and `owner-id:<number>`
    #[arg(long, value_name = "RULE")]
    pub publisher: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `registry remove`
#[derive(Args, Debug)]
pub struct RegistryRemoveArgs {
    /// What it is called
    pub name: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}
