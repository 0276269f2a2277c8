//! What of a request goes on to the host.

use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, StatusCode, Uri, Version};

use super::Site;

/// Headers that are about one connection, and not about the message, with those that
/// frame it: `hyper` writes its own.
///
/// Source: RFC 9110, section 7.6.1; RFC 9112, sections 6 and 9.
const OF_ONE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
];

impl Site {
    /// Makes of a request to us the request to the host, with its secrets.
    ///
    /// Nothing is changed of one that is refused, so it has no secret in it.
    pub(super) fn forward(&self, request: &mut Parts) -> Result<(), StatusCode> {
        // A tunnel would be one to anywhere.
        if request.method == Method::CONNECT {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        self.check_target(request)?;
        request.uri = path_of(&request.uri);
        request.version = Version::HTTP_11;
        strip(&mut request.headers);
        // How long the body is, `hyper` knows from having read it.
        request.headers.remove(CONTENT_LENGTH);
        // An answer that is compressed could not be searched for secrets.
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, header) in &mut request.headers {
            if !is_of_credentials(name) {
                continue;
            }
            for secret in &self.secrets {
                let Some(filled) = secret.fill(header.as_bytes()) else { continue };
                let Ok(mut value) = HeaderValue::from_bytes(&filled) else {
                    return Err(StatusCode::BAD_REQUEST);
                };
                value.set_sensitive(true);
                *header = value;
            }
        }
        Ok(())
    }

    /// Checks that the request is for the host that was connected to, and nothing in
    /// it says otherwise.
    fn check_target(&self, request: &Parts) -> Result<(), StatusCode> {
        let mut hosts = request.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let host: Authority =
            host.to_str().ok().and_then(|it| it.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
        let is_of_https = request.uri.scheme_str().is_none_or(|scheme| scheme == "https");
        let is_target = request.uri.authority().is_none_or(|it| self.is_authority(it));
        if is_of_https && is_target && self.is_authority(&host) {
            Ok(())
        } else {
            Err(StatusCode::MISDIRECTED_REQUEST)
        }
    }

    fn is_authority(&self, authority: &Authority) -> bool {
        const HTTPS: u16 = 443;
        let host = self.destination.host.to_string();
        // With a user in it, it is longer than its host and port.
        let is_plain = !authority.as_str().contains('@');
        is_plain
            && authority.host().eq_ignore_ascii_case(&host)
            && authority.port_u16().unwrap_or(HTTPS) == self.destination.port
    }
}

/// The path and query alone: the form that a host is sent.
fn path_of(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

/// Whether hosts take credentials in the header of this name, such as
/// `Authorization`, `X-Api-Key` and `Private-Token`.
///
/// Into others a server could have a secret written for its host to keep, and to be
/// read back in parts.
fn is_of_credentials(name: &HeaderName) -> bool {
    const LAST_WORDS: [&str; 8] =
        ["apikey", "auth", "authorization", "cookie", "key", "password", "secret", "token"];
    let name = name.as_str();
    let is_kept = name.contains("-meta-") || name == "idempotency-key";
    !is_kept && name.rsplit('-').next().is_some_and(|word| LAST_WORDS.contains(&word))
}

/// Removes what is about one connection.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // What it names is dropped, and this is no way to drop the host.
        .filter(|name| name != HOST)
        .collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
}
