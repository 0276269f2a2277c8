//! The flags of `mcpkg log`.

use clap::{Args, Subcommand};

use crate::ops::monitor::Interest;

/// What to do with the log of a registry
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Check that what is locked is in the log, and still shown
    #[command(after_help = "\
Offline, the receipt of each locked server is checked with the key of the log. Online as well: the \
log as it is now has to go on from each receipt, and from the newest checkpoint that was seen, and \
the signed index of each package has to list the release. A registry that hides one is refused \
with the proof in a file. Exits 3 if anything does not hold.")]
    Verify,
    /// Follow a log, and raise an alarm on what should not be there
    Watch(LogWatchArgs),
}

/// Options of `log watch`
#[derive(Args, Debug)]
#[command(after_help = "\
Every entry is read, and hashed to the root that the log signed. An alarm is raised if a checkpoint \
does not go on from the one before or is old; if an entry is malformed, replaces a release, or is \
by another publisher; if the registry does not serve a release, or what was stated about one, as it \
was logged, with evidence that verifies; and if the signed index of a package is not what its entries \
amount to. Under the names that you care for it is raised as well when another publisher is announced, \
and when somebody built a release again and got other files. What was read is remembered, so that \
nothing is read twice; the first look tells of everything there is.

Alarms and notices go to stdout, with `--json` as one line each. With `--once` it exits 0 if all \
is well, 3 on an alarm, 1 if something could not be checked, 4 if there are only notices.")]
pub struct LogWatchArgs {
    /// Tell of everything new under these names: `<namespace>/<name>`,
    /// `<namespace>/*`, or `*`
    #[arg(long, value_name = "PATTERN")]
    pub name: Vec<Interest>,
    /// How long to wait before looking again
    #[arg(long, value_name = "SECONDS", default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub interval: u32,
    /// Look once, and exit
    #[arg(long, conflicts_with = "interval")]
    pub once: bool,
    /// Compare the index of every package, not only of those that changed
    #[arg(long, requires = "once")]
    pub full: bool,
}
