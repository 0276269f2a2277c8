//! Tarballs that strangers packed, with one thing wrong with each.

use mcpkg_core::Coded as _;
use mcpkg_test_support::ecosystem::{TarEntry, gzip, tar};
use mcpkg_upstream::gzip::inflate_whole;
use mcpkg_upstream::pypi::record::Record;
use mcpkg_upstream::tar::files;
use mcpkg_upstream::{npm, pinned, pypi};
use proptest::prelude::*;

fn outcome(entries: &[TarEntry<'_>]) -> &'static str {
    files(&tar(entries)).err().map_or("", |error| error.code().as_str())
}

fn of(path: &str) -> TarEntry<'_> {
    TarEntry::file(path, b"text")
}

#[test]
fn a_tarball_that_means_harm_is_refused_for_what_is_wrong_with_it() {
    let good = of("package/index.js");
    let kind = |kind: u8| TarEntry { kind, content: b"", ..good.clone() };
    assert_eq!(outcome(std::slice::from_ref(&good)), "");
    for (entry, expected) in [
        (of("package/../index.js"), "E_PATH"),
        (of("/package/index.js"), "E_PATH"),
        (of("package/C:\\index.js"), "E_PATH"),
        (of("package/con"), "E_PATH"),
        (of("index.js"), "E_ZIP"),
        (of("other/index.js"), "E_ZIP"),
        (of("package/index.js"), "E_PATH_COLLISION"),
        (kind(b'1'), "E_ENTRY_TYPE"),
        (kind(b'2'), "E_ENTRY_TYPE"),
        (kind(b'3'), "E_ENTRY_TYPE"),
        (kind(b'4'), "E_ENTRY_TYPE"),
        (kind(b'6'), "E_ENTRY_TYPE"),
        (TarEntry { mode: 0o4755, ..of("package/a") }, "E_ENTRY_TYPE"),
        (kind(b'S'), "E_ZIP"),
        (TarEntry { kind: b'5', ..good.clone() }, "E_ZIP"),
        (TarEntry { kind: b'5', content: b"", ..of("package/lib/") }, ""),
        (TarEntry { kind: b'5', content: b"", ..of("package/../lib/") }, "E_PATH"),
        (TarEntry { kind: b'g', content: b"19 comment=0123456\n", ..good.clone() }, ""),
        (TarEntry { kind: b'g', content: b"11 path=/a\n", ..good.clone() }, "E_ZIP"),
        (TarEntry { kind: b'x', content: b"99 path=a\n", ..good.clone() }, "E_ZIP"),
        (TarEntry { kind: b'x', content: b"9 path=a\n9 path=b\n", ..good.clone() }, "E_ZIP"),
        (TarEntry { kind: b'x', content: b"14 linkpath=a\n", ..good.clone() }, "E_ZIP"),
    ] {
        let found = outcome(&[good.clone(), entry.clone()]);
        assert_eq!(found, expected, "{entry:?}");
    }
}

#[test]
fn a_longer_name_is_the_name_that_counts() {
    let pax = TarEntry { kind: b'x', content: b"21 path=package/long\n", ..of("header") };
    let gnu = TarEntry { kind: b'L', content: b"package/long\0", ..of("header") };
    for extension in [pax, gnu] {
        let tar = tar(&[extension.clone(), of("package/short")]);
        let files = files(&tar).unwrap();
        assert_eq!(files[0].path.as_str(), "long", "{extension:?}");
        assert_eq!(files[0].content, b"text");
    }
    let escaping = TarEntry { kind: b'x', content: b"23 path=package/../../a\n", ..of("header") };
    assert_eq!(outcome(&[escaping, of("package/short")]), "E_ZIP");
    let escaping = TarEntry { kind: b'L', content: b"package/../../a\0", ..of("header") };
    assert_eq!(outcome(&[escaping, of("package/short")]), "E_PATH");
}

#[test]
fn every_byte_of_a_tarball_is_accounted_for() {
    let whole = tar(&[of("package/index.js")]);
    let code = |bytes: &[u8]| files(bytes).err().map_or("", |error| error.code().as_str());
    assert_eq!(code(&whole), "");
    assert_eq!(code(&whole[..1000]), "E_ZIP", "cut off");
    assert_eq!(code(&whole[..1024]), "E_ZIP", "without an end");
    let mut after = whole.clone();
    after.extend(tar(&[of("package/hidden.js")]));
    assert_eq!(code(&after), "E_ZIP", "something after the end");
    let mut checksum = whole.clone();
    checksum[0] ^= 1;
    assert_eq!(code(&checksum), "E_ZIP", "a header that was changed");

    let packed = gzip(&whole);
    let code = |bytes: &[u8]| inflate_whole(bytes).err().map_or("", |error| error.code().as_str());
    assert_eq!(inflate_whole(&packed).unwrap(), whole);
    assert_eq!(code(&packed[..packed.len() - 1]), "E_ZIP", "cut off");
    assert_eq!(code(&[packed.clone(), packed.clone()].concat()), "E_ZIP", "two members");
    let mut crc = packed.clone();
    let at = crc.len() - 8;
    crc[at] ^= 1;
    assert_eq!(code(&crc), "E_ZIP", "a wrong checksum");
}

#[test]
fn a_bomb_is_cut_off_before_it_has_grown() {
    // A deflate stream of zeros, a thousand times smaller than they are.
    let zeros = vec![0; 64 << 20];
    let deflated = miniz_oxide::deflate::compress_to_vec(&zeros, 9);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bomb.extend(deflated);
    bomb.extend(crc32fast::hash(&zeros).to_le_bytes());
    bomb.extend(u32::try_from(zeros.len()).unwrap().to_le_bytes());
    let error = inflate_whole(&bomb).unwrap_err();
    assert_eq!(error.code().as_str(), "E_LIMIT");
}

#[test]
fn the_seeds_of_the_fuzz_target_are_what_they_are_named() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/upstream");
    let seed = |name: &str| std::fs::read(folder.join(name)).unwrap().split_off(1);
    let registry = "https://registry.example/".parse().unwrap();
    let linux = "linux-x86_64".parse().unwrap();
    for name in ["tar-ustar", "tar-pax", "tar-gnu"] {
        let tar = seed(name);
        let files = files(&tar).unwrap();
        assert!(files[1].path.as_str().ends_with("long/index.js"), "{name}");
    }
    assert_eq!(files(&inflate_whole(&seed("gzip")).unwrap()).unwrap().len(), 2);
    let lock = seed("package-lock");
    let closure = npm::lock::read(&lock, &"npm:weather".parse().unwrap(), &registry, linux);
    let closure = closure.unwrap();
    assert_eq!((closure.members.len(), closure.platform), (2, linux));
    assert_eq!(closure.root().needs, [1]);
    // For another machine what is optional is left out, and the artifact is for that one.
    let windows = "windows-x86_64".parse().unwrap();
    let other = npm::lock::read(&lock, &"npm:weather".parse().unwrap(), &registry, windows);
    assert_eq!(other.unwrap().members.len(), 1);
    let report = seed("pip-report");
    let weather = "pypi:weather".parse().unwrap();
    let closure = pypi::report::read(&report, &weather, &registry, &[], linux).unwrap();
    assert_eq!((closure.members.len(), closure.platform), (2, linux));
    assert_eq!(closure.runtime.as_deref(), Some(">=3.11,<3.12"));
    // pip says what was yanked since its version 23.3.
    let with = |said: &str| {
        let said = format!("{said}\"requested\": true");
        let report = String::from_utf8(report.clone()).unwrap();
        let changed = report.replacen("\"requested\": true", &said, 1);
        assert!(changed.contains(&said), "{report}");
        let bytes = changed.as_bytes();
        pypi::report::read(bytes, &weather, &registry, &[], linux).unwrap().root().is_yanked
    };
    assert_eq!(with(""), None);
    assert_eq!(with("\"is_yanked\": false, "), Some(false));
    assert_eq!(with("\"is_yanked\": true, "), Some(true));
    assert_eq!(pypi::evidence::read(&seed("pep740")).unwrap().len(), 1);

    let lines = String::from_utf8(seed("lines")).unwrap();
    let release = "npm:weather@1.2.0".parse().unwrap();
    let closure = pinned::read(&lines, &release, (linux, None), |_| true).unwrap();
    assert_eq!((closure.members.len(), pinned::write(&closure)), (2, lines));
    let package = "npm:weather".parse().unwrap();
    let listing = npm::listing::read(&seed("packument"), &package).unwrap();
    assert_eq!(listing.releases.len(), 2);
    let package = "pypi:weather".parse().unwrap();
    let listing = pypi::listing::read(&seed("simple-page"), &package).unwrap();
    assert_eq!(listing.releases.len(), 2);
    let record = Record::read("weather-1.2.dist-info", Some(&seed("record"))).unwrap();
    assert_eq!(record.check("weather.py", b"a"), Ok(()));

    // One thing at a time: a weaker digest, another server, a link, a place outside.
    let text = String::from_utf8(lock).unwrap();
    for (old, new, expected) in [
        ("sha512-", "sha1-", "E_DIGEST"),
        ("https://registry.example/weather/", "https://evil.example/weather/", "E_RESOLVE"),
        ("\"license\"", "\"link\": true, \"license\"", "E_RESOLVE"),
        ("weather/node_modules/clouds", "weather/node_modules/../clouds", "E_RESOLVE"),
        ("\"optional\": true", "\"optional\": false", "E_PLATFORM"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let weather = "npm:weather".parse().unwrap();
        let found = npm::lock::read(changed.as_bytes(), &weather, &registry, windows);
        assert_eq!(found.unwrap_err().code().as_str(), expected, "{new}");
    }
    let text = String::from_utf8(report).unwrap();
    for (old, new, expected) in [
        ("sha256", "md5", "E_DIGEST"),
        ("https://registry.example/", "https://evil.example/", "E_RESOLVE"),
        ("weather-1.2-py3-none-any.whl", "weather-1.2.tar.gz", "E_RESOLVE"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let weather = "pypi:weather".parse().unwrap();
        let found = pypi::report::read(changed.as_bytes(), &weather, &registry, &[], linux);
        assert_eq!(found.unwrap_err().code().as_str(), expected, "{new}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_tar_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        if let Ok(files) = files(&bytes) {
            prop_assert!(files.iter().all(|file| !file.path.as_str().contains("..")));
        }
        let _ = inflate_whole(&bytes);
    }

    #[test]
    fn any_text_is_the_lines_of_a_lock_or_an_error(text in "[ -~\n]{0,512}") {
        let release = "npm:weather@1.2.0".parse().unwrap();
        let chosen_for = (mcpkg_core::Platform::Any, None);
        if let Ok(closure) = pinned::read(&text, &release, chosen_for, |_| true) {
            let again = pinned::read(&pinned::write(&closure), &release, chosen_for, |_| true);
            prop_assert_eq!(again.unwrap(), closure);
        }
    }

    #[test]
    fn whatever_a_record_says_a_file_that_it_does_not_list_is_refused(text in "[ -~\n]{0,256}") {
        if let Ok(record) = Record::read("weather-1.2.dist-info", Some(text.as_bytes())) {
            prop_assert!(record.check("weather.py", b"what nobody listed").is_err());
        }
    }
}
