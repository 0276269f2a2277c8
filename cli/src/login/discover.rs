//! Asking a registry who issues its tokens, and them where.

use url::Url;

use super::http::{Answer, Client};
use super::metadata::{IssuerMetadata, ResourceMetadata, issuer_urls, resource_url};
use super::{Challenge, Kind, LoginError};

/// What a registry, or a remote server, says of itself.
///
/// It is asked for something first: one that lets nobody in says where its document is
/// (RFC 9728, section 5.1). Else it is where the RFC has it; of a server, that may be what
/// is said of its whole host (MCP 2025-11-25, "Protected Resource Metadata Discovery").
pub(super) async fn resource(
    client: &Client,
    kind: Kind,
    base: &Url,
) -> Result<ResourceMetadata, LoginError> {
    let mut asked = base.clone();
    if let (Kind::Registry, Ok(mut segments)) = (kind, asked.path_segments_mut()) {
        segments.pop_if_empty().extend(["v1", "log"]);
    }
    let refusal = client.get(&asked).await?;
    let mut urls: Vec<Url> = named(&refusal, base)?.into_iter().collect();
    if urls.is_empty() {
        urls.push(resource_url(base));
        if kind == Kind::Server {
            let mut host = base.clone();
            host.set_path("");
            host.set_query(None);
            urls.push(resource_url(&host));
        }
    }
    let mut last = LoginError::NoIssuer;
    for url in urls {
        let answer = client.get(&url).await?;
        let mut found = match answer.status {
            200 => ResourceMetadata::read(&answer.body, &url, base)?,
            404 => continue,
            status => {
                let reason = format!("status {status}");
                last = LoginError::metadata(url.as_str(), "what is behind it", reason);
                continue;
            }
        };
        // What it asks for just now is what it takes, of all that there is.
        let mut scopes = refusal.challenges.iter().filter_map(|it| it.parameter("scope"));
        if let (Kind::Server, Some(scopes)) = (kind, scopes.next()) {
            found.scopes_supported = scopes.split(' ').map(str::to_owned).take(64).collect();
        }
        return Ok(found);
    }
    Err(last)
}

/// The address that a refusal names, which has to be of the registry itself: whoever
/// could name another would choose where its users type their passwords.
fn named(answer: &Answer, base: &Url) -> Result<Option<Url>, LoginError> {
    let mut found =
        answer.challenges.iter().filter_map(|it: &Challenge| it.parameter("resource_metadata"));
    let Some(found) = found.next().filter(|_| answer.status == 401) else { return Ok(None) };
    let url = Url::parse(found).ok().filter(|url| url.origin() == base.origin());
    url.map(Some).ok_or_else(|| LoginError::Resource {
        expected: base.to_string(),
        found: found.chars().take(200).collect(),
    })
}

/// What an issuer says of itself.
pub(super) async fn issuer(
    client: &Client,
    name: &str,
    url: &Url,
) -> Result<IssuerMetadata, LoginError> {
    let mut last = None;
    for url in issuer_urls(url) {
        let answer = client.get(&url).await?;
        if answer.status == 200 {
            return IssuerMetadata::read(&answer.body, &url, name);
        }
        let reason = format!("status {}", answer.status);
        last = Some(LoginError::metadata(url.as_str(), "an issuer", reason));
    }
    Err(last.unwrap_or(LoginError::NoIssuer))
}
