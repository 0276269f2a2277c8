//! `/ping`, `/health` and `/version`: as the MCP registry has them.

use axum::Json;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Need;
use crate::routes::Address;

/// The answer to a ping.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pong {
    /// Always true.
    pong: bool,
}

/// How the registry is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: whoever is not well does not answer.
    status: &'static str,
}

/// Which program this is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgramVersion {
    /// Its version.
    version: &'static str,
    /// Not told: the version says it.
    git_commit: &'static str,
    /// Not told either: a build is the same whenever it is made.
    build_time: &'static str,
}

pub(super) fn routes() -> [Address; 3] {
    [
        ("/ping", Need::Nothing, get(ping)),
        ("/health", Need::Nothing, get(health)),
        ("/version", Need::Nothing, get(version)),
    ]
}

/// Answers.
#[utoipa::path(get, path = "/ping", tag = "service", responses(
    (status = 200, description = "The registry answers", body = Pong),
))]
pub(super) async fn ping() -> Json<Pong> {
    Json(Pong { pong: true })
}

/// Says that the registry is well.
#[utoipa::path(get, path = "/health", tag = "service", responses(
    (status = 200, description = "It is well", body = Health),
))]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Says which program this is.
#[utoipa::path(get, path = "/version", tag = "service", responses(
    (status = 200, description = "The program", body = ProgramVersion),
))]
pub(super) async fn version() -> Json<ProgramVersion> {
    let version = env!("CARGO_PKG_VERSION");
    Json(ProgramVersion { version, git_commit: "", build_time: "" })
}
