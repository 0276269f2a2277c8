//! Reading a packument: everything that an npm registry says of a package.

use std::collections::BTreeMap;

use mcpkg_core::api::Status;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::deprecation;
use crate::error::{Result, UpstreamError};
use crate::fetch::{Client, below};
use crate::listing::{Listed, Listing, MAX_RELEASES};
use crate::{Package, Release, version};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Packument {
    name: String,
    #[serde(default)]
    dist_tags: BTreeMap<String, String>,
    #[serde(default)]
    versions: BTreeMap<String, WireVersion>,
    // What was unpublished has an object here, under a word of its own.
    #[serde(default)]
    time: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct WireVersion {
    #[serde(default)]
    deprecated: Option<Value>,
}

/// The releases that `registry` has of `package`.
///
/// # Errors
///
/// [`UpstreamError::Unknown`], [`UpstreamError::Nonsense`], and those of
/// [`Client::document`].
pub fn fetch(package: &Package, registry: &Url, client: &Client) -> Result<Listing> {
    let url = below(registry, &[package.name()]);
    let body = client.document(&url, "application/json")?;
    let body = body.ok_or_else(|| UpstreamError::Unknown(package.clone()))?;
    read(&body, package).ok_or_else(|| UpstreamError::Nonsense {
        url: url.to_string(),
        expected: "the releases of a package",
    })
}

/// The releases in a packument; nothing if it is none of `package`.
pub fn read(body: &[u8], package: &Package) -> Option<Listing> {
    let packument: Packument = serde_json::from_slice(body).ok()?;
    if packument.name != package.name() || packument.versions.len() > MAX_RELEASES {
        return None;
    }
    let listed = |(text, wire): (&String, &WireVersion)| {
        let release = Release::new(package.clone(), text).ok()?;
        let published_at = packument.time.get(text).and_then(|it| it.as_str()?.parse().ok());
        let listed = Listed::new(release, published_at)?;
        Some(match wire.deprecated.as_ref().and_then(deprecation) {
            Some(reason) => listed.with(Status::Deprecated, &reason),
            None => listed,
        })
    };
    let releases = packument.versions.iter().filter_map(listed).collect();
    let latest = packument.dist_tags.get("latest");
    let latest = latest.and_then(|text| Release::new(package.clone(), text).ok());
    Some(Listing::of(releases, latest.and_then(|release| version(&release).ok())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packument_says_when_and_what_is_deprecated() {
        let package: Package = "npm:weather".parse().unwrap();
        let body = serde_json::json!({
            "name": "weather",
            "dist-tags": { "latest": "1.2.0", "next": "2.0.0-rc.1" },
            "versions": {
                "1.10.0": { "deprecated": "it loses\u{1b}[2K rain" },
                "1.2.0": { "deprecated": "" },
                "1.9.0": {},
                "not a version": {},
            },
            "time": { "created": "x", "1.2.0": "2026-01-02T03:04:05.678Z", "unpublished": {} },
        });
        let listing = read(body.to_string().as_bytes(), &package).unwrap();
        let versions: Vec<_> = listing.releases.iter().map(|it| it.version.to_string()).collect();
        assert_eq!(versions, ["1.2.0", "1.9.0", "1.10.0"], "by version, and not by text");
        let [first, second, third] = &listing.releases[..] else { panic!("there are three") };
        assert_eq!(first.published_at, Some("2026-01-02T03:04:05.678Z".parse().unwrap()));
        assert_eq!((first.status, second.published_at), (Status::Active, None));
        assert_eq!(third.status, Status::Deprecated);
        assert_eq!(third.reason.as_deref(), Some("it loses [2K rain"));
        assert_eq!(listing.latest, Some("1.2.0".parse().unwrap()));
        // One thing at a time: another package's, and none at all.
        assert_eq!(read(body.to_string().as_bytes(), &"npm:clouds".parse().unwrap()), None);
        assert_eq!(read(b"<html>", &package), None);
    }
}
