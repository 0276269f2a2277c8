//! Bodies of this API: small, and soon there.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::ApiError;
use crate::official::{MAX_BODY_LEN, OfficialError};

/// A body, whole.
#[derive(Debug)]
pub(super) struct WholeBody(pub(super) Bytes);

/// A body that is JSON of this type, whatever type it says that it is.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl FromRequest<App> for WholeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let body = Limited::new(request.into_body(), MAX_BODY_LEN);
        let arrived = tokio::time::timeout(app.limits.idle(), body.collect()).await;
        let slow = |_| OfficialError::Cut;
        let bytes = arrived.map_err(slow)?.map_err(|error| {
            if error.is::<LengthLimitError>() {
                OfficialError::TooLong(MAX_BODY_LEN)
            } else {
                OfficialError::Cut
            }
        })?;
        Ok(Self(bytes.to_bytes()))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let WholeBody(bytes) = WholeBody::from_request(request, app).await?;
        let body = serde_json::from_slice(&bytes).map_err(OfficialError::Body)?;
        Ok(Self(body))
    }
}
