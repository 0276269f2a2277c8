//! Taking in what is known against releases: advisories, and what is said of them ([`vex`]).
//!
//! Nothing is fetched: an operator imports a dump that came from somewhere, be it on a
//! disk. A dump that cannot be read to its end changes nothing.

mod error;
mod vex;

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::advisory::{Advisory, MAX_BYTES};
use mcpkg_core::archive::{Archive, Limits};
use mcpkg_core::json;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::durable;
use crate::store::{ADVISORIES, AdvisoryWriter};

pub use error::ImportError;
pub use vex::{Said, import_signed_vex, import_vex};

/// The ecosystems whose packages a release can be or carry, as OSV calls them. What a
/// dump says of others is read, and not kept.
const ECOSYSTEMS: [&str; 3] = ["mcpkg", "npm", "pypi"];

/// How many advisories may wait to be written.
const WAITING: usize = 64;

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// How many advisories are kept.
    pub advisories: u64,
    /// How many were withdrawn, and are not kept.
    pub withdrawn: u64,
    /// How many are about nothing that a release can be or carry, and are not kept.
    pub elsewhere: u64,
}

/// Replaces the advisories of the registry of `config` by those of the dump at `path`: a
/// file, a folder, or an archive of them. A running registry uses them in a moment.
///
/// # Errors
///
/// Those before stay.
pub async fn import_advisories(config: &Config, path: &Path) -> Result<Imported, ImportError> {
    let data = config.data.clone();
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::File { action, path, source }
    };
    fs::create_dir_all(&data).map_err(failed("make", &data))?;
    let staging = tempfile::Builder::new()
        .prefix("advisories-")
        .tempdir_in(&data)
        .map_err(failed("write", &data))?;
    let new = staging.path().join(ADVISORIES);
    let wait = config.limits.database();
    let mut writer = AdvisoryWriter::create(&new, wait).await?;

    let (send, mut receive) = mpsc::channel::<Value>(WAITING);
    let (dump, label) = (path.to_owned(), path.display().to_string());
    let reading = std::thread::spawn(move || {
        read_dump(&dump, &mut |value| {
            // Nobody waits for it if the writer has failed, which says so itself.
            let _ = send.blocking_send(value);
        })
    });
    let mut imported = Imported::default();
    while let Some(value) = receive.recv().await {
        let advisory = Advisory::from_value(&value)
            .map_err(|source| ImportError::Advisory { label: label.clone(), source })?;
        let Some(advisory) = advisory else {
            imported.withdrawn += 1;
            continue;
        };
        if advisory.keys().iter().any(|(ecosystem, _)| ECOSYSTEMS.contains(&ecosystem.as_str())) {
            writer.add(&advisory, &value).await?;
            imported.advisories += 1;
        } else {
            imported.elsewhere += 1;
        }
    }
    if let Ok(result) = reading.join() {
        result?;
    }
    if imported == Imported::default() {
        return Err(ImportError::Empty(path.to_owned()));
    }
    let (written, _) = writer.finish(second(Timestamp::now())).await?;
    let place = data.join(ADVISORIES);
    File::open(&written).and_then(|file| file.sync_all()).map_err(failed("sync", &written))?;
    fs::rename(&written, &place).map_err(failed("write", &place))?;
    durable::sync_folder(&data).map_err(failed("sync", &data))?;
    Ok(imported)
}

/// Gives every advisory of a dump to `keep`, as JSON that is strict.
fn read_dump(path: &Path, keep: &mut impl FnMut(Value)) -> Result<(), ImportError> {
    let failed = |source| ImportError::File { action: "read", path: path.to_owned(), source };
    let is_json = |path: &Path| path.extension().is_some_and(|it| it == "json");
    let label = path.display().to_string();
    if path.is_dir() {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.sort();
        for file in files.iter().filter(|file| is_json(file)) {
            read_text(&read_bounded(file)?, &file.display().to_string(), keep)?;
        }
    } else if path.extension().is_some_and(|it| it == "zip") {
        let unusable = |source| ImportError::Archive { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mut archive = Archive::read(file, &Limits::default()).map_err(unusable)?;
        let names: Vec<String> =
            archive.entries().iter().map(|entry| entry.path().as_str().to_owned()).collect();
        for name in names.iter().filter(|name| is_json(Path::new(name))) {
            let bytes = archive.read_file(name, MAX_BYTES as u64).map_err(unusable)?;
            read_text(&bytes.unwrap_or_default(), &format!("{label}: {name}"), keep)?;
        }
    } else {
        read_text(&read_bounded(path)?, &label, keep)?;
    }
    Ok(())
}

/// One advisory, or a list of them.
fn read_text(bytes: &[u8], label: &str, keep: &mut impl FnMut(Value)) -> Result<(), ImportError> {
    let malformed = |source| ImportError::Json { label: label.to_owned(), source };
    match json::parse(bytes, MAX_BYTES).map_err(malformed)? {
        Value::Array(list) => list.into_iter().for_each(keep),
        one => keep(one),
    }
    Ok(())
}

/// Reads a file, and of a longer one than an advisory may be just enough to refuse it.
fn read_bounded(path: &Path) -> Result<Vec<u8>, ImportError> {
    let failed = |source| ImportError::File { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A time to the whole second, as it is kept.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { advisories, withdrawn, elsewhere } = self;
        write!(f, "{advisories} advisories are used now")?;
        write!(f, "; {withdrawn} were withdrawn, {elsewhere} are about something else")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_a_file_a_folder_or_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let one = |id: &str| format!("{{\"id\":\"{id}\"}}");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.json"), one("A")).unwrap();
        fs::write(path("b.json"), format!("[{},{}]", one("B"), one("C"))).unwrap();
        fs::write(path("readme.txt"), "not one").unwrap();
        let ids = |path: &Path| {
            let mut ids = Vec::new();
            read_dump(path, &mut |value| ids.push(value["id"].as_str().unwrap().to_owned()))
                .unwrap();
            ids
        };
        assert_eq!(ids(folder.path()), ["A", "B", "C"]);
        assert_eq!(ids(&path("a.json")), ["A"]);
        fs::write(path("c.json"), "{").unwrap();
        assert!(read_dump(folder.path(), &mut drop).is_err());
    }
}
