//! From wheels to the files of a server, as `pip install --target` would lay them out.
//!
//! A wheel is a ZIP, so it is read by the same strict reader as an artifact, and then every
//! file in it is held to its `RECORD`.
//!
//! | in the wheel | in the artifact |
//! |---|---|
//! | `weather/…`, `weather-1.2.data/purelib/…`, `…/platlib/…` | `lib/weather/…`, `lib/…` |
//! | `weather-1.2.data/scripts/…` | `lib/bin/…`, executable, for `python3` |
//! | `weather-1.2.data/data/…` | `lib/…` |
//! | `weather-1.2.data/headers/…` | `lib/include/python/weather/…` |
//! | a console script of the server's own name | `bin/launch.py`, which calls it |
//!
//! No other console script gets a program: who starts one by its name does not find it in a
//! sandbox either.
//!
//! Source: PyPA, "Binary distribution format", and "Entry points specification".

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use mcpkg_core::archive::{Archive, ArchiveError, ArchivePath, Layout, Limits};
use serde_json::json;

use super::record::{self, Record, WheelError};
use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::server::{Server, plain};
use crate::tree::Tree;
use crate::{Ecosystem, Package, Release};

/// The folder that is searched for what is imported.
const LIBRARY: &str = "lib";
/// The programs of packages.
const SCRIPTS: &str = "lib/bin";
/// The file that starts the server. It has a folder of its own, since Python searches
/// that first.
const LAUNCHER: &str = "bin/launch.py";
/// Where a wheel keeps what belongs beside its library.
const DATA: &str = ".data";
/// The first words of a script that is to start with whichever Python there is.
const SHEBANGS: [&[u8]; 2] = [b"#!pythonw", b"#!python"];
/// What they become.
const SHEBANG: &[u8] = b"#!/usr/bin/env python3";
/// The longest file that describes a wheel, in bytes: `RECORD` has a line for each file.
const MAX_METADATA_BYTES: u64 = 16 << 20;

/// Adds the files of a wheel.
pub(crate) fn unpack(member: &Member, wheel: &[u8], tree: &mut Tree) -> Result<()> {
    let release = &member.release;
    let refused =
        |source| UpstreamError::Archive { release: release.clone(), source: Box::new(source) };
    let lies = |source| UpstreamError::Wheel { release: release.clone(), source };
    let mut reader = Cursor::new(wheel);
    // Many tools write entries for folders, which say nothing.
    let layout = Layout::read_without_folders(&mut reader, &Limits::default());
    let layout = Arc::new(layout.map_err(refused)?);
    let mut archive = Archive::with_layout(reader, layout).map_err(refused)?;
    let paths = archive.entries().iter().map(|entry| entry.path().as_str());
    let folder = record::folder(paths, release).map_err(lies)?.to_owned();
    let mut described = |name: &str| {
        archive.read_file(&format!("{folder}/{name}"), MAX_METADATA_BYTES).map_err(refused)
    };
    record::check_format(described("WHEEL")?.as_deref()).map_err(lies)?;
    let record = Record::read(&folder, described("RECORD")?.as_deref()).map_err(lies)?;
    for index in 0..archive.entries().len() {
        let entry = &archive.entries()[index];
        let (path, is_executable) = (entry.path().clone(), entry.is_executable());
        let mut content = Vec::new();
        let mut reader = archive.open(index).map_err(refused)?;
        while let Some(chunk) = reader.next_chunk().map_err(refused)? {
            content.extend_from_slice(chunk);
        }
        record.check(path.as_str(), &content).map_err(lies)?;
        let (place, kind) = place(path.as_str(), release.package())
            .ok_or_else(|| lies(WheelError::Nowhere(path.to_string())))?;
        let place: ArchivePath =
            place.parse().map_err(|source| refused(ArchiveError::Path(source)))?;
        match kind {
            Kind::File => tree.add(place, is_executable, &content)?,
            Kind::Script => tree.add(place, true, &as_program(&content))?,
        }
    }
    Ok(())
}

/// What a file of a wheel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It stays as it is.
    File,
    /// It is to be started, by whichever Python there is.
    Script,
}

/// Where a file of a wheel goes; nothing if its wheel has it for a place that nobody knows.
fn place(path: &str, package: &Package) -> Option<(String, Kind)> {
    let Some((_, rest)) = path.split_once('/').filter(|(folder, _)| folder.ends_with(DATA)) else {
        return Some((format!("{LIBRARY}/{path}"), Kind::File));
    };
    let (key, rest) = rest.split_once('/')?;
    let place = match key {
        "purelib" | "platlib" | "data" => format!("{LIBRARY}/{rest}"),
        "headers" => format!("{LIBRARY}/include/python/{}/{rest}", package.name()),
        "scripts" => return Some((format!("{SCRIPTS}/{rest}"), Kind::Script)),
        _ => return None,
    };
    Some((place, Kind::File))
}

