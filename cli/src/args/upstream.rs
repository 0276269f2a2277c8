//! The command line of installing what is not from a registry of releases.

use std::str::FromStr;

use clap::Args;
use mcpkg_core::permissions::{EnvName, HostPort, PathGrant, Permissions, ProgramName};
use mcpkg_upstream::{Reference, Release};

use crate::request::PackageRequest;

/// What to install.
#[derive(Clone, Debug)]
pub enum InstallTarget {
    /// A release of a registry.
    Package(PackageRequest),
    /// A package of another ecosystem.
    Upstream(Reference),
}

impl FromStr for InstallTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No package of a registry has a colon in its name.
        if text.contains(':') {
            return text.parse().map(Self::Upstream).map_err(|error| format!("{error}"));
        }
        text.parse().map(Self::Package)
    }
}

/// Options for packages of npm and PyPI. Nothing there says what a server needs, so it
/// gets what is granted here, and by default nothing
#[derive(Args, Debug, Default)]
pub struct UpstreamArgs {
    /// What to accept although nobody attests it
    #[command(flatten)]
    pub unattested: UnattestedArgs,
    /// Let a server of npm or PyPI read files, such as `${workspace}`
    #[arg(long, value_name = "PATH")]
    pub grant_read: Vec<PathGrant>,
    /// Let it write files
    #[arg(long, value_name = "PATH")]
    pub grant_write: Vec<PathGrant>,
    /// Let it connect to a host
    #[arg(long, value_name = "HOST:PORT")]
    pub grant_network: Vec<HostPort>,
    /// Let it see a variable of your environment
    #[arg(long, value_name = "NAME")]
    pub grant_env: Vec<EnvName>,
    /// Let it start a program
    #[arg(long, value_name = "PROGRAM")]
    pub grant_program: Vec<ProgramName>,
}

/// What a user accepts of npm and PyPI by its full name.
#[derive(Args, Debug, Default)]
pub struct UnattestedArgs {
    /// Accept this one release of npm or PyPI although nobody attests who built it
    #[arg(long, value_name = "RELEASE")]
    pub accept_unattested: Vec<Release>,
    /// Accept this one release of PyPI, or its use by another, although its author yanked it
    #[arg(long, value_name = "RELEASE")]
    pub accept_yanked: Vec<Release>,
}

impl UpstreamArgs {
    /// The permissions that were granted.
    pub fn granted(&self) -> Permissions {
        let mut granted = Permissions::default();
        granted.filesystem.read.extend(self.grant_read.iter().cloned());
        granted.filesystem.write.extend(self.grant_write.iter().cloned());
        granted.network.allow.extend(self.grant_network.iter().cloned());
        granted.env.allow.extend(self.grant_env.iter().cloned());
        granted.run.extend(self.grant_program.iter().cloned());
        granted
    }
}
