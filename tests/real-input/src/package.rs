//! The package: from npm, with the two documents that an author would add.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::{Result, program};

/// What it is called at npm.
pub(crate) const NPM_NAME: &str = "@modelcontextprotocol/server-filesystem";
/// Its version, there and here.
pub(crate) const VERSION: &str = "2026.7.10";
/// What it is called here.
pub(crate) const NAME: &str = "io.github.acme/server-filesystem";
/// The last part of that.
pub(crate) const SHORT_NAME: &str = "server-filesystem";

/// The folder, in the home of whoever installs it, that it asks to read.
pub(crate) const SHARED: &str = "shared";

/// The file that Node starts.
pub(crate) const ENTRY_POINT: &str =
    "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";

/// Fetches the package with its production dependencies, without running any
/// script of theirs, and returns how many files there are.
pub(crate) fn fetch(folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let wanted = format!("{NPM_NAME}@{VERSION}");
    let flags = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"];
    program(Command::new("npm").arg("install").args(flags).arg(wanted).current_dir(folder))?;
    let manifest = json!({
        "manifest_version": "0.3",
        "name": SHORT_NAME,
        "version": VERSION,
        "description": "Reads and writes files in the folders you allow",
        "author": { "name": "Acme" },
        "server": {
            "type": "node",
            "entry_point": ENTRY_POINT,
            "mcp_config": {
                "command": "node",
                "args": [format!("${{__dirname}}/{ENTRY_POINT}"), "${user_config.allowed_directories}"],
            },
        },
        "user_config": {
            "allowed_directories": {
                "type": "directory", "title": "Folders", "multiple": true, "required": true,
            },
        },
    });
    fs::write(folder.join("manifest.json"), format!("{manifest:#}\n"))?;
    let server = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": NAME,
        "description": "Reads and writes files in the folders you allow",
        "_meta": { "io.modelcontextprotocol.registry/publisher-provided": { "mcpkg": {
            "permissions": { "filesystem": { "read": [format!("${{home}}/{SHARED}")] } },
        } } },
        "version": VERSION,
    });
    fs::write(folder.join("server.json"), format!("{server:#}\n"))?;
    count(folder)
}

fn count(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += if path.is_dir() && !path.is_symlink() { count(&path)? } else { 1 };
    }
    Ok(files)
}

/// Copies a tree in the reverse order of its names, with other times and modes,
/// and as another owner where that can be done.
pub(crate) fn copy_otherwise(from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    fs::create_dir_all(to)?;
    let mut entries = fs::read_dir(from)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
    for (index, entry) in entries.iter().enumerate() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            copy_otherwise(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
            let time = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000 + index as u64);
            File::options()
                .write(true)
                .open(&target)?
                .set_times(FileTimes::new().set_modified(time))?;
            // The executable bit is part of the tree; the rest of a mode is not.
            let mode = fs::metadata(&source)?.permissions().mode();
            let mode = if mode & 0o100 == 0 { 0o600 } else { 0o700 };
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
            // Only root may give files away; for others the owner stays.
            let _ = chown(&target, Some(12345), Some(12345));
        }
    }
    Ok(())
}
