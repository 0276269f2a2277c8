//! `/healthz` and `/readyz`: for what restarts the server, or sends it traffic.

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(alive, ready))]
pub(super) struct Api;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "service",
    params(
    ),
    responses(
        (status = 200, description = "The process answers", content_type = "text/plain; charset=utf-8", body = String),
    ))]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers too. What is not as it should be, and does not keep the server
/// from serving, stands below; it names no file, because anybody may ask.
#[utoipa::path(get, path = "/readyz", tag = "service", responses(
    (status = 200, description = "The database answers too", content_type = "text/plain; charset=utf-8", body = String),
))]
pub(super) async fn ready(State(app): State<App>) -> Result<String, ApiError> {
    app.store.ping().await?;
    let mut lines = vec!["ok".to_owned()];
    if app.engine.refused().is_some() {
        lines.push("policies: the files cannot be used; older ones are in force".to_owned());
    }
    let waiting = app.audit.waiting();
    if waiting > 0 {
        lines.push(format!("audit: {waiting} records wait for a syslog that cannot be reached"));
    }
    Ok(lines.join("\n") + "\n")
}
