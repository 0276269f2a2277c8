//! One door for every address.
//!
//! What an address needs stands in the table of routes, beside its handler, and is
//! asked for before that is called. An address that is not in the table needs what the
//! whole registry needs, so one that is forgotten is closed.
//!
//! Whoever may not know what there is must not learn it from how they are refused:
//! without a token everything is 401, whether it exists or not; with one that does not
//! suffice, it is 404, in the words that are used for what does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use mcpkg_core::PackageName;

use super::caller::Known;
use super::challenge::tell;
use super::error::AccessError;
use super::{Caller, Peer, secure};
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Action, Circumstances, Place, Principal, Resource};

/// What an address needs of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it tells nothing of what there is.
    Nothing,
    /// To read the whole registry, its log included.
    Everything,
    /// To read the package that the address names.
    Package,
    /// What the handler finds out: it shows no more than the caller may read, or
    /// what decides is a signature in the body.
    Handler,
    /// What the handler finds out by a proof of its own. A token that is shown there is
    /// none of an issuer's, and is not looked at here.
    Proof,
}

/// What every address needs, by its pattern.
pub(crate) type Needs = HashMap<String, Need>;

/// Asks who sends a request, and whether they may, before anything else is done.
pub(crate) async fn guard(
    State((app, needs)): State<(App, Arc<Needs>)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    let origin = app.access.origin(peer, &parts.headers);
    let place = place(&mut parts).await;
    let outcome = admit(&app, &needs, &mut parts, origin, &place).await;
    let mut response = match outcome {
        Ok(Known { caller, nonce }) => {
            parts.extensions.insert(caller);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            tell(nonce, response.headers_mut());
            response
        }
        Err(error) => error.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<AccessError>() {
        app.access.challenge(&error, &place, response.headers_mut());
    }
    secure(origin, &mut response);
    response
}

/// Who asks, if they may.
async fn admit(
    app: &App,
    needs: &Needs,
    parts: &mut Parts,
    origin: super::Origin,
    place: &Place,
) -> Result<Known, ApiError> {
    let matched = parts.extensions.get::<MatchedPath>();
    let need = matched.map(|path| needs.get(path.as_str()).copied().unwrap_or(Need::Everything));
    if !app.access.is_enforced() || need == Some(Need::Proof) {
        let circumstances = Circumstances { address: origin.address, ..Circumstances::default() };
        let principal = Principal::nobody();
        return Ok(Caller { principal, circumstances, place: place.clone() }.into());
    }
    let known = app.access.caller(parts, origin, place.clone()).await?;
    let caller = &known.caller;
    // A page of somebody else's asks whether it may ask; that needs no token.
    if parts.method == Method::OPTIONS {
        return Ok(known);
    }
    match need {
        // What matches nothing is nowhere, for everybody.
        None | Some(Need::Nothing | Need::Handler | Need::Proof) => (),
        Some(Need::Everything) => {
            let resource = Resource::Place(place.clone());
            app.permit(caller, Action::Read, &resource, "this address was")?;
        }
        Some(Need::Package) => {
            // A name that is none is told so by the handler, to everybody.
            if let Some(name) = package(parts).await {
                let missing = name.to_string();
                let resource = Resource::Package { place: place.clone(), name };
                app.permit(caller, Action::Read, &resource, &missing)?;
            }
        }
    }
    Ok(known)
}

async fn params(parts: &mut Parts) -> Option<RawPathParams> {
    RawPathParams::from_request_parts(parts, &()).await.ok()
}

/// Where a request is served from, as its address says.
async fn place(parts: &mut Parts) -> Place {
    let Some(params) = params(parts).await else { return Place::own() };
    for (name, value) in &params {
        match name {
            "registry" => return Place::Registry(value.to_owned()),
            "source" => return Place::Source(value.to_owned()),
            _ => (),
        }
    }
    Place::own()
}

/// The package that an address names.
async fn package(parts: &mut Parts) -> Option<PackageName> {
    let params = params(parts).await?;
    let of = |wanted: &str| {
        params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    };
    format!("{}/{}", of("namespace")?, of("name")?).parse().ok()
}
