//! A `server.json` without an artifact, with anything as what it names and as what its
//! user fills in.
//!
//! - Nothing makes it panic, and what is pinned is read back as it was.
//! - Whatever is filled in, the address has the host, and no more parts, than what was
//!   signed; and an image is one word, that no engine takes for an option.
//!
//! The input is lines: an address, an image, a value, and a header.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::elsewhere::{Elsewhere, RemoteUrl};
use mcpkg_core::manifest::ConfigValue;
use mcpkg_core::server_json::{ImageReference, SCHEMA, ServerJson};
use serde_json::{Value, json};

fn read(rest: (&str, Value)) -> Option<Elsewhere> {
    let mut document = json!({
        "$schema": SCHEMA, "name": "a/b", "version": "1.0.0", "description": "b",
    });
    document[rest.0] = rest.1;
    Elsewhere::of(&ServerJson::read_strict(document.to_string().as_bytes()).ok()?).ok()
}

fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (url, image, value, header) = (next(), next(), next(), next());

    if let Ok(image) = image.parse::<ImageReference>() {
        assert_eq!(image.to_string().parse(), Ok(image.clone()));
        let pinned = image.pinned();
        assert!(pinned.starts_with(|c: char| c.is_ascii_alphanumeric()), "{pinned}");
        assert!(pinned.bytes().all(|b| b.is_ascii_graphic()), "{pinned}");
    }

    let input = json!({ "isSecret": true });
    let header = json!({ "name": header, "value": "Bearer {x}", "variables": { "x": input } });
    let remote = json!({
        "type": "streamable-http", "url": url, "headers": [header], "variables": { "v": {} },
    });
    let Some(Elsewhere::Remote(remote)) = read(("remotes", json!([remote]))) else { return };
    assert_eq!(remote.url().to_string().parse::<RemoteUrl>().as_ref(), Ok(remote.url()));
    let fill = |value: &str| {
        let text = |text: &str| ConfigValue::String(text.to_owned());
        let values = BTreeMap::from([("v".into(), text(value)), ("x".into(), text("s"))]);
        remote.request(&values).ok()
    };
    let (Some(filled), Some(plain)) = (fill(value), fill("1")) else { return };
    assert_eq!(filled.url.origin(), plain.url.origin());
    assert_eq!(filled.url.path().matches('/').count(), plain.url.path().matches('/').count());
    assert_eq!(filled.url.fragment(), None);
    assert!(filled.url.username().is_empty() && filled.url.password().is_none());
}

fuzz_target!(|data: &[u8]| check(data));
