//! The flags of `mcpkg rebuild`.

use std::path::PathBuf;

use clap::Args;
use mcpkg_core::{PackageName, Platform, Version};

use super::{SigningArgs, parse_release};

/// Options of `rebuild`
#[derive(Args, Debug)]
#[command(after_help = "\
The release is verified like an install. Then its source is fetched at the commit that was signed, \
built with the recipe that was signed, and packed; and the files are compared with those of the \
release. On Linux the build is confined: it sees the system's programs, its tools and its source, \
no other process, nothing of your home, and no network unless the recipe says that it needs one.

Exits 0 if the files are identical, 4 if they differ, 1 if they could not be built here, and 3 if \
the release is refused. Another result is a reason to look, and not an accusation: a build may \
depend on the machine without anybody meaning harm.

git is run without your configuration; GIT_CONFIG_COUNT, GIT_CONFIG_KEY_<n> and \
GIT_CONFIG_VALUE_<n> give it some.")]
pub struct RebuildArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION", value_parser = parse_release)]
    pub release: (PackageName, Version),
    /// Take the source from this clone of the repository, at the signed commit:
    /// what is not committed there is not looked at
    #[arg(long, value_name = "FOLDER")]
    pub source: Option<PathBuf>,
    /// A folder with tools, or with a `bin` of tools, which the build may read
    #[arg(long, value_name = "FOLDER")]
    pub toolchain: Vec<PathBuf>,
    /// Which artifact [default: the one for any platform, or for this machine]
    #[arg(long)]
    pub platform: Option<Platform>,
    /// Keep the source, and the files of both, in this new folder
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
    /// How many minutes the build may take
    #[arg(long, value_name = "MINUTES", default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub timeout: u32,
    /// Sign what came of it, and have it logged for everybody to see
    #[arg(long)]
    pub attest: bool,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Let the build do what you can do, with your files and the network
    #[arg(long)]
    pub unconfined: bool,
}
