//! What core writes, read by Go's `sumdb/note` and `sumdb/tlog`.
//!
//! The program is `tests/interop/log`. Without Go, or without its module, the
//! test says so and passes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpkg_core::log::{TilePath, write_bundle};

use crate::grove::Grove;
use crate::signers::{checkpoint, log_key};

/// An empty folder for one test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("log-interop").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes the log of the first `size` leaves as static files, as a registry has
/// them below `log/`.
fn write_log(grove: &Grove, size: u64, folder: &Path) {
    let write = |path: &TilePath, bytes: Vec<u8>| {
        let path = folder.join("tile").join(path.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    fs::write(folder.join("checkpoint"), checkpoint(*grove.tree(size))).unwrap();
    for path in Grove::tile_paths(size) {
        write(&path, grove.tile(&path));
    }
    for path in Grove::bundle_paths(size) {
        let first = path.index * 256;
        let leaves = (first..first + u64::from(path.width)).map(|index| grove.leaf(index));
        write(&path, write_bundle(leaves).unwrap());
    }
}

/// The program, built once; nothing where it cannot be.
fn program() -> Option<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/log");
    let go =
        |arguments: &[&str]| Command::new("go").args(arguments).current_dir(&module).output().ok();
    let Some(download) = go(&["mod", "download"]) else {
        eprintln!("skipped: there is no Go to read the log with");
        return None;
    };
    if !download.status.success() {
        eprintln!("skipped: Go's module cannot be had: {}", report(&download.stderr));
        return None;
    }
    let binary = scratch("bin").join(format!("log{}", std::env::consts::EXE_SUFFIX));
    let build = go(&["build", "-o", binary.to_str().unwrap(), "."]).unwrap();
    assert!(build.status.success(), "{}", report(&build.stderr));
    Some(binary)
}

fn report(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What the program says of a folder.
fn read(program: &Path, folder: &Path) -> Result<String, String> {
    let vkey = log_key().verifier().to_string();
    let output = Command::new(program).arg(folder).arg(vkey).output().unwrap();
    if output.status.success() { Ok(report(&output.stdout)) } else { Err(report(&output.stderr)) }
}

type Change = fn(&Path);

#[test]
fn go_reads_our_log_and_refuses_it_changed() {
    let Some(program) = program() else { return };
    let grove = Grove::of_size(600);
    for (size, files) in
        [(0, 0), (1, 2), (2, 2), (255, 2), (256, 3), (257, 5), (511, 5), (512, 5), (600, 7)]
    {
        let folder = scratch(&format!("size-{size}"));
        write_log(&grove, size, &folder);
        let said = read(&program, &folder);
        assert_eq!(said, Ok(format!("{size} entries and {files} files hold")));
    }
    let rows: [(&str, Change); 8] = [
        ("a byte of a full tile", |folder| flip(&folder.join("tile/0/000"))),
        ("a byte of a partial tile", |folder| flip(&folder.join("tile/0/002.p/88"))),
        ("a byte of the tile above", |folder| flip(&folder.join("tile/1/000.p/2"))),
        ("a byte of an entry", |folder| flip(&folder.join("tile/entries/001"))),
        ("a tile that is missing", |folder| fs::remove_file(folder.join("tile/0/001")).unwrap()),
        ("a file that is no tile", |folder| fs::write(folder.join("tile/0/x"), "").unwrap()),
        ("a tile beyond the tree", |folder| {
            fs::copy(folder.join("tile/0/001"), folder.join("tile/0/003")).unwrap();
        }),
        ("a byte of the checkpoint", |folder| flip(&folder.join("checkpoint"))),
    ];
    for (what, change) in rows {
        let folder = scratch("changed");
        write_log(&grove, 600, &folder);
        change(&folder);
        let said = read(&program, &folder);
        assert!(said.as_ref().is_err_and(|it| it.starts_with("error: ")), "{what}: {said:?}");
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}
