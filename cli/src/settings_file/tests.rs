//! Files as they are found, and what an edit leaves of them.

#[cfg(unix)]
mod unix;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mcpkg_core::{Code, Coded as _};
use tempfile::TempDir;

use super::*;
use crate::agents::{ALL, Agent, EditError, Footprint, Format, Launch};

/// What an edit of a file can end with.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// A folder with settings in `home/settings.json`, and one for locks.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    fn with(bytes: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        fs::write(place.path(), bytes).unwrap();
        place
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn path(&self) -> PathBuf {
        self.home().join("settings.json")
    }

    fn settings(&self) -> SettingsFile {
        SettingsFile::new(self.path(), self.folder.path().join("state").join("locks"))
    }

    fn link(&self, agent: &dyn Agent) -> Result<Outcome, Error> {
        self.settings().edit(|text| Ok(agent.link(text, "weather", &launch())?.text))
    }

    /// The names in the home folder, which is all that a user may see of us.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.home()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn launch() -> Launch {
    Launch { command: "/opt/mcpkg".to_owned(), args: vec!["run".to_owned()] }
}

/// The smallest edit there is.
#[expect(clippy::unnecessary_wraps, reason = "edits may fail, and their type says so")]
fn append(text: &str) -> Result<String, FileError> {
    Ok(format!("{text}+"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// install-mcp, smithery and APM take a file that they cannot read for an empty
/// one, and write over it.
#[test]
fn what_cannot_be_edited_is_kept_byte_for_byte() {
    let deep = "[".repeat(100_000);
    let json: &[(&str, &[u8])] = &[
        ("broken", b"{,"),
        ("cut off", b"{\"ROOT\": {\"other\": {}"),
        ("not an object", b"[]"),
        ("servers twice", br#"{"ROOT":{},"ROOT":{}}"#),
        ("a wrong type", br#"{"ROOT":"{}"}"#),
        ("NUL", b"{}\0"),
        ("not UTF-8", b"{\"a\": \"\xff\"}"),
        ("UTF-16", b"\xff\xfe{\0}\0"),
        ("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf{}"),
        ("deep", deep.as_bytes()),
    ];
    let toml: &[(&str, &[u8])] = &[
        ("broken", b"a = "),
        ("a wrong type", b"ROOT = 1"),
        ("not UTF-8", b"a = \"\xff\""),
        ("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbfa = 1"),
        ("deep", deep.as_bytes()),
    ];
    let yaml: &[(&str, &[u8])] = &[
        ("broken", b"a: ["),
        ("a wrong type", b"ROOT: 1"),
        ("not UTF-8", b"a: \xff"),
        ("flow style", b"{a: 1}"),
        ("deep", deep.as_bytes()),
    ];
    for agent in ALL {
        let rows = match agent.format() {
            Format::Json(_) => json,
            Format::Toml => toml,
            Format::Yaml => yaml,
        };
        for (name, bytes) in rows {
            let bytes = &match std::str::from_utf8(bytes) {
                Ok(text) => text.replace("ROOT", agent.root_key()).into_bytes(),
                Err(_) => bytes.to_vec(),
            };
            let place = Place::with(bytes);
            let (error, modified) = (place.link(*agent).unwrap_err(), modified(&place.path()));
            let code = match &error {
                Error::File(error) => error.code(),
                Error::Edit(error) => error.code(),
            };
            assert_eq!(code, Code::Settings, "{}: {name}", agent.id());
            assert_eq!(fs::read(place.path()).unwrap(), *bytes, "{}: {name}", agent.id());
            assert_eq!(self::modified(&place.path()), modified);
            assert_eq!(place.names(), ["settings.json"], "{}: {name}", agent.id());
        }
    }
}

#[test]
fn what_can_be_edited_comes_back_byte_for_byte() {
    let json: &[(&str, &str)] = &[
        ("empty", ""),
        ("an empty object", "{}"),
        ("a byte order mark", "\u{feff}{\r\n  \"a\": 1\r\n}\r\n"),
        ("other keys", "{\n\t\"z\": 1,\n\t\"a\": {\"é\": [null]}\n}\n"),
    ];
    let toml: &[(&str, &str)] = &[("empty", ""), ("a byte order mark", "\u{feff}a = 1\r\n# é")];
    let yaml: &[(&str, &str)] = &[("empty", ""), ("a byte order mark", "\u{feff}a: 1\r\n# é")];
    for agent in ALL {
        let rows = match agent.format() {
            Format::Json(_) => json,
            Format::Toml => toml,
            Format::Yaml => yaml,
        };
        for (name, text) in rows {
            let place = Place::with(text);
            assert_eq!(place.link(*agent).unwrap(), Outcome::Changed, "{}: {name}", agent.id());
            let linked = read(place.path());
            assert_eq!(linked.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
            assert_eq!(place.link(*agent).unwrap(), Outcome::Unchanged, "{}: {name}", agent.id());

            let without_mark = text.trim_start_matches('\u{feff}');
            let footprint = agent.link(without_mark, "weather", &launch()).unwrap().footprint;
            let unlink = |text: &str| agent.unlink(text, "weather", footprint.unwrap());
            let outcome = place.settings().edit(|text| unlink(text).map_err(Error::from));
            assert_eq!(outcome.unwrap(), Outcome::Changed, "{}: {name}", agent.id());
            assert_eq!(read(place.path()), *text, "{}: {name}", agent.id());
            assert_eq!(place.names(), ["settings.json"], "{}: {name}", agent.id());
        }
    }
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let place = Place::with("{}");
    let before = modified(&place.path());
    let outcome = place.settings().edit(|text| Ok::<_, FileError>(text.to_owned())).unwrap();
    assert_eq!(outcome, Outcome::Unchanged);
    assert_eq!(modified(&place.path()), before);
}

#[test]
fn a_missing_file_is_created_with_its_folder() {
    let place = Place::new();
    let path = place.home().join("a").join("b").join("mcp.json");
    let settings = SettingsFile::new(&path, place.folder.path().join("locks"));
    let outcome = settings.edit(append).unwrap();
    assert_eq!(outcome, Outcome::Created { folder: Some(place.home().join("a")) });
    assert_eq!(read(&path), "+");

    let outcome = place.settings().edit(append).unwrap();
    assert_eq!(outcome, Outcome::Created { folder: None });
}

#[test]
fn a_file_we_created_can_go_again() {
    let place = Place::new();
    let mut footprint = None;
    let link = |text: &str| {
        let linked = ALL[0].link(text, "weather", &launch())?;
        footprint = linked.footprint;
        Ok::<_, Error>(linked.text)
    };
    assert_eq!(place.settings().edit(link).unwrap(), Outcome::Created { folder: None });
    assert_eq!(footprint, Some(Footprint::Document));
    let unlink =
        |text: &str| Ok::<_, Error>(ALL[0].unlink(text, "weather", Footprint::Document)?);
    let settings = place.settings().when_blank(WhenBlank::Remove);
    assert_eq!(settings.edit(unlink).unwrap(), Outcome::Removed);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_huge_file_is_refused_before_it_is_read_whole() {
    let place = Place::new();
    let file = fs::File::create(place.path()).unwrap();
    file.set_len(MAX_SIZE_BYTES + 1).unwrap();
    let error = place.settings().edit(append).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { .. }), "{error}");
    file.set_len(MAX_SIZE_BYTES).unwrap();
    assert_eq!(place.settings().edit(append).unwrap(), Outcome::Changed);
}

#[test]
fn a_folder_is_no_file() {
    let place = Place::new();
    fs::create_dir(place.path()).unwrap();
    let error = place.settings().edit(append).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
}

#[test]
fn what_the_owner_writes_meanwhile_is_kept() {
    let place = Place::with("old");
    let mut seen = Vec::new();
    let edit = |text: &str| {
        if seen.is_empty() {
            fs::write(place.path(), "new").unwrap();
        }
        seen.push(text.to_owned());
        append(text)
    };
    assert_eq!(place.settings().edit(edit).unwrap(), Outcome::Changed);
    assert_eq!(seen, ["old", "new"]);
    assert_eq!(read(place.path()), "new+");
    assert_eq!(place.names(), ["settings.json"]);
}

#[test]
fn half_of_what_the_owner_is_writing_is_not_the_last_word() {
    let whole = r#"{"theme":"dark"}"#;
    let place = Place::with(&whole[..8]);
    let edit = |text: &str| {
        let linked = ALL[0].link(text, "weather", &launch());
        fs::write(place.path(), whole).unwrap();
        Ok::<_, Error>(linked?.text)
    };
    assert_eq!(place.settings().edit(edit).unwrap(), Outcome::Changed);
    assert!(read(place.path()).starts_with(&whole[..whole.len() - 1]));
}

#[test]
fn no_secret_of_another_server_is_in_debug_output() {
    let text = r#"{"mcpServers":{"weather":{"env":{"TOKEN":"hunter2"}}}}"#;
    let linked = ALL[0].link(text, "weather", &launch()).unwrap();
    assert!(linked.replaced.is_some());
    let preview = Place::with(text).settings().preview(append).unwrap();
    let output = format!("{linked:?} {preview:?}");
    assert!(!output.contains("hunter2"), "{output}");
}

#[test]
fn a_file_that_appears_or_goes_meanwhile_is_noticed() {
    let place = Place::new();
    let mut calls = 0;
    let edit = |text: &str| {
        calls += 1;
        match calls {
            1 => fs::write(place.path(), "appeared").unwrap(),
            2 => fs::remove_file(place.path()).unwrap(),
            _ => {}
        }
        append(text)
    };
    assert_eq!(place.settings().edit(edit).unwrap(), Outcome::Created { folder: None });
    assert_eq!(calls, 3);
    assert_eq!(read(place.path()), "+");
}

#[test]
fn a_file_that_never_rests_is_left_to_its_owner() {
    let place = Place::with("0");
    let mut calls = 0;
    let edit = |text: &str| {
        calls += 1;
        fs::write(place.path(), calls.to_string()).unwrap();
        append(text)
    };
    let error = place.settings().edit(edit).unwrap_err();
    assert!(matches!(error, FileError::Contended { attempts: 5, .. }), "{error}");
    assert_eq!(read(place.path()), "5");
    assert_eq!(place.names(), ["settings.json"]);
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let place = Place::with("old");
    // The folder goes while we edit: there is nowhere to write the new file.
    let moved = place.folder.path().join("moved");
    let edit = |text: &str| {
        fs::rename(place.home(), &moved).unwrap();
        fs::write(place.home(), "a file where the folder was").unwrap();
        append(text)
    };
    let error = place.settings().edit(edit).unwrap_err();
    assert_eq!(error.code(), Code::Storage, "{error}");
    assert_eq!(read(moved.join("settings.json")), "old");
    assert_eq!(fs::read_dir(&moved).unwrap().count(), 1);
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let place = Place::with("old");
    let leftover = place.home().join(".settings.json.mcpkg-0123456789ab");
    fs::File::create(&leftover).unwrap().write_all(b"half").unwrap();
    fs::write(place.home().join(".other.json.mcpkg-0123456789ab"), "not ours").unwrap();
    place.settings().edit(append).unwrap();
    assert_eq!(place.names(), [".other.json.mcpkg-0123456789ab", "settings.json"]);
}

#[test]
fn edits_at_the_same_time_are_all_there_afterwards() {
    let place = Place::with("");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.settings().edit(append).unwrap());
        }
    });
    assert_eq!(read(place.path()), "++++++++");
}

#[test]
fn a_preview_writes_nothing_at_all() {
    let place = Place::with("\u{feff}old");
    let preview = place.settings().preview(append).unwrap();
    assert_eq!((preview.old.as_str(), preview.new.as_str()), ("old", "old+"));
    assert_eq!(preview.target, place.path());
    assert_eq!(read(place.path()), "\u{feff}old");
    let beside: Vec<_> = fs::read_dir(place.folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "no folder for locks");

    let missing = SettingsFile::new(place.home().join("a").join("b.json"), place.home());
    assert_eq!(missing.preview(append).unwrap().new, "+");
    assert_eq!(place.names(), ["settings.json"]);
}
