//! Logging in with the browser on this machine (RFC 8252, RFC 7636).
//!
//! The browser comes back to a port of ours on the loopback interface, with a code that
//! is worth nothing without the verifier that only this process knows. Other programs on
//! the machine can connect to that port, and pages in the browser can send it there: what
//! comes without the state of this log-in is told so and waited on from.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

use super::dpop::{ProofKey, hashed, random};
use super::grant::{Endpoint, Tokens};
use super::metadata::IssuerMetadata;
use super::{LoginError, Request};
use crate::secrets::Secret;

/// How long somebody has to log in.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long one connection has to say what it wants.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest head of a request that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// A log-in that a browser has to finish.
pub(super) struct Browser {
    listener: TcpListener,
    redirect: String,
    state: String,
    pub(super) nonce: String,
    verifier: Secret,
    pub(super) address: Url,
}

/// Where a browser comes back to.
pub(super) struct Return {
    listener: TcpListener,
    pub(super) address: String,
}

impl Return {
    /// Listens.
    pub(super) async fn listen() -> Result<Self, LoginError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(LoginError::Listen)?;
        let port = listener.local_addr().map_err(LoginError::Listen)?.port();
        Ok(Self { listener, address: format!("http://127.0.0.1:{port}/callback") })
    }
}

impl Browser {
    /// Makes the address to send the browser to.
    pub(super) fn begin(
        issuer: &IssuerMetadata,
        url: &Url,
        back: Return,
        request: &Request<'_>,
        key: Option<&ProofKey>,
    ) -> Result<Self, LoginError> {
        let Return { listener, address: redirect } = back;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let mut address = url.clone();
        address
            .query_pairs_mut()
            .extend_pairs(request.form())
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &redirect)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &hashed(&verifier))
            .append_pair("code_challenge_method", "S256");
        if let Some(key) = key {
            // Then nobody else can use the code either (RFC 9449, section 10).
            address.query_pairs_mut().append_pair("dpop_jkt", &key.thumbprint());
        }
        let verifier =
            Secret::of(verifier.into()).map_err(|error| LoginError::Key(error.into()))?;
        if !issuer.has_pkce() {
            let issuer = issuer.issuer.clone();
            return Err(LoginError::Unsupported {
                issuer,
                what: "way to tie a code to this program",
            });
        }
        Ok(Self { listener, redirect, state, nonce, verifier, address })
    }

    /// Waits until the browser has come back.
    pub(super) async fn finish(
        self,
        issuer: &IssuerMetadata,
        endpoint: &Endpoint<'_>,
        request: &Request<'_>,
    ) -> Result<Tokens, LoginError> {
        let code =
            timeout(PATIENCE, self.code(issuer)).await.map_err(|_| LoginError::Expired)??;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &self.redirect),
            ("code_verifier", self.verifier.expose()),
            ("client_id", request.client_id),
            ("resource", request.resource),
        ];
        endpoint.tokens(&form).await
    }

    async fn code(&self, issuer: &IssuerMetadata) -> Result<Secret, LoginError> {
        loop {
            let (mut stream, _) = self.listener.accept().await.map_err(LoginError::Listen)?;
            let Ok(Some(target)) = timeout(HEAD_TIMEOUT, head(&mut stream)).await else { continue };
            let found = Returned::read(&target);
            if found.state.as_deref() != Some(&self.state) {
                answer(&mut stream, "404 Not Found", "This is not the log-in that is waited for.")
                    .await;
                continue;
            }
            let code = found.code(issuer);
            let text = match &code {
                Ok(_) => "You are logged in, and can close this window.",
                Err(_) => "You are not logged in. The terminal says why.",
            };
            answer(&mut stream, "200 OK", text).await;
            return code;
        }
    }
}

/// What a browser came back with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Returned {
    state: Option<String>,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl Returned {
    /// Reads the target of a request. What is there twice is not there.
    fn read(target: &str) -> Self {
        let Some(query) = target.strip_prefix("/callback?") else { return Self::default() };
        let of = |name: &str| {
            let mut found =
                url::form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
            let (_, value) = found.next()?;
            found.next().is_none().then(|| value.into_owned())
        };
        Self { state: of("state"), code: of("code"), issuer: of("iss"), error: of("error") }
    }

    fn code(self, issuer: &IssuerMetadata) -> Result<Secret, LoginError> {
        // Or else one issuer's code could be given to another (RFC 9207).
        let is_from_it = match &self.issuer {
            Some(found) => *found == issuer.issuer,
            None => !issuer.authorization_response_iss_parameter_supported,
        };
        if !is_from_it {
            return Err(LoginError::Answer("the answer of another issuer"));
        }
        match (self.error.as_deref(), self.code) {
            (Some("access_denied"), _) => Err(LoginError::Declined),
            (Some(_), _) => Err(LoginError::Answer("an error of the issuer's")),
            (None, Some(code)) => {
                Secret::of(code.into()).map_err(|_| LoginError::Answer("an answer without a code"))
            }
            (None, None) => Err(LoginError::Answer("an answer without a code")),
        }
    }
}

/// The target of a request, once its head has arrived whole.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.ok()?;
        if read == 0 || head.len() > MAX_HEAD {
            return None;
        }
        head.extend_from_slice(&buffer[..read]);
    }
    let line = std::str::from_utf8(&head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET").then(|| target.to_owned())
}

async fn answer(stream: &mut TcpStream, status: &str, text: &str) {
    let body = format!("<!doctype html><meta charset=utf-8><title>mcpkg</title><p>{text}</p>\n");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
    );
    // Whoever has gone need not be told.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Coded as _;

    use super::*;

    fn issuer(says_who_it_is: &str) -> IssuerMetadata {
        let text = format!(
            r#"{{"issuer": "https://a.example", "token_endpoint": "https://a.example/t",
                "authorization_response_iss_parameter_supported": {says_who_it_is}}}"#
        );
        let from = "https://a.example/".parse().unwrap();
        IssuerMetadata::read(text.as_bytes(), &from, "https://a.example").unwrap()
    }

    #[test]
    fn what_a_browser_brings_is_for_this_log_in_and_from_this_issuer() {
        let from_a = "iss=https%3A%2F%2Fa.example";
        for (says_who_it_is, target, expected) in [
            ("true", format!("/callback?code=c&{from_a}"), Ok("c")),
            ("false", "/callback?code=c".to_owned(), Ok("c")),
            (
                "true",
                "/callback?code=c".to_owned(),
                Err("the browser came back with the answer of another issuer"),
            ),
            (
                "false",
                "/callback?code=c&iss=https://b.example".to_owned(),
                Err("the browser came back with the answer of another issuer"),
            ),
            (
                "false",
                "/callback?code=c&code=d".to_owned(),
                Err("the browser came back with an answer without a code"),
            ),
            (
                "false",
                "/callback?code=".to_owned(),
                Err("the browser came back with an answer without a code"),
            ),
            ("false", "/callback?error=access_denied".to_owned(), Err("the log-in was declined")),
            (
                "false",
                "/callback?error=x&code=c".to_owned(),
                Err("the browser came back with an error of the issuer's"),
            ),
            (
                "false",
                "/other?code=c".to_owned(),
                Err("the browser came back with an answer without a code"),
            ),
        ] {
            let found = Returned::read(&target).code(&issuer(says_who_it_is));
            let found = found.map(|code| code.expose().to_owned()).map_err(|error| {
                assert_eq!(error.code().as_str(), "E_LOGIN");
                error.to_string()
            });
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{target}");
        }
        assert_eq!(Returned::read("/callback?state=a&state=a").state, None);
    }
}
