//! Logging in on another device: a code to type there (RFC 8628).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::grant::{Endpoint, Tokens, refusal};
use super::http::Client;
use super::{LoginError, Request};
use crate::registry::is_loopback;
use crate::secrets::Secret;

/// How much slower to ask when told to, as the RFC has it.
const SLOWER: Duration = Duration::from_secs(5);

/// The longest pause between two questions.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// The longest that anybody is waited for.
const MAX_WAIT: Duration = Duration::from_mins(30);

/// A log-in that somebody has to finish elsewhere.
pub(super) struct Device {
    code: Secret,
    pub(super) user_code: String,
    pub(super) address: Url,
    until: Instant,
    pause: Duration,
}

#[derive(Deserialize)]
struct Answered {
    device_code: String,
    user_code: String,
    verification_uri: Url,
    expires_in: u64,
    #[serde(default = "five")]
    interval: u64,
}

const fn five() -> u64 {
    5
}

impl Device {
    /// Asks for a code.
    pub(super) async fn begin(
        client: &Client,
        url: &Url,
        request: &Request<'_>,
    ) -> Result<Self, LoginError> {
        let answer = client.post(url, &request.form(), None).await?;
        if answer.status != 200 {
            return Err(LoginError::Refused(refusal(&answer)));
        }
        let wrong = || LoginError::metadata(url.as_str(), "a log-in", "it is none of RFC 8628");
        let found: Answered = serde_json::from_slice(&answer.body).map_err(|_| wrong())?;
        let code = Secret::of(Zeroizing::new(found.device_code)).map_err(|_| wrong())?;
        let is_code = |text: &str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !is_code(&found.user_code) {
            return Err(wrong());
        }
        let address = found.verification_uri;
        if address.scheme() != "https" && !(is_loopback(&address) && is_loopback(url)) {
            return Err(LoginError::Insecure {
                what: "address to log in at",
                found: address.into(),
            });
        }
        let wait = Duration::from_secs(found.expires_in).min(MAX_WAIT);
        let pause = Duration::from_secs(found.interval.max(1)).min(MAX_PAUSE);
        Ok(Self { code, user_code: found.user_code, address, until: Instant::now() + wait, pause })
    }

    /// Waits until somebody has finished it.
    pub(super) async fn finish(
        mut self,
        endpoint: &Endpoint<'_>,
        request: &Request<'_>,
    ) -> Result<Tokens, LoginError> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", self.code.expose()),
            ("client_id", request.client_id),
            ("resource", request.resource),
        ];
        loop {
            tokio::time::sleep(self.pause).await;
            if Instant::now() > self.until {
                return Err(LoginError::Expired);
            }
            match endpoint.tokens(&form).await {
                Err(LoginError::Refused(word)) => match word.as_str() {
                    "authorization_pending" => (),
                    "slow_down" => self.pause = (self.pause + SLOWER).min(MAX_PAUSE),
                    "expired_token" => return Err(LoginError::Expired),
                    "access_denied" => return Err(LoginError::Declined),
                    _ => return Err(LoginError::Refused(word)),
                },
                // Somebody is typing: a moment without a network must not cost them that.
                Err(LoginError::Unreachable { .. }) => (),
                other => return other,
            }
        }
    }
}
