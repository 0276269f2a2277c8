//! Looking at a token before it is spent.
//!
//! Whether it was really issued is for Fulcio to check: it knows the issuer's keys. What
//! is refused here could prove nothing to anybody, or is for somebody else, and sending
//! it to a stranger would only give it away. No message has any part of a token in it but
//! names of algorithms and audiences.
//!
//! Sources: RFC 7519 (JWT), RFC 8725 (best current practices); GitHub, GitLab, Buildkite
//! and `CircleCI` on their tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use mcpkg_core::{Code, Coded};
use serde_json::Value;

/// The longest token, in bytes. GitHub's have 2 KiB.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// How far the clocks of issuer and machine may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// The algorithms that issuers sign with. No symmetric one, and not `none`: those prove
/// nothing to whoever does not hold the key.
const ALGORITHMS: [&str; 10] =
    ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

/// Why a token is not sent to anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is longer than tokens are.
    #[error("it is longer than {MAX_BYTES} bytes")]
    Length,
    /// It does not have the form of one.
    #[error("it is no JSON Web Token")]
    Form,
    /// It is signed in a way that proves nothing.
    #[error("it is signed with `{}`, expected an asymmetric algorithm", .0.escape_debug())]
    Algorithm(String),
    /// It lacks something.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// It is for somebody else, or for several.
    #[error("it is for {found}, expected `{expected}` alone")]
    Audience {
        /// For whom.
        found: String,
        /// For whom it has to be.
        expected: String,
    },
    /// One of its times is none.
    #[error("its `{0}` is no time in whole seconds")]
    Time(&'static str),
    /// It is over.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// It has not begun.
    #[error("it is valid from {0} on")]
    Early(Timestamp),
    /// It was issued later than now.
    #[error("it was issued at {0}, which is not yet")]
    Future(Timestamp),
}

/// Checks all of a token that can be checked without its issuer's keys.
pub(crate) fn check(token: &str, audience: &str, now: Timestamp) -> Result<(), TokenError> {
    if token.len() > MAX_BYTES {
        return Err(TokenError::Length);
    }
    let [header, claims, signature] =
        token.split('.').collect::<Vec<_>>()[..].try_into().map_err(|_| TokenError::Form)?;
    let (header, claims) = (object(header)?, object(claims)?);
    let text = |object: &Value, name: &'static str| {
        let text = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or(TokenError::Missing(name))
    };
    let algorithm = text(&header, "alg")?;
    if !ALGORITHMS.contains(&algorithm.as_str()) {
        return Err(TokenError::Algorithm(algorithm.chars().take(20).collect()));
    }
    text(&header, "kid")?;
    if URL_SAFE_NO_PAD.decode(signature).map_or(true, |signature| signature.is_empty()) {
        return Err(TokenError::Missing("signature"));
    }
    text(&claims, "iss")?;
    text(&claims, "sub")?;
    is_for(claims.get("aud").ok_or(TokenError::Missing("aud"))?, audience)?;
    // Whole seconds, or nothing: what we cannot read, Fulcio may read otherwise.
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .and_then(|second| Timestamp::from_second(second).ok())
            .map(Some)
            .ok_or(TokenError::Time(name)),
    };
    let end = time("exp")?.ok_or(TokenError::Missing("exp"))?;
    if end <= now {
        return Err(TokenError::Expired(end));
    }
    if let Some(start) = time("nbf")?.filter(|&start| start > now + LEEWAY) {
        return Err(TokenError::Early(start));
    }
    match time("iat")?.filter(|&issued| issued > now + LEEWAY) {
        Some(issued) => Err(TokenError::Future(issued)),
        None => Ok(()),
    }
}

/// The claims of a token, whatever they are.
pub(super) fn claims(token: &str) -> Option<Value> {
    object(token.split('.').nth(1)?).ok()
}

fn object(part: &str) -> Result<Value, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| TokenError::Form)?;
    if value.is_object() { Ok(value) } else { Err(TokenError::Form) }
}

/// Whether the audience is this one and no other: whoever else a token is for could use
/// it as us.
fn is_for(found: &Value, expected: &str) -> Result<(), TokenError> {
    let audiences: Vec<&str> = match found {
        Value::String(one) => vec![one],
        // Whatever is no text in it is somebody else too.
        Value::Array(several) => several.iter().map(|it| it.as_str().unwrap_or("?")).collect(),
        _ => return Err(TokenError::Missing("aud")),
    };
    if audiences == [expected] {
        return Ok(());
    }
    let found: String = audiences.join(", ").chars().take(120).collect();
    let expected = expected.to_owned();
    Err(TokenError::Audience { found: format!("`{}`", found.escape_debug()), expected })
}

