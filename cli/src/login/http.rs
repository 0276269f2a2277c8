//! Talking to an issuer: bounded, timed, and nowhere that we are sent to.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use url::Url;
use zeroize::Zeroizing;

use super::{Challenge, LoginError};

/// The longest answer, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of issuers.
pub(super) struct Client(reqwest::Client);

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// What has to be signed along in the next proof (RFC 9449, section 8).
    pub(super) nonce: Option<String>,
    pub(super) challenges: Vec<Challenge>,
    // There may be a token in it.
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Client {
    pub(super) fn new(builder: reqwest::ClientBuilder) -> Result<Self, LoginError> {
        let client = builder.timeout(TIMEOUT).build();
        client.map(Self).map_err(|error| LoginError::Client(error.into()))
    }

    pub(super) async fn get(&self, url: &Url) -> Result<Answer, LoginError> {
        self.send(self.0.get(url.clone()), url).await
    }

    /// Posts a form, with a proof if there is one.
    pub(super) async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Result<Answer, LoginError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.0.post(url.clone()).body(body);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        self.send(request, url).await
    }

    /// Posts JSON.
    pub(super) async fn post_json(
        &self,
        url: &Url,
        body: &impl serde::Serialize,
    ) -> Result<Answer, LoginError> {
        self.send(self.0.post(url.clone()).json(body), url).await
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
    ) -> Result<Answer, LoginError> {
        let unreachable = |error: reqwest::Error| LoginError::Unreachable {
            url: url.to_string(),
            source: error.without_url().into(),
        };
        let mut response =
            request.header("accept", "application/json").send().await.map_err(unreachable)?;
        let headers = response.headers();
        let (nonce, challenges) = (nonce(headers), challenges(headers));
        let status = response.status().as_u16();
        // What is in it would move with each reallocation, and leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(64 * 1024));
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BYTES {
                let reason = format!("it is longer than {MAX_BYTES} bytes");
                return Err(LoginError::metadata(url.as_str(), "anything here", reason));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, nonce, challenges, body })
    }
}

/// The nonce in an answer, if it is one: it goes into a proof, and no further.
pub(super) fn nonce(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get("dpop-nonce")?.to_str().ok()?;
    // RFC 9449, section 8.1.
    let is_one =
        (1..=1024).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| nonce.to_owned())
}

/// What an answer asks for.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(Challenge::read).collect()
}
