//! Whom a token is about that was verified elsewhere.
//!
//! Publishing through the MCP registry's API exchanges a token for one of ours. Where its
//! issuer is one whose people have roles here, they have them there too: an operator must
//! not be able to publish by another door.

use serde_json::{Map, Value};

use super::Access;
use super::error::AccessError;
use super::token::{Token, TokenError, groups, is_name};
use crate::policy::User;

impl Access {
    /// Whom `claims` of the issuer that calls itself `iss` are about, if that is one whose
    /// tokens count here. Whoever asks has verified them.
    ///
    /// # Errors
    ///
    /// They do not say whom, or not in the way that the configuration says.
    pub(crate) fn user_of(
        &self,
        iss: &str,
        claims: &Map<String, Value>,
    ) -> Result<Option<User>, AccessError> {
        let Some(issuer) = self.issuers.find(iss) else { return Ok(None) };
        let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| is_name(subject));
        let token = Token {
            groups: groups(issuer, claims)?,
            subject: subject.ok_or(TokenError::Claim("sub"))?.to_owned(),
            bound_to: None,
            claims: claims.clone(),
            issuer,
        };
        Ok(Some(self.user(&token)))
    }
}
