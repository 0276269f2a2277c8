//! Which files it takes to start a program.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::store::is_executable;

/// How much of a file says what starts it, in bytes: a first line, or the headers.
const HEAD: u64 = 4096;

/// How many programs may stand behind one another. Source: `execve(2)`, where a script
/// may be interpreted by a script, and so on.
const DEPTH: usize = 5;

/// The program called `name` in the first of `folders` that has one.
pub fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().find_map(|folder| in_folder(folder, name))
}

/// The program of this name in `folder`. A folder that is not absolute, or whose
/// name is no text, cannot be on a `PATH` that means the same to everybody.
pub(crate) fn in_folder(folder: &Path, name: &str) -> Option<PathBuf> {
    if !folder.is_absolute() || folder.to_str().is_none_or(|text| text.contains(':') && cfg!(unix))
    {
        return None;
    }
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };
    endings.iter().map(|ending| folder.join(format!("{name}{ending}"))).find(|path| {
        fs::metadata(path)
            .is_ok_and(|metadata| metadata.is_file() && (cfg!(windows) || is_executable(&metadata)))
    })
}

/// The folders outside the system's that a confined process has to read to run
/// `tool`: the one it was found in, the one that it is a link into, and what
/// each is installed under.
pub(crate) fn folders(tool: &Path, home: &Path) -> Vec<PathBuf> {
    let real = dunce::canonicalize(tool).ok();
    [Some(tool.to_owned()), real]
        .into_iter()
        .flatten()
        .filter_map(|path| {
            let folder = path.parent()?;
            let prefix = folder.parent().filter(|_| folder.ends_with("bin"));
            // `~/.cargo/bin` has tools in it, and `~/.cargo` has credentials.
            let is_private =
                |prefix: &Path| home.starts_with(prefix) || prefix.parent() == Some(home);
            let prefix = prefix.filter(|prefix| !is_private(prefix));
            Some(prefix.unwrap_or(folder).to_owned())
        })
        .filter(|folder| !home.starts_with(folder))
        .collect()
}

/// The files that the kernel opens to start `program`: itself, what interprets it, and
/// what loads that. `search` is where `#!/usr/bin/env` looks.
pub fn chain(program: &Path, search: &[PathBuf]) -> Vec<PathBuf> {
    let mut chain = Vec::new();
    let mut next = vec![program.to_owned()];
    for _ in 0..DEPTH {
        let Some(path) = next.pop() else { break };
        let mut head = Vec::new();
        if let Ok(file) = File::open(&path) {
            // Of a file that cannot be read nothing is known, and it cannot be run.
            let _ = file.take(HEAD).read_to_end(&mut head);
        }
        chain.push(path);
        if let Some((interpreter, argument)) = interpreter(&head) {
            let is_env = interpreter.file_name().is_some_and(|name| name == "env");
            let named = argument.filter(|_| is_env).and_then(|name| find(&name, search));
            next.extend(named);
            next.push(interpreter);
        }
    }
    chain.extend(next);
    chain
}

/// What interprets a file that begins with `head`, and the first argument of that.
fn interpreter(head: &[u8]) -> Option<(PathBuf, Option<String>)> {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
        let program = PathBuf::from(words.next()?);
        return Some((program, words.find(|word| !word.starts_with('-')).map(str::to_owned)));
    }
    Some((loader(head)?, None))
}

/// The program that loads a dynamically linked one. Source: `elf(5)`, `PT_INTERP`.
fn loader(head: &[u8]) -> Option<PathBuf> {
    const PROGRAM_HEADERS: usize = 32;
    const SIZE_OF_HEADER: usize = 54;
    const COUNT: usize = 56;
    const INTERPRETER: u32 = 3;
    // 64 bits, with the lowest byte first, as on every machine that we build for.
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let short = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?).into());
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| {
        let bytes = head.get(at..at.checked_add(8)?)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    let (first, size, count): (usize, usize, usize) =
        (long(PROGRAM_HEADERS)?, short(SIZE_OF_HEADER)?, short(COUNT)?);
    let header = (0..count)
        .filter_map(|index| first.checked_add(index * size))
        .find(|at| at.checked_add(4).is_some() && word(*at) == Some(INTERPRETER))?;
    let (start, length) = (long(header.checked_add(8)?)?, long(header.checked_add(32)?)?);
    let name = head.get(start..start.checked_add(length)?)?.split(|byte| *byte == 0).next()?;
    Some(PathBuf::from(std::str::from_utf8(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_shown_with_what_it_is_installed_under_and_nothing_private() {
        let home = Path::new("/home/alice");
        for (tool, folder) in [
            ("/srv/node-20/bin/node", Some("/srv/node-20")),
            ("/srv/tools/weatherc", Some("/srv/tools")),
            ("/home/alice/.nvm/versions/v20/bin/node", Some("/home/alice/.nvm/versions/v20")),
            ("/home/alice/.cargo/bin/cargo", Some("/home/alice/.cargo/bin")),
            ("/home/alice/bin/tool", Some("/home/alice/bin")),
            ("/home/alice/tool", None),
            ("/home/bin/tool", Some("/home/bin")),
            ("/bin/tool", Some("/bin")),
        ] {
            let expected: Vec<PathBuf> = folder.into_iter().map(PathBuf::from).collect();
            assert_eq!(folders(Path::new(tool), home), expected, "{tool}");
        }
    }

    #[test]
    fn what_interprets_a_file_is_in_its_first_line() {
        for (head, expected) in [
            ("#!/bin/sh\n", Some(("/bin/sh", None))),
            ("#! /usr/bin/env  node\nx", Some(("/usr/bin/env", Some("node")))),
            ("#!/usr/bin/env -S node --x\n", Some(("/usr/bin/env", Some("node")))),
            ("#!\n", None),
            ("echo\n", None),
            ("", None),
        ] {
            let found = interpreter(head.as_bytes());
            let expected =
                expected.map(|(program, argument)| (program.into(), argument.map(str::to_owned)));
            assert_eq!(found, expected, "{head:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_linked_program_names_its_loader_and_no_cut_or_wild_header_is_believed() {
        let this = std::env::current_exe().unwrap();
        let [program, loader] = &chain(&this, &[])[..] else { panic!("it is linked") };
        assert_eq!(*program, this);
        assert!(loader.to_string_lossy().contains("ld-"), "{loader:?}");
        let mut head = fs::read(&this).unwrap();
        head.truncate(usize::try_from(HEAD).unwrap());
        for length in 0..300 {
            assert_eq!(super::loader(&head[..length]), None, "{length}");
        }
        for at in 0..120 {
            let mut wild = head.clone();
            wild[at] = 0xff;
            // Any answer will do but a panic.
            let _ = super::loader(&wild);
        }
    }
}
