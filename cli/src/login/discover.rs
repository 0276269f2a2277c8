//! Asking a registry who issues its tokens, and them where.

use url::Url;

use super::http::{Answer, Client};
use super::metadata::{IssuerMetadata, ResourceMetadata, issuer_urls, resource_url};
use super::{Challenge, LoginError};

/// What a registry says of itself.
///
/// It is asked for something first: a registry that lets nobody in says where its document
/// is (RFC 9728, section 5.1). Else it is where the RFC has it.
pub(super) async fn resource(client: &Client, base: &Url) -> Result<ResourceMetadata, LoginError> {
    let mut asked = base.clone();
    if let Ok(mut segments) = asked.path_segments_mut() {
        segments.pop_if_empty().extend(["v1", "log"]);
    }
    let answer = client.get(&asked).await?;
    let url = named(&answer, base)?.unwrap_or_else(|| resource_url(base));
    let answer = client.get(&url).await?;
    match answer.status {
        200 => ResourceMetadata::read(&answer.body, &url, base),
        404 => Err(LoginError::NoIssuer),
        status => Err(LoginError::metadata(url.as_str(), "a registry", format!("status {status}"))),
    }
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
