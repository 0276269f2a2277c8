//! Modes, owners and symbolic links.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_keeps_its_mode_and_a_new_one_is_private() {
    for kept in [0o600, 0o644, 0o664, 0o640] {
        let place = Place::with("old");
        set_mode(place.path(), kept);
        place.settings().edit(append).unwrap();
        assert_eq!(mode(place.path()), kept);
    }
    let place = Place::new();
    let path = place.home().join("a").join("mcp.json");
    let settings = SettingsFile::new(&path, place.folder.path().join("locks"));
    settings.edit(append).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(place.home().join("a")), 0o700);
    assert_eq!(mode(place.folder.path().join("locks")), 0o700);
}

#[test]
fn a_file_keeps_its_owner() {
    let place = Place::with("old");
    if std::os::unix::fs::chown(place.path(), Some(12_345), Some(12_345)).is_err() {
        eprintln!("skipped: only the superuser can give a file away");
        return;
    }
    place.settings().edit(append).unwrap();
    let metadata = fs::metadata(place.path()).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (12_345, 12_345));
}

#[test]
fn symbolic_links_are_written_through() {
    let place = Place::new();
    let dotfiles = place.folder.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("mcp.json"), "old").unwrap();
    symlink("../dotfiles/mcp.json", place.home().join("between")).unwrap();
    symlink("between", place.path()).unwrap();

    assert_eq!(place.settings().edit(append).unwrap(), Outcome::Changed);
    assert_eq!(read(dotfiles.join("mcp.json")), "old+");
    assert_eq!(fs::read_link(place.path()).unwrap(), Path::new("between"));
    assert_eq!(place.names(), ["between", "settings.json"]);
    assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 1);
}

#[test]
fn a_link_to_a_file_that_is_still_to_come_creates_it() {
    let place = Place::new();
    symlink("to-come.json", place.path()).unwrap();
    assert_eq!(place.settings().edit(append).unwrap(), Outcome::Created { folder: None });
    assert_eq!(read(place.home().join("to-come.json")), "+");
    assert!(fs::symlink_metadata(place.path()).unwrap().is_symlink());
}

#[test]
fn a_link_to_nowhere_is_refused() {
    for target in ["missing/mcp.json", "settings.json"] {
        let place = Place::new();
        symlink(target, place.path()).unwrap();
        let error = place.settings().edit(append).unwrap_err();
        assert!(matches!(error, FileError::LinkToNowhere { .. }), "{target}: {error}");
        assert_eq!(place.names(), ["settings.json"]);
    }
}

#[test]
fn a_link_out_of_a_project_is_refused() {
    let place = Place::new();
    let outside = place.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("settings.json"), "theirs").unwrap();
    for path in ["link/settings.json", "link/new.json", "link/a/b.json", "file"] {
        let project = place.folder.path().join("project");
        fs::create_dir_all(&project).unwrap();
        let to_folder = symlink("../outside", project.join("link"));
        let to_file = symlink("../outside/settings.json", project.join("file"));
        assert_eq!(to_folder.is_ok(), to_file.is_ok());

        let settings = SettingsFile::new(project.join(path), place.folder.path().join("locks"));
        let error = settings.inside(&project).edit(append).unwrap_err();
        assert!(matches!(error, FileError::Outside { .. }), "{path}: {error}");
    }
    assert_eq!(read(outside.join("settings.json")), "theirs");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);

    let settings = place.settings().inside(place.home());
    assert_eq!(settings.edit(append).unwrap(), Outcome::Created { folder: None });
}

#[test]
fn read_only_is_respected_even_where_it_could_be_ignored() {
    let file_is = |place: &Place| set_mode(place.path(), 0o444);
    let folder_is = |place: &Place| set_mode(place.home(), 0o555);
    let linked_file_is = |place: &Place| {
        fs::rename(place.path(), place.home().join("target")).unwrap();
        symlink("target", place.path()).unwrap();
        set_mode(place.home().join("target"), 0o444);
    };
    let cases: [&dyn Fn(&Place); 3] = [&file_is, &folder_is, &linked_file_is];
    for make_read_only in cases {
        let place = Place::with("old");
        make_read_only(&place);
        let names = place.names();
        let error = place.settings().edit(append).unwrap_err();
        assert!(matches!(error, FileError::ReadOnly { .. }), "{error}");
        let error = place.settings().preview(append).unwrap_err();
        assert!(matches!(error, FileError::ReadOnly { .. }), "{error}");
        assert_eq!(read(place.path()), "old");
        assert_eq!(place.names(), names);

        let same = place.settings().edit(|text| Ok::<_, FileError>(text.to_owned()));
        assert_eq!(same.unwrap(), Outcome::Unchanged);
        set_mode(place.home(), 0o755);
    }
}

#[test]
fn a_device_is_no_file() {
    let place = Place::new();
    symlink("/dev/zero", place.path()).unwrap();
    let error = place.settings().edit(append).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
}
