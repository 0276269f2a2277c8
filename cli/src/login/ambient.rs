//! The token that a CI has for each of its jobs.
//!
//! It is asked for with this one registry as its audience, so nobody else can use it, and
//! it is looked at before it is sent.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::http::Client;
use super::{Kind, LoginError, discover};
use crate::config::RegistryConfig;
use crate::ops::sign::check_token;
use crate::places::Places;
use crate::registry::connection;
use crate::secrets::Secret;

/// A token for this registry, if a CI is around us that makes some.
pub(super) async fn token(
    source: &RegistryConfig,
    places: &Places,
) -> Result<Option<Secret>, LoginError> {
    if !places.is_ci {
        return Ok(None);
    }
    let client = connection::to_registry(source, places)
        .map_err(|error| LoginError::Client(Box::new(error)))
        .and_then(Client::new)?;
    let resource = match discover::resource(&client, Kind::Registry, &source.url).await {
        // It wants to know nobody; or it is away, which its own answer will say better.
        Err(LoginError::NoIssuer | LoginError::Unreachable { .. }) => return Ok(None),
        other => other?,
    };
    let found = ambient_id::Detector::new().detect(&resource.resource).await;
    let Some(found) = found.map_err(|error| LoginError::Ambient(error.into()))? else {
        return Ok(None);
    };
    check_token(found.reveal(), &resource.resource, Timestamp::now())
        .map_err(|error| LoginError::Ambient(Box::new(error)))?;
    let token = Secret::of(Zeroizing::new(found.reveal().to_owned()));
    token.map(Some).map_err(|_| LoginError::Token("the CI's token is empty or too long"))
}
