//! The main job, on the real binaries: publish, verify, install, launch; and
//! three attacks, refused.
//!
//! `cargo quickstart` runs it. It builds what it needs, works in a temporary
//! home, speaks to nothing beyond this machine, and leaves nothing behind.

mod agent;
mod story;

use std::process::ExitCode;

fn main() -> ExitCode {
    match story::tell() {
        Ok(()) => {
            story::say("quickstart: published, verified, installed, launched");
            ExitCode::SUCCESS
        }
        Err(error) => {
            story::say(&format!("quickstart: failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
