//! Any bytes, as what registries of other ecosystems send, and as what users type.
//!
//! - Reading does not panic.
//! - A reference is written as it is read, and has a name here or none.
//! - Every file of a tar stays below its folder, and none is there twice.
//! - A lock of npm and a report of pip give files of the registry alone, each in a place of
//!   its own.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mcpkg_upstream::{Closure, Package, Reference, Release, gzip, npm, pypi, tar};

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    match kind % 5 {
        0 => names(rest),
        1 => files(rest),
        2 => drop(gzip::inflate_whole(rest)),
        3 => closures(rest),
        _ => drop(pypi::evidence::read(rest)),
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

fn check(closure: &Closure, registry: &url::Url) {
    assert_eq!(closure.root().release.package().name(), "weather");
    for member in &closure.members {
        assert_eq!(member.url.origin(), registry.origin());
        assert!(member.place.split('/').all(|part| !part.is_empty() && part != ".."));
        assert!(member.needs.iter().all(|&at| at < closure.members.len()));
    }
}
