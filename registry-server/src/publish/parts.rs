//! The parts of a publish request, in the order they have to come in.

use axum::extract::Request;
use axum::http::header;
use bytes::Bytes;
use mcpkg_core::api::part;
use mcpkg_core::server_json;
use multer::{Field, Multipart};

use super::PublishError;
use super::body::{HeadBudget, MeasuredBody};
use crate::blobs::{Blobs, Staged, blocking};
use crate::limits::Limits;

/// The most bundles that a release may have: one for each platform's job, twice.
const MAX_BUNDLES: usize = 16;

/// The most artifacts that a release may have: more than there are platforms.
const MAX_ARTIFACTS: usize = 16;

/// The longest bundle, in bytes.
const MAX_BUNDLE_BYTES: usize = mcpkg_verify::bundle::MAX_BYTES;

/// Reads the parts of one request.
pub(super) struct Parts {
    body: Multipart<'static>,
    head: HeadBudget,
    /// A part whose head was read and whose content was not.
    next: Option<Field<'static>>,
    bundles: usize,
    artifacts: usize,
    max_artifact_bytes: u64,
}

impl Parts {
    /// The parts of `request`, which has to be `multipart/form-data`.
    pub(super) fn of(request: Request, limits: &Limits) -> Result<Self, PublishError> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let boundary = content_type
            .and_then(|value| value.to_str().ok())
            .and_then(|value| multer::parse_boundary(value).ok())
            .ok_or(PublishError::MediaType)?;
        let (body, head) = MeasuredBody::new(request.into_body(), limits);
        Ok(Self {
            body: Multipart::new(body, boundary),
            head,
            next: None,
            bundles: 0,
            artifacts: 0,
            max_artifact_bytes: limits.artifact_bytes,
        })
    }

    /// The first part: all of the `server.json`.
    pub(super) async fn server_json(&mut self) -> Result<Vec<u8>, PublishError> {
        match self.take(part::SERVER_JSON).await? {
            Some(field) => collect(field, "the server.json", server_json::MAX_LEN).await,
            None => Err(unexpected(self.next.as_ref(), "`server.json` first")),
        }
    }

    /// The next bundle, or `None` after the last.
    pub(super) async fn bundle(&mut self) -> Result<Option<Vec<u8>>, PublishError> {
        let Some(field) = self.take(part::BUNDLE).await? else { return Ok(None) };
        self.bundles += 1;
        if self.bundles > MAX_BUNDLES {
            return Err(PublishError::TooMany { what: "bundles", limit: MAX_BUNDLES });
        }
        collect(field, "a bundle", MAX_BUNDLE_BYTES).await.map(Some)
    }

    /// The next artifact, staged as it arrives, or `None` after the last.
    pub(super) async fn artifact(&mut self, blobs: &Blobs) -> Result<Option<Staged>, PublishError> {
        let Some(mut field) = self.take(part::ARTIFACT).await? else {
            return match &self.next {
                None => Ok(None),
                other => Err(unexpected(other.as_ref(), "bundles, then artifacts")),
            };
        };
        self.artifacts += 1;
        if self.artifacts > MAX_ARTIFACTS {
            return Err(PublishError::TooMany { what: "artifacts", limit: MAX_ARTIFACTS });
        }
        let blobs = blobs.clone();
        let mut staging = blocking(move || blobs.stage()).await?;
        while let Some(bytes) = chunk(&mut field).await? {
            if staging.len() + bytes.len() as u64 > self.max_artifact_bytes {
                let limit = self.max_artifact_bytes;
                return Err(PublishError::TooLarge { what: "an artifact", limit });
            }
            staging = staging.push(&bytes).await?;
        }
        if staging.len() == 0 {
            return Err(PublishError::Parts("an artifact is empty".to_owned()));
        }
        Ok(Some(staging.finish().await?))
    }

    /// The next part, if it has this name.
    async fn take(&mut self, name: &str) -> Result<Option<Field<'static>>, PublishError> {
        if self.next.is_none() {
            self.head.impose();
            self.next = self.body.next_field().await.map_err(broken)?;
            self.head.lift();
        }
        Ok(self.next.take_if(|field| field.name() == Some(name)))
    }
}

/// All of a part that is known to be short.
async fn collect(
    mut field: Field<'static>,
    what: &'static str,
    max_len: usize,
) -> Result<Vec<u8>, PublishError> {
    let mut content = Vec::new();
    while let Some(bytes) = chunk(&mut field).await? {
        if content.len() + bytes.len() > max_len {
            return Err(PublishError::TooLarge { what, limit: max_len as u64 });
        }
        content.extend_from_slice(&bytes);
    }
    Ok(content)
}

async fn chunk(field: &mut Field<'static>) -> Result<Option<Bytes>, PublishError> {
    field.chunk().await.map_err(broken)
}

fn unexpected(found: Option<&Field<'static>>, expected: &str) -> PublishError {
    let found = match found.map(Field::name) {
        Some(Some(name)) => format!("a part `{}`", name.escape_debug()),
        Some(None) => "a part without a name".to_owned(),
        None => "the end".to_owned(),
    };
    PublishError::Parts(format!("found {found}, expected {expected}"))
}

/// What went wrong with the body underneath, or with its form.
fn broken(error: multer::Error) -> PublishError {
    use multer::Error;
    match error {
        Error::StreamReadFailed(source) => match source.downcast::<PublishError>() {
            Ok(error) => *error,
            Err(source) => PublishError::Cut(source),
        },
        Error::IncompleteStream | Error::IncompleteFieldData { .. } | Error::IncompleteHeaders => {
            PublishError::Cut(Box::new(error))
        }
        other => PublishError::Parts(other.to_string()),
    }
}
