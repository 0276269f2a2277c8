//! npm: packages, what they need, and how they are laid out.

pub mod evidence;
pub mod layout;
pub mod listing;
pub mod lock;

use mcpkg_core::Platform;
use serde_json::{Value, json};
use std::fs;
use url::Url;

use crate::Reference;
use crate::closure::Closure;
use crate::error::{Result, UpstreamError};
use crate::fetch::Client;
use crate::listing::MAX_REASON;
use crate::server::plain;
use crate::tools::{Tools, empty_folder, read};

/// Why a version is deprecated, on one line; nothing if it is not, or no longer: npm then
/// leaves an empty text, and old registries have `true` for one without a reason.
fn deprecation(said: &Value) -> Option<String> {
    match said {
        Value::String(reason) if !reason.is_empty() => Some(plain(reason, MAX_REASON)),
        Value::Bool(true) => Some(String::new()),
        _ => None,
    }
}

/// npm's program.
pub(crate) const TOOL: &str = "npm";

/// Has npm choose what `reference` needs on `platform`.
///
/// npm writes a `package-lock.json` and nothing else: no package is unpacked and no
/// script runs. Git is not there for it, so that nothing but the registry is asked for
/// code.
///
/// # Errors
///
/// [`UpstreamError::Resolve`] with what npm said, and those of [`lock::read`].
pub fn resolve(
    reference: &Reference,
    registry: &Url,
    platform: Platform,
    tools: &Tools,
    client: &Client,
) -> Result<Closure> {
    let folder = empty_folder()?;
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|source| UpstreamError::File { path, source })
    };
    let name = reference.package.name();
    let wanted = reference.wanted.as_ref().map_or("latest", |wanted| wanted.as_str());
    let project = json!({
        "name": "closure",
        "version": "0.0.0",
        "private": true,
        "dependencies": { name: wanted },
    });
    write("package.json", &project.to_string())?;
    let in_folder = |name: &str| folder.path().join(name).display().to_string();
    let args = [
        "install".to_owned(),
        "--package-lock-only".to_owned(),
        "--ignore-scripts".to_owned(),
        "--no-audit".to_owned(),
        "--no-fund".to_owned(),
        "--no-update-notifier".to_owned(),
        "--lockfile-version=3".to_owned(),
        "--omit-lockfile-registry-resolved=false".to_owned(),
        format!("--registry={registry}"),
        // Two names, or npm takes them for one file that it reads twice.
        format!("--userconfig={}", in_folder("no-user")),
        format!("--globalconfig={}", in_folder("no-system")),
        format!("--cache={}", in_folder("cache")),
        format!("--git={}", in_folder("no-git")),
    ];
    tools.run(TOOL, &args, folder.path(), &reference.to_string(), client)?;
    let lock = read(&folder.path().join("package-lock.json"))?;
    lock::read(&lock, reference, registry, platform)
}
