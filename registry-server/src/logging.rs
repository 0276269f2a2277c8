//! The log: one line per event, on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that says what is logged: `debug`, or a filter such
/// as `mcpkg_registry_server=debug,sqlx=warn`.
const FILTER: &str = "MCPKG_REGISTRY_LOG";

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Starts to log. What cannot be logged is dropped, and never holds a request.
pub(crate) fn start(format: Option<LogFormat>) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var(FILTER)
        .from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_terminal = io::stderr().is_terminal();
    match format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => log.with_ansi(is_terminal).init(),
        LogFormat::Json => log.json().init(),
    }
}
