//! `/v0.1/…` and `/v0/…`: the MCP registry's API.
//!
//! | address, below either | methods | |
//! |---|---|---|
//! | `/servers` | GET | [`servers`] |
//! | `/servers/{serverName}/versions` | GET | [`servers`] |
//! | `/servers/{serverName}/versions/{version}` | GET | [`servers`] |
//! | `/x/dev.mcpkg/servers/{serverName}/versions/{version}` | GET | [`evidence`] |
//! | `/ping`, `/health`, `/version` | GET | [`service`] |
//! | `/auth/dns`, `/auth/http`, `/auth/oidc`, `/auth/github-oidc` | POST | [`auth`] |
//! | `/publish`, `/validate` | POST | [`publish`] |
//! | `/servers/{serverName}[/versions/{version}]/status` | PATCH | [`publish`] |
//!
//! What reads is also below `/registry/{registry}`, for one audience each. A name is one
//! segment of an address, its slash encoded.

mod auth;
mod body;
mod cors;
mod evidence;
mod publish;
mod servers;
mod service;

use super::Address;

pub(super) use cors::cors;

/// The operations that read.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(servers::list, servers::versions, servers::show, evidence::show),
    tags((name = "servers", description = "The MCP registry's API"))
)]
pub(super) struct ReadingApi;

/// The others.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    service::ping,
    service::health,
    service::version,
    auth::dns,
    auth::http,
    auth::oidc,
    auth::github_oidc,
    publish::publish,
    publish::check,
    publish::change_one,
    publish::change_all
))]
pub(super) struct OtherApi;

/// What reads, for one audience.
pub(super) fn reading() -> Vec<Address> {
    servers::routes().into_iter().chain(evidence::routes()).collect()
}

/// What there is for everybody alone.
pub(super) fn others() -> Vec<Address> {
    service::routes().into_iter().chain(auth::routes()).chain(publish::routes()).collect()
}
