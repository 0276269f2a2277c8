//! Signing on at a registry, or at a remote server, that does not let everybody in.
//!
//! A registry has no accounts. It takes tokens of its company's own identity provider,
//! the *issuer*, and says which that is (RFC 9728). The issuer lets a person in, by the
//! browser here or elsewhere, and gives this program two tokens: one to show to the
//! registry, for minutes, and one to get the next of those with.
//!
//! A remote server is logged in at in the same way, and what is said of a registry here
//! holds for it, but that a CI's own token is never shown to one.
//!
//! What goes wrong if nobody looks, and what is done about it:
//!
//! | what could happen | what is done |
//! |---|---|
//! | a registry sends its users to a page that looks like their own sign-on | the issuer is shown once, and pinned; another one is `E_ISSUER` |
//! | a token goes to another registry, or another origin | it is asked for with this one as its audience (RFC 8707), and one client has one base |
//! | a token is taken from a log or off the wire | it is tied to a key of this machine where the issuer can (RFC 9449) |
//! | a code is taken on the way back from the browser | PKCE, a state, and the issuer's name (RFC 7636, RFC 9207) |
//! | two processes renew at once, and the loser's log-in ends | one at a time, which keeps the new token before it uses it |
//! | a token is in a file, an argument, an error | kept in the key store alone; no type here shows one |
//!
//! | module | does |
//! |---|---|
//! | `challenge`, `metadata` | read what servers say; pure |
//! | `door` | is what somebody logs in at |
//! | `discover` | asks for those documents |
//! | `desk` | does the steps of a log-in in their order |
//! | `browser`, `device` | let a person in |
//! | `register` | makes this program known to an issuer |
//! | `grant` | gets tokens |
//! | `dpop` | ties them to a key |
//! | `kept` | is what the key store holds |
//! | `ambient` | asks a CI instead |
//! | `open` | opens a browser |
//! | `session` | puts a token on each request |

mod ambient;
mod browser;
mod challenge;
mod desk;
mod device;
mod discover;
mod door;
mod dpop;
mod error;
mod grant;
mod http;
mod identity;
mod kept;
pub mod metadata;
mod open;
mod register;
mod session;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

pub use self::challenge::Challenge;
pub use self::desk::{Desk, Started, Way};
pub use self::door::{Door, Kind};
pub use self::error::LoginError;
pub use self::identity::Identity;
pub use self::open::open;
pub(crate) use self::session::{Session, Tried};

use self::desk::Request;
use self::grant::refusal;
use self::http::Client;
use self::kept::Kept;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::connection;
use crate::secrets::Stores;

/// Somebody who is logged in, as it can be shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The name of the registry, or of the server.
    pub registry: String,
    /// Who says who it is.
    pub issuer: String,
    /// Who it is.
    pub identity: Identity,
    /// What it may do there, in the issuer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the access token is over.
    pub expires_at: Timestamp,
    /// Whether another one can be had without the person.
    pub renews: bool,
    /// Whether the tokens are tied to a key of this machine.
    pub is_bound: bool,
}

impl Kept {
    fn shown(&self, registry: &str) -> LoggedIn {
        LoggedIn {
            registry: registry.to_owned(),
            issuer: self.issuer.clone(),
            identity: self.identity.clone(),
            scope: self.scope.clone(),
            expires_at: self.expires_at,
            renews: self.refresh.is_some(),
            is_bound: self.key.is_some(),
        }
    }
}

/// Who is logged in somewhere. Nobody is asked.
pub fn who(door: &Door, config: &Config, places: &Places) -> Result<Option<LoggedIn>> {
    let source = &door.source;
    let Some(login) = &source.login else { return Ok(None) };
    let stores = Stores::of_logins(Cow::Borrowed(places), &config.secrets);
    let kept = Kept::read(&source.name, &source.url, &stores)?;
    Ok(kept.filter(|kept| kept.issuer == login.issuer).map(|kept| kept.shown(&source.name)))
}

/// What a log-out came to.
pub struct LoggedOut {
    /// Whether somebody was logged in.
    pub was_there: bool,
    /// Why the issuer could not be told, if it could not.
    pub untold: Option<LoginError>,
}

/// Forgets a log-in, and tells its issuer that the refresh token is not wanted any more
/// (RFC 7009). It is forgotten whatever the issuer says.
pub fn log_out(door: &Door, config: &Config, places: &Places) -> Result<LoggedOut> {
    let source = &door.source;
    let stores = Stores::of_logins(Cow::Borrowed(places), &config.secrets);
    let _turn = kept::turn(&source.name, places)?;
    let kept = Kept::read(&source.name, &source.url, &stores);
    let was_there = Kept::forget(&source.name, &stores)?;
    let untold = match kept {
        Ok(Some(kept)) => {
            let builder = connection::to_issuer(source, places)?;
            runtime()?.block_on(revoke(&kept, builder)).err()
        }
        // What is damaged cannot be shown to anybody.
        Ok(None) | Err(_) => None,
    };
    Ok(LoggedOut { was_there, untold })
}

async fn revoke(kept: &Kept, builder: reqwest::ClientBuilder) -> Result<(), LoginError> {
    let (Some(url), Some(refresh)) = (&kept.revocation_endpoint, &kept.refresh) else {
        return Ok(());
    };
    let form = [
        ("token", refresh.0.expose()),
        ("token_type_hint", "refresh_token"),
        ("client_id", &kept.client_id),
    ];
    let answer = Client::new(builder)?.post(url, &form, None).await?;
    if answer.status == 200 { Ok(()) } else { Err(LoginError::Refused(refusal(&answer))) }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::wrap("could not log in")(LoginError::Listen(error)))
}
