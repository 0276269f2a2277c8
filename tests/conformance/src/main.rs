//! A client for the public Sigstore conformance suite, on top of `mcpkg-verify`.
//!
//! The suite tests every Sigstore client through one command line, its
//! [protocol][protocol]. This program is that command line and nothing else:
//! what it accepts and refuses is decided by the crate that the registry and
//! the command decide with.
//!
//! [protocol]: https://github.com/sigstore/sigstore-conformance/blob/main/docs/cli_protocol.md

mod sign;
mod verify;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mcpkg_verify::TrustRoot;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Signs and verifies as the Sigstore conformance suite asks
#[derive(Debug, Parser)]
#[command(name = "mcpkg-conformance", disable_help_subcommand = true)]
enum Command {
    /// Exit with 0 if the bundle is evidence for the file
    VerifyBundle(verify::Args),
    /// Sign a file, and write the bundle
    SignBundle(sign::Args),
}

/// Whose signatures count
#[derive(clap::Args, Debug)]
pub(crate) struct TrustArgs {
    /// The staging instance instead of the public-good one
    #[arg(long)]
    pub(crate) staging: bool,
    /// Another instance's `trusted_root.json`
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
}

impl TrustArgs {
    pub(crate) fn root(&self) -> Result<TrustRoot> {
        Ok(match &self.trusted_root {
            Some(path) => TrustRoot::from_json(&read_text(path)?)?,
            None if self.staging => TrustRoot::staging()?,
            None => TrustRoot::public_good()?,
        })
    }
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::VerifyBundle(args) => args.run(),
        Command::SignBundle(args) => args.run(),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Some of the library's errors repeat their source already.
        let text = cause.to_string();
        if !line.ends_with(&text) {
            // Writing to a `String` cannot fail.
            let _ = write!(line, ": {text}");
        }
        source = cause.source();
    }
    // There is nobody left to tell if this fails; the exit code still does.
    let _ = writeln!(std::io::stderr(), "{line}");
    ExitCode::FAILURE
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

pub(crate) fn read_text(path: &Path) -> Result<String> {
    Ok(String::from_utf8(read(path)?)?)
}
