//! Reviewing what a registry holds back.

use mcpkg_core::review::{NewVote, Outcome, Review, ReviewLine, ReviewList, Verdict};
use mcpkg_core::{PackageName, Version};
use tokio::time::Instant;
use url::Url;

use super::{BASE_DEADLINE, Registry, read_json};
use crate::error::Result;

/// The segment of a mirror's address below which a source is served again.
const SOURCE: &str = "source";

impl Registry {
    /// A page of releases that were decided to be `outcome`.
    pub fn reviews(&self, outcome: Outcome, cursor: Option<&str>) -> Result<ReviewList> {
        let (mut url, _) = address(self.url(&[]), &["v1", "review"]);
        url.query_pairs_mut().append_pair("outcome", outcome.as_str());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.get(&url)
    }

    /// What there is to judge of a release.
    pub fn review(&self, name: &PackageName, version: &Version) -> Result<Review> {
        let version = version.to_string();
        let (mut url, source) =
            address(self.url(&[]), &["v1", "review", name.namespace(), name.short(), &version]);
        with_source(&mut url, source.as_deref());
        self.get(&url)
    }

    /// Says something of a release.
    pub fn vote(
        &self,
        name: &PackageName,
        version: &Version,
        verdict: Verdict,
        vote: &NewVote,
    ) -> Result<ReviewLine> {
        let version = version.to_string();
        let verdict = verdict.as_str();
        let (mut url, source) = address(
            self.url(&[]),
            &["v1", "review", name.namespace(), name.short(), &version, verdict],
        );
        with_source(&mut url, source.as_deref());
        self.runtime.block_on(async {
            let deadline = Instant::now() + BASE_DEADLINE;
            let request = self.http.post(url.clone()).json(vote);
            let response = self.send(request, &url, deadline).await?;
            read_json(response, &url, deadline).await
        })
    }

    fn get<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T> {
        self.runtime.block_on(async {
            let deadline = Instant::now() + BASE_DEADLINE;
            let response = self.send(self.http.get(url.clone()), url, deadline).await?;
            read_json(response, url, deadline).await
        })
    }
}

/// The address of `path` at the registry whose client has the address `url`, and the
/// source that the client is configured for, if it is one of a mirror.
fn address(mut url: Url, path: &[&str]) -> (Url, Option<String>) {
    let base: Vec<String> =
        url.path_segments().map(|it| it.map(str::to_owned).collect()).unwrap_or_default();
    let base: Vec<String> = base.into_iter().filter(|it| !it.is_empty()).collect();
    let (kept, source) = match &base[..] {
        [kept @ .., segment, name] if segment == SOURCE => (kept.to_vec(), Some(name.clone())),
        kept => (kept.to_vec(), None),
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(kept).extend(path);
    }
    (url, source)
}

fn with_source(url: &mut Url, source: Option<&str>) {
    if let Some(source) = source {
        url.query_pairs_mut().append_pair("source", source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_at_the_mirror_and_not_at_its_source() {
        for (base, expected, source) in [
            ("https://mcp.acme.example/", "https://mcp.acme.example/v1/review", None),
            ("https://acme.example/mcp", "https://acme.example/mcp/v1/review", None),
            (
                "https://acme.example/source/public",
                "https://acme.example/v1/review",
                Some("public"),
            ),
            (
                "https://acme.example/mcp/source/public/",
                "https://acme.example/mcp/v1/review",
                Some("public"),
            ),
        ] {
            let (url, found) = address(base.parse().unwrap(), &["v1", "review"]);
            assert_eq!((url.as_str(), found.as_deref()), (expected, source), "{base}");
        }
    }
}
