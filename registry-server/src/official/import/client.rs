//! Reading pages of another registry: bounded, timed, and from nowhere else.

use std::time::Duration;

use mcpkg_core::official::MAX_PAGE_LEN;
use url::Url;

use super::FollowError;

/// How long a page may take, with all of its body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many entries a page has.
const LIMIT: &str = "100";

/// A client of one registry.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    pub(super) fn new(source: &str) -> Result<Self, FollowError> {
        let address = || FollowError::Address(source.to_owned());
        let base = Url::parse(&format!("{source}/v0.1/servers")).map_err(|_| address())?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            // Whoever can make a redirect could make us list what another host says.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        // What is on this machine is not asked through a proxy.
        let http = if base.scheme() == "http" { http.no_proxy() } else { http };
        Ok(Self { http: http.build().map_err(FollowError::Client)?, base })
    }

    /// A page, and its address.
    pub(super) async fn page(
        &self,
        since: &str,
        cursor: Option<&str>,
    ) -> Result<(String, Vec<u8>), FollowError> {
        let mut url = self.base.clone();
        url.query_pairs_mut().append_pair("limit", LIMIT).append_pair("updated_since", since);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let transport = |source| FollowError::Transport { url: url.to_string(), source };
        let mut response = self.http.get(url.clone()).send().await.map_err(transport)?;
        if response.status() != reqwest::StatusCode::OK {
            let status = response.status().as_u16();
            return Err(FollowError::Status { url: url.to_string(), status });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if bytes.len() + chunk.len() > MAX_PAGE_LEN {
                return Err(FollowError::TooLong { url: url.to_string(), limit: MAX_PAGE_LEN });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((url.to_string(), bytes))
    }
}
