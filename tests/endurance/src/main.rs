//! The registry killed, loaded and grown, and what becomes of it.
//!
//! | command | what is shown |
//! |---|---|
//! | `kill-rounds N` | after `kill -9` at any moment, N times, all that was acknowledged is there |
//! | `load SECONDS` | readers beside publishers: no error, and how long they wait |
//! | `publishes N` | what a publish takes, and how many there can be in a second |
//! | `mirror N` | what following a registry of N releases takes, and one release more |
//! | `listing` | a hundred thousand servers in the MCP registry's API |
//! | `scale` | what grows with the number of entries, up to a million, and what does not |
//!
//! Everything is real: the `mcpkg-registry` that Cargo builds, its data folder, and
//! signatures that it verifies. The figures stand in `docs/benchmarks.md`. The exit
//! code is 0 only if nothing was found wrong; the last line says the same in words.

mod auditor;
mod catalogue;
mod client;
mod figures;
mod kill_rounds;
mod listing;
mod load;
mod mirror;
mod publishes;
mod random;
mod reader;
mod scale;
mod stock;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

/// Any failure ends the program, and its text is the report.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What to do to the registry.
#[derive(Debug, Parser)]
#[command(name = "mcpkg-endurance")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill it while it is published to and read from, and check what is left
    KillRounds {
        /// How many times
        rounds: u64,
        /// What decides when; the same seed repeats the choices, not the timing
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Read and publish as fast as it goes
    Load {
        /// For how long
        seconds: u64,
    },
    /// Sign and publish, one at a time and many at once
    Publishes {
        /// How many at once
        #[arg(default_value_t = 1_000)]
        count: usize,
    },
    /// Follow a registry, every proof and all evidence verified, and then one release more
    Mirror {
        /// How many releases it has
        #[arg(default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..))]
        releases: u64,
    },
    /// List a hundred thousand servers, and see what a page takes
    Listing,
    /// Make it large, and see what takes longer
    Scale {
        /// With how many entries
        #[arg(
            default_values_t = [1_000, 10_000, 100_000, 1_000_000],
            value_parser = clap::value_parser!(u64).range(1000..)
        )]
        entries: Vec<u64>,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::KillRounds { rounds, seed } => {
            kill_rounds::run(rounds, seed.unwrap_or_else(seed_of_now))
        }
        Command::Load { seconds } => load::run(seconds),
        Command::Mirror { releases } => mirror::run(releases),
        Command::Publishes { count } => publishes::run(count),
        Command::Listing => listing::run(),
        Command::Scale { entries } => scale::run(&entries),
    };
    match result {
        Ok(()) => {
            say("passed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A seed that nobody has chosen.
fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}

/// Says a line.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Runs a program to its end, quietly unless it fails.
pub(crate) fn program(command: &mut std::process::Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let name = command.get_program().display().to_string();
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}
