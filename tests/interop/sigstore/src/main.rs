//! Our programs against the Sigstore that others wrote: real Fulcio, tesseract,
//! Rekor v2 and timestamp authority, on this machine alone, and the verifiers
//! cosign and sigstore-python.
//!
//! `tests/interop/sigstore/run` gets the programs and calls this with the folder
//! that they are in.

mod clients;
mod issuer;
mod process;
mod services;
mod story;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Says a line of the story.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn main() -> ExitCode {
    let Some(programs) = std::env::args_os().nth(1) else {
        say("usage: mcpkg-interop-sigstore FOLDER");
        return ExitCode::FAILURE;
    };
    match story::tell(&PathBuf::from(programs)) {
        Ok(()) => {
            say("interop: what either side signs, the other accepts");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("interop: failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
