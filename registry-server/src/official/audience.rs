//! Who asks, and so which entries there are.
//!
//! One server may have several registries, each at `/registry/{name}/…`, for several
//! audiences. An entry that is not in an audience's registry is not there for it at all:
//! not in lists, not by its name, and the answer is the same as if nobody had it.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use mcpkg_core::namespace::NamePattern;
use serde::Deserialize;

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Action, Resource};
use crate::store::Scope;

/// What a registry is called in an answer that is not there for whoever asks.
const UNKNOWN: &str = "this registry was";

/// A registry for one audience.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedRegistry {
    /// What it is called in addresses: lower-case letters, digits and hyphens.
    pub name: String,
    /// The names that are in it; all of them, if nothing is listed.
    #[serde(default)]
    pub packages: Vec<NamePattern>,
    /// The registries that entries which are not ours may come from, by the address
    /// that they are followed at, or by the name that a mirrored one has here; any of
    /// them, if it is absent.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
    /// Whether it may be read without a token.
    #[serde(default)]
    pub anonymous: bool,
}

/// Who asks: whoever reads the whole registry, or one of the named ones.
#[derive(Clone, Debug)]
pub(crate) struct Audience {
    /// Which entries there are.
    pub(crate) scope: Scope,
    /// Who it is that asks.
    pub(crate) caller: Caller,
}

impl NamedRegistry {
    /// Whether its name is one that stands in an address as it is.
    pub(crate) fn is_addressable(&self) -> bool {
        let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        (1..=64).contains(&self.name.len()) && self.name.bytes().all(is_allowed)
    }

    fn scope(&self) -> Scope {
        Scope { names: self.packages.clone(), sources: self.sources.clone() }
    }
}

impl FromRequestParts<App> for Audience {
    type Rejection = ApiError;

    /// This is the one place that says whether a request may read a registry. Nobody
    /// learns whether one exists that they may not read: it is as if it did not. Where
    /// nobody's token counts, one that cannot be read without is there for nobody.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::request("the address is not UTF-8"))?;
        let Some((_, name)) = params.iter().find(|(key, _)| *key == "registry") else {
            return Ok(Self { scope: Scope::default(), caller });
        };
        app.permit(&caller, Action::Read, &Resource::Place(caller.place.clone()), UNKNOWN)?;
        let is_asked = app.access.is_enforced();
        let mut registries = app.registries.iter();
        let found = registries.find(|it| it.name == name && (it.anonymous || is_asked));
        let found = found.ok_or_else(|| ApiError::NotFound(UNKNOWN.to_owned()))?;
        Ok(Self { scope: found.scope(), caller })
    }
}
