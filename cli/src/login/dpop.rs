//! Tokens that are worth nothing without a key (RFC 9449).
//!
//! A key of this machine's and of one registry's signs, for each request, what is asked
//! of whom, when, and with which token. So a token that was stolen on the way, or from
//! the registry's log, opens nothing. The key is kept beside the refresh token and never
//! leaves this machine.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::LoginError;
use crate::secrets::Secret;

/// A P-256 key that signs proofs.
pub(super) struct ProofKey {
    /// PKCS#8, in base64.
    text: Secret,
    signing: EncodingKey,
    public: Jwk,
}

/// What a proof is about.
pub(super) struct Subject<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a Url,
    /// The token that it goes with, if there is one yet.
    pub(super) token: Option<&'a Secret>,
    /// What the server gave to be signed along.
    pub(super) nonce: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    htm: &'a str,
    htu: String,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl ProofKey {
    /// A new one.
    pub(super) fn generate() -> Result<Self, LoginError> {
        let pair = rcgen::KeyPair::generate().map_err(|error| LoginError::Key(error.into()))?;
        let bytes = Zeroizing::new(pair.serialize_der());
        let text = Secret::of(Zeroizing::new(STANDARD.encode(&*bytes)));
        Self::of(text.map_err(|error| LoginError::Key(error.into()))?)
    }

    /// The one that was kept as this text.
    pub(super) fn of(text: Secret) -> Result<Self, LoginError> {
        let bytes =
            STANDARD.decode(text.expose()).map_err(|error| LoginError::Key(error.into()))?;
        let signing = EncodingKey::from_ec_der(&Zeroizing::new(bytes));
        let public = Jwk::from_encoding_key(&signing, Algorithm::ES256)
            .map_err(|error| LoginError::Key(error.into()))?;
        Ok(Self { text, signing, public })
    }

    /// The text that it is kept as.
    pub(super) fn text(&self) -> &Secret {
        &self.text
    }

    /// By what a server knows it (RFC 7638).
    pub(super) fn thumbprint(&self) -> String {
        self.public.thumbprint(ThumbprintHash::SHA256)
    }

    /// Signs a proof, which is good once, and for minutes.
    pub(super) fn prove(
        &self,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Result<String, LoginError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("dpop+jwt".to_owned());
        header.jwk = Some(self.public.clone());
        // Without query and fragment (RFC 9449, section 4.2).
        let mut url = subject.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let claims = Claims {
            jti: random()?,
            htm: subject.method,
            htu: url.into(),
            iat: now.as_second(),
            ath: subject.token.map(|token| hashed(token.expose())),
            nonce: subject.nonce,
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
            .map_err(|error| LoginError::Key(error.into()))
    }
}

/// 256 bits that nobody can guess, as text.
pub(super) fn random() -> Result<String, LoginError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| LoginError::Key(error.into()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The SHA-256 of a text, as proofs and PKCE have it.
pub(super) fn hashed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_proof_is_about_one_request_and_verifies() {
        let key = ProofKey::generate().unwrap();
        let key = ProofKey::of(key.text().copy()).unwrap();
        let token = Secret::read(b"token").unwrap();
        let url = "https://mcp.acme.example/v1/search?q=x#y".parse().unwrap();
        let subject = Subject { method: "GET", url: &url, token: Some(&token), nonce: Some("n") };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let proofs = [(); 2].map(|()| key.prove(&subject, now).unwrap());
        let header = jsonwebtoken::decode_header(&proofs[0]).unwrap();
        assert_eq!(header.typ.as_deref(), Some("dpop+jwt"));
        let jwk = header.jwk.unwrap();
        assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256), key.thumbprint());
        assert!(!serde_json::to_string(&jwk).unwrap().contains("\"d\""), "only what is public");
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims::<&str>(&[]);
        let public = DecodingKey::from_jwk(&jwk).unwrap();
        let [one, two] = proofs.map(|proof| {
            jsonwebtoken::decode::<Value>(&proof, &public, &validation).unwrap().claims
        });
        assert_ne!(one["jti"], two["jti"], "each is used once");
        assert_eq!(one["htu"], "https://mcp.acme.example/v1/search");
        assert_eq!(one["htm"], "GET");
        assert_eq!(one["iat"], 1_800_000_000);
        assert_eq!(one["nonce"], "n");
        // printf token | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(one["ath"], "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A");
    }

    #[test]
    fn the_challenge_of_the_rfc_is_ours() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(hashed(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
