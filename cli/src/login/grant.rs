//! Getting tokens for what an issuer has granted (RFC 6749, section 5).
//!
//! Written here and not taken from the `oauth2` crate: what we send are four short forms.
//! The crate knows neither proofs and their nonces nor whom a token is for, keeps tokens
//! in memory that nobody wipes, and puts what an issuer says of a failure into its errors,
//! where an issuer may have put the token that it refuses.

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::dpop::{ProofKey, Subject};
use super::http::{Answer, Client};
use super::{LoginError, identity};
use crate::secrets::Secret;

/// Where tokens are had, and with what.
pub(super) struct Endpoint<'a> {
    pub(super) client: &'a Client,
    pub(super) url: &'a Url,
    /// The key that tokens are tied to, if they are.
    pub(super) key: Option<&'a ProofKey>,
}

/// What was had.
pub(super) struct Tokens {
    pub(super) access: Secret,
    /// When the access token is over.
    pub(super) expires_at: Timestamp,
    pub(super) refresh: Option<Secret>,
    pub(super) scope: Option<String>,
    pub(super) identity: Option<Secret>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    scope: Option<String>,
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// How long a token lives of which nobody says it, in seconds.
const DEFAULT_LIFETIME: u64 = 300;

/// The longest that one is used without being renewed, in seconds.
const MAX_LIFETIME: u64 = 24 * 3600;

impl Endpoint<'_> {
    /// Asks for tokens.
    ///
    /// # Errors
    ///
    /// [`LoginError::Refused`] with the issuer's own word for it, and nothing else of
    /// what it says.
    pub(super) async fn tokens(&self, form: &[(&str, &str)]) -> Result<Tokens, LoginError> {
        let first = self.post(form, None).await?;
        // Asked for once more with what it wants to have signed.
        let answer = match &first.nonce {
            Some(nonce) if refusal(&first) == "use_dpop_nonce" => {
                self.post(form, Some(nonce)).await?
            }
            _ => first,
        };
        if answer.status != 200 {
            return Err(LoginError::Refused(refusal(&answer)));
        }
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| LoginError::Token("it is no answer to a request for a token"))?;
        self.check(granted, Timestamp::now())
    }

    async fn post(&self, form: &[(&str, &str)], nonce: Option<&str>) -> Result<Answer, LoginError> {
        let subject = Subject { method: "POST", url: self.url, token: None, nonce };
        let proof = self.key.map(|key| key.prove(&subject, Timestamp::now())).transpose()?;
        self.client.post(self.url, form, proof.as_deref()).await
    }

    fn check(&self, granted: Granted, now: Timestamp) -> Result<Tokens, LoginError> {
        // Made secrets before anything is judged, so that all are wiped.
        let access = secret(granted.access_token)?;
        let refresh = granted.refresh_token.map(secret).transpose()?;
        let identity = granted.id_token.map(secret).transpose()?;
        // An issuer that can tie tokens to keys and does not has been told not to, by
        // somebody in between or by mistake (RFC 9449, section 5).
        let expected = if self.key.is_some() { "dpop" } else { "bearer" };
        if !granted.token_type.eq_ignore_ascii_case(expected) {
            return Err(LoginError::Token(if self.key.is_some() {
                "the token is not tied to the key of this machine"
            } else {
                "the token is of a kind that this program cannot use"
            }));
        }
        if !is_token(access.expose()) {
            return Err(LoginError::Token("the token has characters that no token has"));
        }
        let seconds = granted.expires_in.unwrap_or(DEFAULT_LIFETIME).min(MAX_LIFETIME);
        let lifetime = jiff::SignedDuration::from_secs(seconds.cast_signed());
        Ok(Tokens {
            access,
            expires_at: now + lifetime,
            refresh,
            scope: granted.scope.filter(|scope| identity::is_short(scope)),
            identity,
        })
    }
}

/// The issuer's word for why not, if it is one of the kind that the RFCs have.
pub(super) fn refusal(answer: &Answer) -> String {
    let found = serde_json::from_slice::<Refused>(&answer.body).ok().map(|refused| refused.error);
    let is_word = |text: &String| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    found.filter(is_word).unwrap_or_else(|| format!("status_{}", answer.status))
}

fn secret(text: String) -> Result<Secret, LoginError> {
    Secret::of(Zeroizing::new(text)).map_err(|_| LoginError::Token("a token is empty or too long"))
}

/// What can stand in a header (RFC 6750, section 2.1).
pub(super) fn is_token(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !text.is_empty() && text.bytes().all(is_one)
}
