//! Logging in at an identity provider that others wrote: `oidc-provider`, certified by
//! the OpenID Foundation, on this machine alone.
//!
//! `tests/interop/idp/run` gets it, and calls this.

mod person;
mod provider;
mod registry;
mod story;

use std::io::Write as _;
use std::process::ExitCode;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Says a line of the story.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn main() -> ExitCode {
    match story::tell() {
        Ok(()) => {
            say("interop: who logs in there is let in here, and nobody else");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("interop: failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
