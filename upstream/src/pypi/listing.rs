//! Reading a project's page in Python's index, as JSON.
//!
//! Source: PEP 691, and for times and yanked files PEP 700 and PEP 592. An index that only
//! speaks HTML has neither, and is not asked what is newer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mcpkg_core::api::Status;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::evidence::SIMPLE;
use super::report::WheelName;
use crate::closure::Member;
use crate::error::{Result, UpstreamError};
use crate::fetch::{Client, below};
use crate::listing::{Listed, Listing, MAX_REASON, MAX_RELEASES};
use crate::server::plain;
use crate::{Package, Release};

#[derive(Deserialize)]
struct Page {
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    filename: String,
    #[serde(default)]
    upload_time: Option<Timestamp>,
    /// Whether it was withdrawn, or why.
    #[serde(default)]
    yanked: Value,
}

/// The releases that `index` has of `package`.
///
/// # Errors
///
/// [`UpstreamError::Unknown`], [`UpstreamError::Nonsense`], and those of
/// [`Client::document`].
pub fn fetch(package: &Package, index: &Url, client: &Client) -> Result<Listing> {
    let url = below(index, &[package.name(), ""]);
    let body = client.document(&url, SIMPLE)?;
    let body = body.ok_or_else(|| UpstreamError::Unknown(package.clone()))?;
    read(&body, package).ok_or_else(|| nonsense(&url))
}

/// Why the author of `member` took it back, by `index`; nothing if they did not. The reason
/// may be empty.
///
/// # Errors
///
/// Those of [`fetch`]: an index that does not say is not taken to have said no.
pub fn yanked(member: &Member, index: &Url, client: &Client) -> Result<Option<String>> {
    let package = member.release.package();
    let url = below(index, &[package.name(), ""]);
    let body = client.document(&url, SIMPLE)?;
    let body = body.ok_or_else(|| UpstreamError::Unknown(package.clone()))?;
    let page: Page = serde_json::from_slice(&body).map_err(|_| nonsense(&url))?;
    let file = page.files.iter().find(|file| file.filename == member.place);
    let file = file.ok_or_else(|| nonsense(&url))?;
    Ok(file.yanked().map(|reason| plain(reason, MAX_REASON)))
}

fn nonsense(url: &Url) -> UpstreamError {
    let expected = "the files of a project, as JSON (PEP 691)";
    UpstreamError::Nonsense { url: url.to_string(), expected }
}

impl File {
    /// Why it was withdrawn, if it was. The reason may be empty.
    fn yanked(&self) -> Option<&str> {
        match &self.yanked {
            Value::Bool(true) => Some(""),
            other => other.as_str(),
        }
    }
}

/// The releases on a project's page that have a wheel; nothing if it is none.
pub fn read(body: &[u8], package: &Package) -> Option<Listing> {
    let page: Page = serde_json::from_slice(body).ok()?;
    if page.files.len() > MAX_RELEASES {
        return None;
    }
    let mut releases: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in &page.files {
        let name = WheelName::of(&file.filename).filter(|name| name.is_of(package));
        if let Some(name) = name {
            releases.entry(name.version).or_default().push(file);
        }
    }
    let listed = |(version, files): (&str, Vec<&File>)| {
        // The youngest counts, as for evidence: a wheel may be added to an old release.
        let published_at = files.iter().filter_map(|file| file.upload_time).max();
        let release = Release::new(package.clone(), version).ok()?;
        let listed = Listed::new(release, published_at)?;
        let yanked: Vec<_> = files.iter().filter_map(|file| file.yanked()).collect();
        if yanked.len() < files.len() {
            return Some(listed);
        }
        let reason = yanked.into_iter().find(|reason| !reason.is_empty()).unwrap_or_default();
        Some(listed.with(Status::Yanked, reason))
    };
    let releases = releases.into_iter().filter_map(listed).collect();
    Some(Listing::of(releases, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_which_releases_have_wheels_and_which_were_yanked() {
        let package: Package = "pypi:acme-weather".parse().unwrap();
        let file = |name: &str, time: Option<&str>, yanked: Value| serde_json::json!({ "filename": name, "upload-time": time, "yanked": yanked });
        let body = serde_json::json!({ "files": [
            file("acme_weather-1.2-py3-none-any.whl", Some("2026-01-01T00:00:00Z"), false.into()),
            file("Acme.Weather-1.2-cp311-abi3-linux_x86_64.whl", Some("2026-02-01T00:00:00Z"), "x".into()),
            file("acme_weather-1.3-py3-none-any.whl", None, "it loses rain".into()),
            file("acme_weather-1.4.tar.gz", None, false.into()),
            file("acme_weather-1.5.post1-py3-none-any.whl", None, false.into()),
            file("other-9.0-py3-none-any.whl", None, false.into()),
        ] });
        let listing = read(body.to_string().as_bytes(), &package).unwrap();
        let [first, second] = &listing.releases[..] else { panic!("{listing:?}") };
        assert_eq!(first.release.to_string(), "pypi:acme-weather@1.2");
        assert_eq!(first.version.to_string(), "1.2.0");
        assert_eq!(first.published_at, Some("2026-02-01T00:00:00Z".parse().unwrap()));
        assert_eq!(first.status, Status::Active, "one of its wheels still stands");
        assert_eq!((second.status, second.published_at), (Status::Yanked, None));
        assert_eq!(second.reason.as_deref(), Some("it loses rain"));
        assert_eq!(read(b"<html>", &package), None);
    }
}
