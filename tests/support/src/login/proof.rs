//! Checking a proof of a key, as RFC 9449, section 4.3, has it.

use std::collections::HashSet;

use jiff::Timestamp;
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::hashed;

/// How old a proof may be, in seconds.
const MAX_AGE: i64 = 60;

/// What a proof has to be about.
pub(super) struct About<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
}

/// Checks a proof, and gives the thumbprint of its key. `used` holds those that came
/// before.
pub(super) fn check(
    proof: &str,
    about: &About<'_>,
    used: &mut HashSet<String>,
) -> Result<String, &'static str> {
    let header = jsonwebtoken::decode_header(proof).map_err(|_| "no token")?;
    if header.typ.as_deref() != Some("dpop+jwt") || header.alg != Algorithm::ES256 {
        return Err("another kind of token");
    }
    let jwk = header.jwk.ok_or("no key")?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "no key that could be used")?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_required_spec_claims::<&str>(&[]);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(proof, &key, &validation);
    let claims = claims.map_err(|_| "the signature is wrong")?.claims;
    let text = |name: &str| claims[name].as_str();
    if text("htm") != Some(about.method) {
        return Err("another method");
    }
    if text("htu") != Some(about.url) {
        return Err("another address");
    }
    let age = Timestamp::now().as_second() - claims["iat"].as_i64().ok_or("no time")?;
    if age.abs() > MAX_AGE {
        return Err("another time");
    }
    if text("ath").map(str::to_owned) != about.token.map(hashed) {
        return Err("another token");
    }
    if about.nonce.is_some() && text("nonce") != about.nonce {
        return Err("another nonce");
    }
    if !used.insert(text("jti").ok_or("no id")?.to_owned()) {
        return Err("used before");
    }
    Ok(jwk.thumbprint(ThumbprintHash::SHA256))
}
