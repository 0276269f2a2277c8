//! Servers that run elsewhere.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Input, NamedInput, ServerJsonError, link};

/// A server that runs elsewhere, reached over HTTP.
///
/// Source: `RemoteTransport` of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// The protocol it speaks.
    #[serde(rename = "type")]
    pub kind: RemoteKind,
    /// Its address: `https`, or `http` on this machine. `{name}` stands for one
    /// of `variables`.
    pub url: String,
    /// The headers to send.
    #[serde(default)]
    pub headers: Vec<NamedInput>,
    /// What stands in braces in `url`.
    #[serde(default)]
    pub variables: BTreeMap<String, Input>,
}

/// The protocol of a [`Remote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteKind {
    /// Streamable HTTP.
    StreamableHttp,
    /// Server-sent events, the older one.
    Sse,
}

impl Remote {
    /// Checks what the shape does not: address, header names, secrets.
    pub(super) fn check(&self, index: usize) -> Result<(), ServerJsonError> {
        let refused = |field: &str, reason| ServerJsonError::Value {
            field: format!("remotes/{index}/{field}"),
            reason,
        };
        link::check_remote(&self.url, |name| self.variables.contains_key(name))
            .map_err(|reason| refused("url", reason))?;
        for (number, NamedInput { name, input }) in self.headers.iter().enumerate() {
            let field = format!("headers/{number}");
            if !is_header_name(name) {
                return Err(refused(&field, "is not the name of an HTTP header"));
            }
            let texts = [&input.value, &input.default];
            if texts.into_iter().flatten().any(|text| text.contains(char::is_control)) {
                return Err(refused(&field, "has a control character in its value"));
            }
            if input.discloses_secret() {
                return Err(refused(&field, "gives the value of a secret to everybody"));
            }
        }
        if self.variables.values().any(Input::discloses_secret) {
            return Err(refused("variables", "gives the value of a secret to everybody"));
        }
        Ok(())
    }
}

/// Source: `token` in RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
