//! A public key, as issuers and clients publish them.
//!
//! Read by our own types and not by the library's: its thumbprint puts the members of
//! a stranger's key into JSON as they are, and panics at a curve that does not belong
//! to its type. Here a thumbprint is made of what was decoded.
//!
//! Source: RFC 7517; RFC 7518, section 6; RFC 7638, section 3; RFC 8037.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use mcpkg_core::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::config::TokenAlgorithm;

/// The shortest RSA modulus, in bytes: 2048 bits (RFC 7518, section 3.3).
const MIN_MODULUS_LEN: usize = 256;

/// The longest, in bytes: 8192 bits. A longer one costs time to verify with.
const MAX_MODULUS_LEN: usize = 1024;

/// A key as it is written.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WireKey {
    kty: String,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

/// A key that signatures can be verified with.
#[derive(Clone)]
pub(super) struct PublicKey {
    decoding: DecodingKey,
    kind: Kind,
    thumbprint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl WireKey {
    /// The key, or `None` if it is none that is good for verifying here: of a kind that
    /// we do not know, private, or malformed.
    pub(super) fn read(&self) -> Option<PublicKey> {
        let is_for_something_else = self.usage.as_deref().is_some_and(|usage| usage != "sig");
        if self.d.is_some() || self.k.is_some() || is_for_something_else {
            return None;
        }
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => self.rsa(),
            ("EC", Some("P-256")) => self.curve(Kind::P256, "P-256", 32),
            ("EC", Some("P-384")) => self.curve(Kind::P384, "P-384", 48),
            ("OKP", Some("Ed25519")) => self.edwards(),
            _ => None,
        }
    }

    fn rsa(&self) -> Option<PublicKey> {
        let (n, e) = (decode(self.n.as_deref())?, decode(self.e.as_deref())?);
        if !(MIN_MODULUS_LEN..=MAX_MODULUS_LEN).contains(&n.len()) || n[0] == 0 {
            return None;
        }
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        let decoding = DecodingKey::from_rsa_components(&n, &e).ok()?;
        let thumbprint = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Some(PublicKey { decoding, kind: Kind::Rsa, thumbprint })
    }

    fn curve(&self, kind: Kind, name: &str, len: usize) -> Option<PublicKey> {
        let (x, y) = (decode(self.x.as_deref())?, decode(self.y.as_deref())?);
        if x.len() != len || y.len() != len {
            return None;
        }
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let decoding = DecodingKey::from_ec_components(&x, &y).ok()?;
        let json = format!(r#"{{"crv":"{name}","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Some(PublicKey { decoding, kind, thumbprint: thumbprint(&json) })
    }

    fn edwards(&self) -> Option<PublicKey> {
        let x = decode(self.x.as_deref())?;
        if x.len() != 32 {
            return None;
        }
        let x = URL_SAFE_NO_PAD.encode(x);
        let decoding = DecodingKey::from_ed_components(&x).ok()?;
        let json = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Some(PublicKey { decoding, kind: Kind::Ed25519, thumbprint: thumbprint(&json) })
    }
}

impl PublicKey {
    /// Whether signatures of this algorithm are made with such a key.
    pub(super) fn is_for(&self, algorithm: TokenAlgorithm) -> bool {
        use TokenAlgorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let kind = match algorithm {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Kind::Rsa,
            ES256 => Kind::P256,
            ES384 => Kind::P384,
            EdDSA => Kind::Ed25519,
        };
        kind == self.kind
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    /// What tokens that are bound to it call it.
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

fn decode(text: Option<&str>) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text?).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

fn thumbprint(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(json.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<PublicKey> {
        serde_json::from_str::<WireKey>(json).unwrap().read()
    }

    /// RFC 7638, section 3.1, and RFC 8037, appendix A.3.
    #[test]
    fn a_thumbprint_is_that_of_the_specification() {
        let key = read(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        );
        assert_eq!(key.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let key = read(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        );
        assert_eq!(key.unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_is_no_public_key_of_ours_is_none() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for json in [
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{x}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"P-256","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"Ed25519","x":"{x}","y":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{x}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","use":"enc"}}"#),
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"Ed25519","x":"A\",\"y\":\"B"}"#.to_owned(),
        ] {
            assert!(read(&json).is_none(), "{json}");
        }
    }
}
