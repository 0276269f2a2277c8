//! A signed token, cut into its parts.
//!
//! What is read here decides how it is verified, so it is read narrowly: three parts,
//! base64url without padding, JSON without a member that comes twice, an algorithm of
//! our own list, and no extension that we would have to understand.
//!
//! Source: RFC 7515, sections 3.1 and 4.1; RFC 8725, section 3.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::key::{PublicKey, WireKey};
use crate::config::TokenAlgorithm;

/// The longest token, in bytes: what the head of a request has room for.
const MAX_LEN: usize = 12 * 1024;

/// A token that nothing is known of but its form.
#[derive(Debug)]
pub(super) struct Jws<'a> {
    header: Header,
    payload: Vec<u8>,
    signed: &'a str,
    signature: &'a str,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    jwk: Option<WireKey>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// Why something is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsError {
    #[error("it is longer than {MAX_LEN} bytes")]
    Length,
    #[error("it is not three parts with dots between")]
    Parts,
    #[error("a part of it is not base64url without padding")]
    Base64,
    #[error("its header is not one")]
    Header,
    #[error("its claims are not as they have to be")]
    Claims,
    #[error("it asks for an extension that is not known here")]
    Critical,
    #[error("it is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("its key is of another kind than its algorithm")]
    Key,
    #[error("its signature is wrong")]
    Signature,
}

impl<'a> Jws<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > MAX_LEN {
            return Err(JwsError::Length);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Parts)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(JwsError::Parts);
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Base64);
        decode(signature)?;
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Header)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(JwsError::Critical);
        }
        Ok(Self { header, payload: decode(payload)?, signed, signature })
    }

    /// The name of the key that it says it is signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Its type, in lower case and without `application/`, which may be left out.
    pub(super) fn kind(&self) -> Option<String> {
        let kind = self.header.typ.as_deref()?.to_ascii_lowercase();
        Some(kind.strip_prefix("application/").unwrap_or(&kind).to_owned())
    }

    /// The key that it brings along, which proves nothing but that whoever made it
    /// has it.
    pub(super) fn own_key(&self) -> Option<&WireKey> {
        self.header.jwk.as_ref()
    }

    /// The algorithm, if it is one of `allowed`.
    pub(super) fn algorithm(
        &self,
        allowed: impl IntoIterator<Item = TokenAlgorithm>,
    ) -> Result<TokenAlgorithm, JwsError> {
        let is_it = |algorithm: &TokenAlgorithm| name(*algorithm) == self.header.alg;
        allowed.into_iter().find(is_it).ok_or(JwsError::Algorithm)
    }

    /// Its claims, not yet believed: to know whose they would be.
    pub(super) fn claimed<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Claims)
    }

    /// Whether `key` signed it, as `algorithm` has it.
    pub(super) fn verify(
        &self,
        key: &PublicKey,
        algorithm: TokenAlgorithm,
    ) -> Result<(), JwsError> {
        if !key.is_for(algorithm) {
            return Err(JwsError::Key);
        }
        let signed = self.signed.as_bytes();
        let algorithm = wire(algorithm);
        match jsonwebtoken::crypto::verify(self.signature, signed, key.decoding(), algorithm) {
            Ok(true) => Ok(()),
            _ => Err(JwsError::Signature),
        }
    }
}

fn name(algorithm: TokenAlgorithm) -> &'static str {
    match algorithm {
        TokenAlgorithm::RS256 => "RS256",
        TokenAlgorithm::RS384 => "RS384",
        TokenAlgorithm::RS512 => "RS512",
        TokenAlgorithm::PS256 => "PS256",
        TokenAlgorithm::PS384 => "PS384",
        TokenAlgorithm::PS512 => "PS512",
        TokenAlgorithm::ES256 => "ES256",
        TokenAlgorithm::ES384 => "ES384",
        TokenAlgorithm::EdDSA => "EdDSA",
    }
}

fn wire(algorithm: TokenAlgorithm) -> Algorithm {
    match algorithm {
        TokenAlgorithm::RS256 => Algorithm::RS256,
        TokenAlgorithm::RS384 => Algorithm::RS384,
        TokenAlgorithm::RS512 => Algorithm::RS512,
        TokenAlgorithm::PS256 => Algorithm::PS256,
        TokenAlgorithm::PS384 => Algorithm::PS384,
        TokenAlgorithm::PS512 => Algorithm::PS512,
        TokenAlgorithm::ES256 => Algorithm::ES256,
        TokenAlgorithm::ES384 => Algorithm::ES384,
        TokenAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mcpkg_test_support::TestKey;
    use proptest::prelude::*;

    use super::super::dpop::{Shown, check};
    use super::*;

    const ADDRESS: &str = "https://mcp.acme.example/v1/log";
    const TOKEN: &str = "a.b.c";

    fn is_proof(proof: &str, key: &TestKey) -> bool {
        let id = key.id();
        let now = Timestamp::now();
        let shown = Shown { method: "GET", address: ADDRESS, token: TOKEN, bound_to: &id, now };
        check(proof, shown).is_ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_text_reading_it_does_not_panic(text in "\\PC{0,200}", parts in proptest::array::uniform3("[A-Za-z0-9_-]{0,80}")) {
            for text in [text, parts.join(".")] {
                if let Ok(jws) = Jws::parse(&text) {
                    prop_assert_eq!(text.matches('.').count(), 2);
                    drop((jws.kind(), jws.own_key().map(|key| key.read().is_some())));
                }
            }
        }

        #[test]
        fn whatever_the_header_and_key_reading_them_does_not_panic(
            kty in prop::sample::select(vec!["RSA", "EC", "OKP", "oct", ""]),
            crv in prop::sample::select(vec!["P-256", "P-384", "P-521", "Ed25519", ""]),
            values in proptest::array::uniform4("[A-Za-z0-9_\"=-]{0,400}"),
        ) {
            let [x, y, n, e] = values;
            let key = serde_json::json!({ "kty": kty, "crv": crv, "x": x, "y": y, "n": n, "e": e });
            let header = serde_json::json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": key });
            let text = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header.to_string()));
            let jws = Jws::parse(&text).unwrap();
            if let Some(key) = jws.own_key().and_then(WireKey::read) {
                prop_assert_eq!(key.thumbprint().len(), 43);
            }
        }

        #[test]
        fn one_byte_of_a_proof_changed_and_it_is_none(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let key = TestKey::ecdsa();
            let good = key.proof("GET", ADDRESS, TOKEN);
            prop_assert!(is_proof(&good, &key));
            let at = at.index(good.len());
            let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
            prop_assert_eq!(is_proof(&changed, &key), changed == good);
        }
    }
}