/// A script, which starts with whichever Python there is if it is for one.
fn as_program(script: &[u8]) -> Cow<'_, [u8]> {
    match SHEBANGS.iter().find_map(|words| script.strip_prefix(*words)) {
        Some(rest) => Cow::Owned([SHEBANG, rest].concat()),
        None => Cow::Borrowed(script),
    }
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
    let folder = folder_of(&release, tree);
    let folder = folder.ok_or_else(|| no_server("its wheel describes nothing"))?;
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
    let chosen = own.or_else(|| scripts.first().filter(|_| scripts.len() == 1));
    let launcher = match (chosen, scripts.len()) {
        (Some((_, object)), _) => launcher(&release.to_string(), object)
            .ok_or_else(|| no_server("its console script names no function"))?,
        (None, 0) => {
            // As projects had it before there were entry points.
            let record = tree.read(&format!("{folder}/RECORD"))?.unwrap_or_default();
            let script = own_script(&String::from_utf8_lossy(&record), is_own);
            let script = script.ok_or_else(|| no_server("its wheel names no console script"))?;
            let content = tree.read(&format!("{SCRIPTS}/{script}"))?.unwrap_or_default();
            if !content.starts_with(SHEBANG) {
                return Err(no_server("its script is not for Python"));
            }
            script_launcher(&release.to_string(), &script)
        }
        _ => return Err(no_server("it has several console scripts, and none has its name")),
    };
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

/// The folder in the library that describes `release`.
fn folder_of(release: &Release, tree: &Tree) -> Option<String> {
    tree.paths().find_map(|path| {
        let (folder, _) = path.strip_prefix(LIBRARY)?.strip_prefix('/')?.split_once('/')?;
        record::is_of(folder, release).then(|| format!("{LIBRARY}/{folder}"))
    })
}

/// The script of the project's own name among those that its wheel lists.
fn own_script(record: &str, is_own: impl Fn(&str) -> bool) -> Option<String> {
    let mut scripts = record.lines().filter_map(|line| {
        let (folder, rest) = line.split_once('/')?;
        let name = rest.strip_prefix("scripts/")?.split(',').next()?;
        folder.ends_with(DATA).then_some(name)
    });
    // A name of a project holds nothing that Python or a path could take for something else.
    scripts.find(|name| is_own(name)).map(str::to_owned)
}

/// A program that runs a script of a wheel.
fn script_launcher(release: &str, script: &str) -> String {
    format!(
        "\"\"\"Starts {release}. Written by mcpkg.\"\"\"\n\n\
         import runpy\n\
         from pathlib import Path\n\n\
         if __name__ == \"__main__\":\n    \
         root = Path(__file__).resolve().parent.parent\n    \
         runpy.run_path(str(root / \"{SCRIPTS}\" / \"{script}\"), run_name=\"__main__\")\n"
    )
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
    fn what_belongs_beside_the_library_goes_where_pip_would_put_it() {
        let package: Package = "pypi:acme-weather".parse().unwrap();
        for (path, expected) in [
            ("weather/server.py", Some(("lib/weather/server.py", Kind::File))),
            ("w-1.dist-info/METADATA", Some(("lib/w-1.dist-info/METADATA", Kind::File))),
            ("w-1.data/purelib/weather/x.py", Some(("lib/weather/x.py", Kind::File))),
            ("w-1.data/platlib/weather/x.so", Some(("lib/weather/x.so", Kind::File))),
            ("w-1.data/scripts/weather", Some(("lib/bin/weather", Kind::Script))),
            ("bin/weather", Some(("lib/bin/weather", Kind::File))),
            ("w-1.data/data/share/w.conf", Some(("lib/share/w.conf", Kind::File))),
            ("w-1.data/headers/w.h", Some(("lib/include/python/acme-weather/w.h", Kind::File))),
            ("w-1.data/stdlib/os.py", None),
            ("w-1.data/README", None),
        ] {
            let found = place(path, &package);
            let found = found.as_ref().map(|(place, kind)| (place.as_str(), *kind));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_script_starts_with_whichever_python_there_is() {
        for (script, expected) in [
            ("#!python\nrun()\n", "#!/usr/bin/env python3\nrun()\n"),
            ("#!pythonw -s\nrun()\n", "#!/usr/bin/env python3 -s\nrun()\n"),
            ("#!/bin/sh\nrun\n", "#!/bin/sh\nrun\n"),
        ] {
            assert_eq!(as_program(script.as_bytes()), expected.as_bytes());
        }
    }
}
