//! PyPI: projects, what they need, and how wheels are laid out.
//!
//! Only wheels: a source distribution is a program that makes a package of itself when it
//! is installed, and nothing that was signed says what it will make.

pub mod evidence;
pub mod listing;
pub mod record;
pub mod report;
pub mod version;
pub mod wheel;

use mcpkg_core::Platform;
use url::Url;

use crate::Reference;
use crate::closure::Closure;
use crate::error::{Result, UpstreamError};
use crate::fetch::{self, Client};
use crate::tools::{Tools, empty_folder, read};

/// Python's program; pip is a module of it.
pub(crate) const TOOL: &str = "python3";

/// Has pip choose what `reference` needs on this machine, of wheels alone.
///
/// pip writes a report and installs nothing. No code of a wheel runs for that.
///
/// # Errors
///
/// [`UpstreamError::Resolve`] with what pip said, and those of [`report::read`].
pub fn resolve(
    reference: &Reference,
    index: &Url,
    file_hosts: &[Url],
    platform: Platform,
    tools: &Tools,
    client: &Client,
) -> Result<Closure> {
    // pip would warn of it, and go on without the check.
    fetch::check(index)?;
    let folder = empty_folder()?;
    let report = folder.path().join("report.json");
    let mut wanted = reference.package.name().to_owned();
    if let Some(version) = reference.wanted.as_ref().and_then(|wanted| wanted.exact()) {
        wanted = format!("{wanted}=={version}");
    }
    let args = [
        "-I".to_owned(),
        "-m".to_owned(),
        "pip".to_owned(),
        "install".to_owned(),
        "--dry-run".to_owned(),
        "--ignore-installed".to_owned(),
        "--only-binary=:all:".to_owned(),
        "--no-input".to_owned(),
        "--no-cache-dir".to_owned(),
        "--disable-pip-version-check".to_owned(),
        "--quiet".to_owned(),
        format!("--index-url={index}"),
        format!("--report={}", report.display()),
        "--".to_owned(),
        wanted,
    ];
    let what = reference.to_string();
    tools.run(TOOL, &args, folder.path(), &what, client).map_err(|error| match error {
        UpstreamError::Resolve { wanted, said, .. } => {
            UpstreamError::Resolve { tool: "pip", wanted, said }
        }
        other => other,
    })?;
    report::read(&read(&report)?, reference, index, file_hosts, platform)
}
