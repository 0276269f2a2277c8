//! `/healthz` and `/readyz`: for what restarts the server, or sends it traffic.

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers too.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.store.ping().await?;
    Ok("ok\n")
}
