//! Becoming known to an issuer that has never heard of this program (RFC 7591).
//!
//! Servers of the world have issuers that nobody here has an account to make a client at.
//! What is registered is a public client of one log-in: its id is no secret, and where a
//! browser comes back to is what is registered, to the port. So it is done anew each time,
//! and what there was is worth as much as before, which is nothing without a person.

use serde::{Deserialize, Serialize};
use url::Url;

use super::LoginError;
use super::grant::refusal;
use super::http::Client;
use super::identity::is_short;

#[derive(Serialize)]
struct Wanted<'a> {
    client_name: &'static str,
    redirect_uris: &'a [&'a str],
    grant_types: &'a [&'static str],
    response_types: &'a [&'static str],
    token_endpoint_auth_method: &'static str,
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
}

/// The id that the issuer knows this program by, for a browser that comes back to
/// `redirect`, or for a code to type.
pub(super) async fn client_id(
    client: &Client,
    url: &Url,
    redirect: Option<&str>,
) -> Result<String, LoginError> {
    let wanted = match &redirect {
        Some(redirect) => Wanted {
            client_name: "mcpkg",
            redirect_uris: std::slice::from_ref(redirect),
            grant_types: &["authorization_code", "refresh_token"],
            response_types: &["code"],
            token_endpoint_auth_method: "none",
        },
        None => Wanted {
            client_name: "mcpkg",
            redirect_uris: &[],
            grant_types: &["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            response_types: &[],
            token_endpoint_auth_method: "none",
        },
    };
    let answer = client.post_json(url, &wanted).await?;
    if answer.status != 201 {
        return Err(LoginError::Refused(refusal(&answer)));
    }
    let wrong = |reason| LoginError::metadata(url.as_str(), "a client", reason);
    let registered: Registered =
        serde_json::from_slice(&answer.body).map_err(|_| wrong("it names none"))?;
    if registered.client_secret.is_some() {
        return Err(wrong("it has a secret, which every copy of this program would have"));
    }
    if !is_short(&registered.client_id) {
        return Err(wrong("its id is too long, or no text"));
    }
    Ok(registered.client_id)
}
