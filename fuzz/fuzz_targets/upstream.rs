//! Any bytes, as what registries of other ecosystems send, and as what users type.
//!
//! - Reading does not panic.
//! - A reference is written as it is read, and has a name here or none.
//! - Every file of a tar stays below its folder, and none is there twice.
//! - A lock of npm, a report of pip and the lines of a lock of ours give files of the registry
//!   alone, each in a place of its own; what is read of the last is written the same again.
//! - A list of releases has each version once.
//! - Whatever a wheel's `RECORD` says, a file is the one that it lists or is refused.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mcpkg_upstream::pypi::record::Record;
use mcpkg_upstream::{Closure, Package, Reference, Release, gzip, npm, pinned, pypi, tar};

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    match kind % 8 {
        0 => names(rest),
        1 => files(rest),
        2 => drop(gzip::inflate_whole(rest)),
        3 => closures(rest),
        4 => drop(pypi::evidence::read(rest)),
        5 => lines(rest),
        6 => listings(rest),
        _ => record(rest),
    }
});

fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        let again: Reference = reference.to_string().parse().expect("we read what we write");
        assert_eq!(again, reference);
        let namespace = reference.package.ecosystem().namespace();
        if let Ok(name) = reference.package.name_below(namespace) {
            assert!(name.namespace().starts_with(namespace));
        }
    }
    if let Ok(release) = text.parse::<Release>() {
        assert_eq!(release.to_string().parse::<Release>().as_ref(), Ok(&release));
    }
    if let Ok(package) = text.parse::<Package>() {
        assert!(package.name().split('/').all(|part| !part.is_empty() && part != ".."));
    }
    drop(pypi::version::to_semantic(text));
}

fn files(bytes: &[u8]) {
    let Ok(files) = tar::files(bytes) else { return };
    let mut seen = BTreeSet::new();
    for file in &files {
        assert!(file.path.parts().all(|part| part != ".."));
        assert!(seen.insert(&file.path), "{} is there twice", file.path);
    }
}

fn closures(bytes: &[u8]) {
    let registry = "https://registry.example/".parse().expect("it is an address");
    let platform = "linux-x86_64".parse().expect("it is a platform");
    let of = |text: &str| text.parse::<Reference>().expect("it is a reference");
    let npm = npm::lock::read(bytes, &of("npm:weather"), &registry, platform);
    let pypi = pypi::report::read(bytes, &of("pypi:weather"), &registry, &[], platform);
    for closure in [npm, pypi].into_iter().flatten() {
        check(&closure, &registry);
    }
}

fn lines(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let registry: url::Url = "https://registry.example/".parse().expect("it is an address");
    let is_asked = |url: &url::Url| url.origin() == registry.origin();
    for release in ["npm:weather@1.2.0", "pypi:weather@1.2"] {
        let release: Release = release.parse().expect("it is a release");
        let chosen_for = (mcpkg_core::Platform::Any, None);
        let Ok(closure) = pinned::read(text, &release, chosen_for, is_asked) else { continue };
        check(&closure, &registry);
        let again = pinned::read(&pinned::write(&closure), &release, chosen_for, is_asked);
        assert_eq!(again.expect("we read what we write"), closure);
    }
}

fn listings(bytes: &[u8]) {
    let of = |text: &str| text.parse::<Package>().expect("it is a package");
    let npm = npm::listing::read(bytes, &of("npm:weather"));
    let pypi = pypi::listing::read(bytes, &of("pypi:weather"));
    for listing in [npm, pypi].into_iter().flatten() {
        let versions = listing.releases.windows(2).all(|two| two[0].version < two[1].version);
        assert!(versions, "each once, in their order");
    }
}

fn record(bytes: &[u8]) {
    let Ok(record) = Record::read("weather-1.2.dist-info", Some(bytes)) else { return };
    // Nobody finds a file by its digest in so little time.
    let content = format!("{} and something that nobody listed", bytes.len());
    assert!(record.check("weather.py", content.as_bytes()).is_err());
}

fn check(closure: &Closure, registry: &url::Url) {
    assert_eq!(closure.root().release.package().name(), "weather");
    for member in &closure.members {
        assert_eq!(member.url.origin(), registry.origin());
        assert!(member.place.split('/').all(|part| !part.is_empty() && part != ".."));
        assert!(member.needs.iter().all(|&at| at < closure.members.len()));
    }
}