impl Coded for TokenError {
    fn code(&self) -> Code {
        Code::OidcToken
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Audience { .. } => "ask the CI for a token with that audience alone",
            Self::Expired(_) => "get a new one; they are valid for minutes",
            Self::Early(_) | Self::Future(_) => "check the clock of this machine",
            _ => "pass the token that the CI's issuer made, as it is",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn encoded(header: &Value, claims: &Value, signature: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    fn parts() -> (Value, Value) {
        let header = json!({ "alg": "RS256", "kid": "1", "typ": "JWT" });
        let claims = json!({
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:acme/weather:ref:refs/tags/v1",
            "aud": "sigstore",
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 300,
        });
        (header, claims)
    }

    fn checked(token: &str) -> Result<(), TokenError> {
        check(token, "sigstore", Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_token_is_looked_at_before_it_is_spent() {
        type Change = fn(&mut Value, &mut Value);
        let at = |second| Timestamp::from_second(second).unwrap();
        let audience = |found: &str| TokenError::Audience {
            found: format!("`{found}`"),
            expected: "sigstore".to_owned(),
        };
        let algorithm = |name: &str| Err(TokenError::Algorithm(name.to_owned()));
        let missing = |name| Err(TokenError::Missing(name));
        let no_time = |name| Err(TokenError::Time(name));
        let rows: [(&str, Change, Result<(), TokenError>); 28] = [
            ("nothing is wrong", |_, _| (), Ok(())),
            ("a list of one", |_, it| it["aud"] = json!(["sigstore"]), Ok(())),
            ("the clock is a little late", |_, it| it["iat"] = json!(NOW + 60), Ok(())),
            ("no algorithm", |it, _| it["alg"] = json!("none"), algorithm("none")),
            ("in other letters", |it, _| it["alg"] = json!("NONE"), algorithm("NONE")),
            ("a shared secret", |it, _| it["alg"] = json!("HS256"), algorithm("HS256")),
            ("a list", |it, _| it["alg"] = json!(["RS256"]), missing("alg")),
            ("no key", |it, _| it["kid"] = Value::Null, missing("kid")),
            ("an empty key", |it, _| it["kid"] = json!(""), missing("kid")),
            ("no issuer", |_, it| it["iss"] = Value::Null, missing("iss")),
            ("no subject", |_, it| it["sub"] = json!(7), missing("sub")),
            ("no audience", |_, it| it["aud"] = Value::Null, missing("aud")),
            ("another's", |_, it| it["aud"] = json!("npm"), Err(audience("npm"))),
            ("nearly ours", |_, it| it["aud"] = json!("sigstore2"), Err(audience("sigstore2"))),
            (
                "also another's",
                |_, it| it["aud"] = json!(["sigstore", "npm"]),
                Err(audience("sigstore, npm")),
            ),
            ("nobody's", |_, it| it["aud"] = json!([]), Err(audience(""))),
            (
                "also a number's",
                |_, it| it["aud"] = json!(["sigstore", 7]),
                Err(audience("sigstore, ?")),
            ),
            (
                "no end",
                |_, it| drop(it.as_object_mut().unwrap().shift_remove("exp")),
                missing("exp"),
            ),
            ("an empty end", |_, it| it["exp"] = Value::Null, no_time("exp")),
            ("an endless end", |_, it| it["exp"] = json!(i64::MAX), no_time("exp")),
            ("a start that is no number", |_, it| it["nbf"] = json!("now"), no_time("nbf")),
            ("a start with a fraction", |_, it| it["nbf"] = json!(4e9 + 0.5), no_time("nbf")),
            ("an endless start", |_, it| it["nbf"] = json!(i64::MAX), no_time("nbf")),
            ("an issue that is no number", |_, it| it["iat"] = json!("SECRET"), no_time("iat")),
            ("over", |_, it| it["exp"] = json!(NOW), Err(TokenError::Expired(at(NOW)))),
            ("not yet", |_, it| it["nbf"] = json!(NOW + 61), Err(TokenError::Early(at(NOW + 61)))),
            (
                "from the future",
                |_, it| it["iat"] = json!(NOW + 61),
                Err(TokenError::Future(at(NOW + 61))),
            ),
            ("no claims", |_, it| *it = json!([1]), Err(TokenError::Form)),
        ];
        for (what, change, expected) in rows {
            let (mut header, mut claims) = parts();
            change(&mut header, &mut claims);
            assert_eq!(checked(&encoded(&header, &claims, "c2ln")), expected, "{what}");
        }
        let (header, claims) = parts();
        let whole = encoded(&header, &claims, "c2ln");
        let unsigned = Err(TokenError::Missing("signature"));
        for (what, token, expected) in [
            ("no signature", encoded(&header, &claims, ""), unsigned.clone()),
            ("no base64", encoded(&header, &claims, "?"), unsigned),
            ("two parts", whole.rsplit_once('.').unwrap().0.to_owned(), Err(TokenError::Form)),
            ("five parts", format!("{whole}.a.b"), Err(TokenError::Form)),
            ("padding", whole.replacen('.', "=.", 1), Err(TokenError::Form)),
            ("nothing", String::new(), Err(TokenError::Form)),
            ("endless", "a".repeat(MAX_BYTES + 1), Err(TokenError::Length)),
        ] {
            assert_eq!(checked(&token), expected, "{what}");
        }
    }

    #[test]
    fn nothing_of_a_token_is_told() {
        let (mut header, mut claims) = parts();
        (header["kid"], claims["sub"]) = (json!("SECRET"), json!("SECRET"));
        claims["aud"] = json!("npm");
        let error = checked(&encoded(&header, &claims, "U0VDUkVU")).unwrap_err();
        let told = format!("{error} {error:?} {:?}", error.hint());
        assert!(!told.contains("SECRET") && !told.contains("U0VDUkVU"), "{told}");
    }
}
