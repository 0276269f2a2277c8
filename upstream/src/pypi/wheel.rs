//! From wheels to the files of a server, as `pip install --target` would lay them out.
//!
//! A wheel is a ZIP, so it is read by the same strict reader as an artifact. Its scripts
//! and headers are left out, and so is data that would go elsewhere: the server starts
//! from a launcher of ours, and what it imports is in one folder.
//!
//! Source: PyPA, "Binary distribution format", and "Entry points specification".

use std::io::Cursor;
use std::sync::Arc;

use mcpkg_core::archive::{Archive, ArchiveError, ArchivePath, Layout, Limits};
use serde_json::json;

use crate::Ecosystem;
use crate::Package;
use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::server::{Server, plain};
use crate::tree::Tree;

/// The folder that is searched for what is imported.
const LIBRARY: &str = "lib";
/// The file that starts the server. It has a folder of its own, since Python searches
/// that first.
const LAUNCHER: &str = "bin/launch.py";
/// Where a wheel keeps what belongs beside its library.
const DATA: &str = ".data";

/// Adds the files of a wheel.
pub(crate) fn unpack(member: &Member, wheel: &[u8], tree: &mut Tree) -> Result<()> {
    let refused = |source| UpstreamError::Archive {
        release: member.release.clone(),
        source: Box::new(source),
    };
    let mut reader = Cursor::new(wheel);
    // Many tools write entries for folders, which say nothing.
    let layout = Layout::read_without_folders(&mut reader, &Limits::default());
    let layout = Arc::new(layout.map_err(refused)?);
    let mut archive = Archive::with_layout(reader, layout).map_err(refused)?;
    for index in 0..archive.entries().len() {
        let entry = &archive.entries()[index];
        let (path, is_executable) = (entry.path().clone(), entry.is_executable());
        let mut content = Vec::new();
        let mut reader = archive.open(index).map_err(refused)?;
        while let Some(chunk) = reader.next_chunk().map_err(refused)? {
            content.extend_from_slice(chunk);
        }
        if let Some(place) = place(path.as_str()) {
            let place: ArchivePath =
                place.parse().map_err(|source| refused(ArchiveError::Path(source)))?;
            tree.add(place, is_executable, &content)?;
        }
    }
    Ok(())
}

/// Where a file of a wheel goes, if it goes anywhere.
fn place(path: &str) -> Option<String> {
    let in_data = path.split_once('/').filter(|(folder, _)| folder.ends_with(DATA));
    let rest = match in_data {
        None => path,
        Some((_, rest)) => match rest.split_once('/') {
            Some(("purelib" | "platlib", rest)) => rest,
            _ => return None,
        },
    };
    Some(format!("{LIBRARY}/{rest}"))
}

