//! Who logged in, as the issuer calls them: for people to read, and decides nothing.
//!
//! The token comes from the issuer itself over TLS, so its signature need not be looked
//! at (OpenID Connect Core 1.0, section 3.1.3.7, 6.); that it is for this program, and
//! for this log-in, has to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LoginError;
use crate::secrets::Secret;

/// The longest name that is kept, in bytes.
const MAX_LEN: usize = 512;

/// Somebody, as an issuer calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// May change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name.as_ref().or(self.subject.as_ref());
        f.write_str(name.map_or("somebody whom the issuer does not name", String::as_str))
    }
}

impl Identity {
    /// Reads the ID token that came with the others.
    pub(super) fn read(
        token: &Secret,
        issuer: &str,
        client_id: &str,
        nonce: Option<&str>,
    ) -> Result<Self, LoginError> {
        let wrong = LoginError::Token;
        let claims =
            token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Option<Value> = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let claims = claims.ok_or(wrong("the ID token is no token"))?;
        if claims["iss"] != issuer {
            return Err(wrong("the ID token is from another issuer"));
        }
        let is_ours = match &claims["aud"] {
            Value::String(one) => one == client_id,
            Value::Array(several) => several.iter().any(|one| one == client_id),
            _ => false,
        };
        if !is_ours {
            return Err(wrong("the ID token is for another program"));
        }
        if nonce.is_some_and(|nonce| claims["nonce"] != nonce) {
            return Err(wrong("the ID token is from another log-in"));
        }
        let text =
            |name: &str| claims[name].as_str().filter(|text| is_short(text)).map(str::to_owned);
        let name = ["email", "preferred_username", "name"].into_iter().find_map(text);
        Ok(Self { subject: text("sub"), name })
    }
}

/// Whether a text of an issuer's is one that could be kept and shown.
pub(super) fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_LEN && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Result<Identity, String> {
        let mut claims = json!({
            "iss": "https://sso.example", "aud": "mcpkg", "sub": "7", "nonce": "n",
            "email": "ada@acme.example",
        });
        change(&mut claims);
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let token = Secret::read(token.as_bytes()).unwrap();
        Identity::read(&token, "https://sso.example", "mcpkg", Some("n"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_id_token_is_for_this_program_and_this_log_in() {
        type Change = fn(&mut Value);
        let ada = read(|_| ()).unwrap();
        assert_eq!(ada.to_string(), "ada@acme.example");
        assert_eq!(read(|it| it["aud"] = json!(["x", "mcpkg"])), Ok(ada));
        let unnamed = read(|it| it["email"] = json!("a\u{1b}[2K")).unwrap();
        assert_eq!(unnamed.to_string(), "7");
        let rows: [(Change, &str); 4] = [
            (|it| it["iss"] = json!("https://sso.example/"), "another issuer"),
            (|it| it["aud"] = json!("other"), "another program"),
            (|it| it["nonce"] = json!("m"), "another log-in"),
            (|it| *it = json!(7), "another issuer"),
        ];
        for (change, reason) in rows {
            assert!(read(change).unwrap_err().contains(reason));
        }
    }
}
