//! Options of `review`.

use clap::{Args, Subcommand};
use mcpkg_core::review::Outcome;
use mcpkg_core::{Digest, PackageName, Version};

/// Look at what a registry holds back, and let it in or not
#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// List the releases that wait for a person
    List(ReviewListArgs),
    /// Show in what a release differs from the one before it
    Show(ReviewShowArgs),
    /// Let a release in
    Approve(ReviewVoteArgs),
    /// Keep a release out, whoever else would let it in
    Reject(ReviewVoteArgs),
}

/// Options of `review list`
#[derive(Args, Debug)]
pub struct ReviewListArgs {
    /// Which ones: `quarantined`, `denied` or `admitted`
    #[arg(long, value_name = "OUTCOME", default_value = "quarantined")]
    pub outcome: Outcome,
    /// Where a list before has ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// Options of `review show`
#[derive(Args, Debug)]
pub struct ReviewShowArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION", value_parser = super::parse_release)]
    pub release: (PackageName, Version),
}

/// Options of `review approve` and `review reject`
#[derive(Args, Debug)]
pub struct ReviewVoteArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION", value_parser = super::parse_release)]
    pub release: (PackageName, Version),
    /// Why, in a line, for whoever looks later
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What you have looked at, as `review show` says; else it is shown, and you are asked
    #[arg(long, value_name = "DIGEST")]
    pub fingerprint: Option<Digest>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