/// The server of a project whose wheels have been unpacked. Adds what starts it.
///
/// # Errors
///
/// [`UpstreamError::NoServer`] if it has no console script, or several of which none has
/// its name; [`UpstreamError::Carried`] if its wheel is of another release.
pub(crate) fn server(closure: &Closure, tree: &mut Tree) -> Result<Server> {
    let release = closure.root().release.clone();
    let no_server =
        |reason: &str| UpstreamError::NoServer { release: release.clone(), reason: reason.into() };
    let folder = closure.root().place.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
    let folder = format!("{LIBRARY}/{folder}.dist-info");
    let metadata = tree.read(&format!("{folder}/METADATA"))?;
    let metadata = metadata.and_then(|bytes| String::from_utf8(bytes).ok());
    let metadata = metadata.ok_or_else(|| no_server("its wheel has no METADATA"))?;
    let field = |name: &str| {
        let headers = metadata.lines().take_while(|line| !line.trim().is_empty());
        let mut values = headers.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.next()
    };
    let named = field("Name").and_then(|name| Package::new(Ecosystem::PyPi, name).ok());
    if named.as_ref() != Some(release.package()) || field("Version") != Some(release.version()) {
        return Err(UpstreamError::Carried(format!("the wheel of `{release}` is of another")));
    }
    let entry_points = tree.read(&format!("{folder}/entry_points.txt"))?.unwrap_or_default();
    let entry_points = String::from_utf8_lossy(&entry_points);
    let scripts = console_scripts(&entry_points);
    let is_own = |name: &str| {
        Package::new(Ecosystem::PyPi, name).is_ok_and(|name| &name == release.package())
    };
    let own = scripts.iter().find(|(name, _)| is_own(name));
    let (_, object) = own.or_else(|| scripts.first().filter(|_| scripts.len() == 1)).ok_or_else(
        || match scripts.len() {
            0 => no_server("its wheel names no console script"),
            _ => no_server("it has several console scripts, and none has its name"),
        },
    )?;
    let launcher = launcher(&release.to_string(), object)
        .ok_or_else(|| no_server("its console script names no function"))?;
    tree.add_own(LAUNCHER, launcher.as_bytes())?;
    let summary = plain(field("Summary").unwrap_or_default(), 1000);
    let author = field("Author").or_else(|| field("Author-email")).unwrap_or_default();
    let author = plain(author, 200);
    Ok(Server {
        description: if summary.is_empty() { release.to_string() } else { summary },
        author: if author.is_empty() { "unknown".to_owned() } else { author },
        license: closure.root().license.clone(),
        kind: "python",
        command: ("python3", "python"),
        options: &["-B", "-s"],
        entry_point: LAUNCHER.to_owned(),
        env: json!({ "PYTHONPATH": format!("${{__dirname}}/{LIBRARY}") }),
        runtime: field("Requires-Python").map(|text| plain(text, 100)),
    })
}

/// The lines of the section for console scripts: name and object.
fn console_scripts(text: &str) -> Vec<(&str, &str)> {
    let mut is_ours = false;
    let mut scripts = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_ours = line == "[console_scripts]";
        } else if is_ours && !line.starts_with(['#', ';']) {
            let script = line.split_once('=');
            scripts.extend(script.map(|(name, object)| (name.trim(), object.trim())));
        }
    }
    scripts
}

/// A program that calls the function `module:object`.
fn launcher(release: &str, object: &str) -> Option<String> {
    // `[extras]` may follow, which the closure has or has not.
    let object = object.split('[').next().unwrap_or_default().trim();
    let (module, function) = object.split_once(':')?;
    let is_dotted = |text: &str| {
        text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    if !is_dotted(module) || !is_dotted(function) {
        return None;
    }
    let first = function.split('.').next().unwrap_or_default();
    Some(format!(
        "\"\"\"Starts {release}. Written by mcpkg.\"\"\"\n\n\
         import sys\n\n\
         from {module} import {first}\n\n\
         if __name__ == \"__main__\":\n    sys.exit({function}())\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launcher_calls_a_function_and_nothing_else() {
        let text = launcher("pypi:weather@1.2", "weather.server:main.run [extra]").unwrap();
        assert!(text.contains("from weather.server import main\n"), "{text}");
        assert!(text.ends_with("    sys.exit(main.run())\n"), "{text}");
        for object in ["weather", "weather:", ":main", "os; x:main", "a:b()", "a:b\nimport os", ""]
        {
            assert_eq!(launcher("pypi:weather@1.2", object), None, "{object:?}");
        }
    }

    #[test]
    fn what_belongs_elsewhere_is_left_out() {
        for (path, expected) in [
            ("weather/server.py", Some("lib/weather/server.py")),
            ("weather-1.2.dist-info/METADATA", Some("lib/weather-1.2.dist-info/METADATA")),
            ("weather-1.2.data/purelib/weather/x.py", Some("lib/weather/x.py")),
            ("weather-1.2.data/scripts/weather", None),
            ("weather-1.2.data/data/etc/weather.conf", None),
        ] {
            assert_eq!(place(path).as_deref(), expected, "{path}");
        }
    }
}
