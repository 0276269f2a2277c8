//! Names, kinds of entries, collisions and manifests. Each row changes one thing.

use super::raw::{Raw, RawFile};
use super::refusal;

#[test]
fn a_path_that_leaves_its_folder_is_refused() {
    for (name, expected) in [
        (&b"../evil"[..], "path `../evil` has the part `..`, which names no file"),
        (b"/etc/cron.d/evil", "path `/etc/cron.d/evil` is absolute"),
        (b"C:/evil", "path `C:/evil` contains `:`"),
        (b"//host/share/evil", "path `//host/share/evil` is absolute"),
        (br"\\host\share", r"path `\\\\host\\share` contains `\\`"),
        (br"..\evil", r"path `..\\evil` contains `\\`"),
        (b"evil\0.js", r"path `evil\0.js` contains `\0`"),
        (b"", "path `` is 0 bytes long, expected 1 to 512"),
        (b"\xff\xfe", "path `��` is not UTF-8"),
        (b"aux.js", "path `aux.js` has a part that is a device name on Windows"),
        (&[b'a'; 600], "path `…` is 600 bytes long, expected 1 to 512"),
    ] {
        let mut raw = Raw::sample();
        raw.files[1].rename(name);
        raw.settle();
        assert_eq!(refusal(&raw.bytes()), format!("E_PATH: {expected}"));
    }
}

#[test]
fn only_regular_files_are_accepted() {
    for (mode, expected) in [
        (0o120_777, "a symbolic link"),
        (0o040_755, "a folder"),
        (0o020_644, "a device"),
        (0o060_644, "a device"),
        (0o010_644, "a named pipe"),
        (0o140_644, "a socket"),
        (0o170_644, "of an unknown type"),
        (0o104_755, "a file with setuid, setgid or sticky bit"),
        (0o102_755, "a file with setuid, setgid or sticky bit"),
        (0o101_755, "a file with setuid, setgid or sticky bit"),
    ] {
        let mut raw = Raw::sample();
        raw.files[1].central.external_attributes = mode << 16;
        let expected =
            format!("E_ENTRY_TYPE: `server/index.js` is {expected}, expected a regular file");
        assert_eq!(refusal(&raw.bytes()), expected, "{mode:o}");
    }
    for (attributes, expected) in [
        (0x10, "a folder"),
        (0x08, "a file with special DOS attributes"),
        (0x40, "a file with special DOS attributes"),
        (0x400, "a file with special DOS attributes"),
    ] {
        let mut raw = Raw::sample();
        raw.files[1].central.external_attributes |= attributes;
        let expected =
            format!("E_ENTRY_TYPE: `server/index.js` is {expected}, expected a regular file");
        assert_eq!(refusal(&raw.bytes()), expected, "{attributes:#x}");
    }
}

#[test]
fn folders_and_links_are_refused_however_they_are_written() {
    let mut raw = Raw::sample();
    raw.files[1] = RawFile::stored("server/", b"");
    raw.settle();
    let expected = "E_ENTRY_TYPE: `server/` is a folder, expected a regular file";
    assert_eq!(refusal(&raw.bytes()), expected);

    // PKWARE's Unix field: four times and owners, and what the link points to.
    let extra = [&[0x0d, 0, 18, 0][..], &[0; 12], b"target"].concat();
    let expected = "E_ENTRY_TYPE: `server/index.js` is a link, expected a regular file";
    for is_local in [true, false] {
        let mut raw = Raw::sample();
        let file = &mut raw.files[1];
        *if is_local { &mut file.local_extra } else { &mut file.central_extra } = extra.clone();
        raw.settle();
        assert_eq!(refusal(&raw.bytes()), expected);
    }
}

#[test]
fn two_paths_that_are_one_on_some_system_are_refused() {
    for (one, other, expected) in [
        ("a.js", "a.js", "`a.js` and `a.js` are the same on some file systems"),
        ("a.js", "A.js", "`A.js` and `a.js` are the same on some file systems"),
        ("straße", "STRASSE", "`STRASSE` and `straße` are the same on some file systems"),
        ("ﬁ", "fi", "`fi` and `ﬁ` are the same on some file systems"),
        ("lib/a", "Lib/b", "`Lib` and `lib` are the same on some file systems"),
        ("x/lib/a", "x/LIB/c/b", "`x/LIB` and `x/lib` are the same on some file systems"),
        ("lib", "lib/a", "`lib` is both a file and a folder"),
        ("lib/a", "lib", "`lib` is both a file and a folder"),
        ("LIB", "lib/a/b", "`lib` is both a file and a folder"),
        ("a/b/c", "a/B", "`a/B` is both a file and a folder"),
    ] {
        let raw = Raw::of([RawFile::new(one, b"1"), RawFile::new(other, b"2")]);
        assert_eq!(refusal(&raw.bytes()), format!("E_PATH_COLLISION: {expected}"));
    }
    // The same letters in another normalisation form are no path at all.
    let raw = Raw::of([RawFile::new("café", b"1"), RawFile::new("cafe\u{301}", b"2")]);
    assert!(refusal(&raw.bytes()).starts_with("E_PATH: "));
    // Likewise, folders that only start alike are two.
    let names = ["lib", "lib.js", "lib-a/x", "lib2/x", "src/lib", "src/lib2"];
    let raw = Raw::of(names.map(|name| RawFile::new(name, b"")));
    assert_eq!(refusal(&raw.bytes()), "accepted");
}

#[test]
fn two_manifests_are_refused_as_such() {
    for (name, expected) in [
        (
            "manifest.json",
            "E_MANIFEST: the archive has two manifests, `manifest.json` and `manifest.json`",
        ),
        (
            "Manifest.JSON",
            "E_MANIFEST: the archive has two manifests, `Manifest.JSON` and `manifest.json`",
        ),
        ("server/manifest.json", "accepted"),
    ] {
        let mut raw = Raw::sample();
        raw.files[1].rename(name);
        raw.settle();
        assert_eq!(refusal(&raw.bytes()), expected);
    }
}

#[test]
fn a_signature_block_is_named_and_comes_with_advice() {
    use crate::Coded as _;

    let signature = [&b"MCPB_SIG_V1"[..], &4_u32.to_le_bytes(), b"pkcs", b"MCPB_SIG_END"].concat();
    let mut appended = Raw::sample();
    appended.after.clone_from(&signature);
    let mut as_comment = Raw::sample();
    as_comment.end.comment_len = signature.len().try_into().unwrap();
    as_comment.after.clone_from(&signature);
    let mut too_long_to_see = Raw::sample();
    too_long_to_see.after = [&signature[..], &vec![0; 70_000], b"MCPB_SIG_END"].concat();
    for raw in [appended, as_comment, too_long_to_see] {
        let err = super::tree_digest(&raw.bytes()).unwrap_err();
        assert_eq!(err.code().as_str(), "E_MANIFEST");
        assert!(err.hint().unwrap().contains("before `mcpb sign`"));
    }

    let mut cut_off = Raw::sample();
    cut_off.after = signature[..15].to_vec();
    let expected = "E_MANIFEST: the archive ends in a signature block (MCPB_SIG_V1)";
    assert_eq!(refusal(&cut_off.bytes()), expected);
    // A program may contain the words.
    let raw = Raw::of([RawFile::stored("sign.js", b"'MCPB_SIG_V1' + 'MCPB_SIG_END'")]);
    assert_eq!(refusal(&raw.bytes()), "accepted");
}
