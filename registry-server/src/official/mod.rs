//! The MCP registry's API over our data: what to list, for whom, and how it is written.
//!
//! | module | |
//! |---|---|
//! | [`audience`] | who asks, and so which entries there are |
//! | [`shelves`] | one list of what is published here and what each source has |
//! | [`visible`] | which of them may be shown |
//! | [`query`], [`cursor`] | which of them are asked for, and where a page goes on |
//! | [`render`] | rows as the API writes them |
//! | [`publish`] | what is published without a signature |
//! | [`proof`], [`oidc`], [`replay`], [`token`] | who may do that |
//! | [`import`] | following another registry of this API |
//! | [`late`] | rows for releases that were published before there were any |
//!
//! A row of a release repeats what a log says, ours or a source's. An entry that is not ours is served byte for
//! byte as it came, oddities and all, but for one that would cost its readers the page:
//! that one is at its own address, with what is off about it
//! ([`App::evidence_of`]), and not in lists.

mod audience;
mod cursor;
mod error;
mod import;
mod late;
mod oidc;
mod proof;
mod publish;
mod query;
mod render;
mod replay;
mod shelves;
mod token;
mod visible;

use mcpkg_core::{PackageName, Version};
use serde_json::value::RawValue;

use crate::access::AccessError;
use crate::app::App;
use crate::cache::Document;
use crate::error::ApiError;
use crate::store::{Deleted, ServerFilter, ServerOddities, VersionFilter};

pub(crate) use audience::Audience;
pub use audience::NamedRegistry;
pub(crate) use error::OfficialError;
pub(crate) use import::follow;
pub use import::{FollowError, FollowReport, RefusedEntry, StorageFailure};
pub(crate) use late::list_unlisted;
pub(crate) use oidc::TokenBody;
pub(crate) use proof::DomainProofBody;
pub(crate) use publish::{MAX_BODY_LEN, Official, StatusBody, TokenAnswer, Validation, validate};
pub(crate) use query::{Params, ServerQuery, deleted};
pub(crate) use render::row as render_row;
use shelves::{Bookmark, Page, Part};

/// The version that stands for the newest, in an address and in a query.
pub(crate) const LATEST: &str = "latest";

/// What is known of an entry that is not ours, and off about it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedEntry {
    /// Always false: nobody that we know has signed it.
    signed: bool,
    /// The registry that lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Or who published it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_by: Option<String>,
    /// Whether lists show it.
    listed: bool,
    /// What is off with it, in sentences.
    oddities: Vec<String>,
    /// The original, byte for byte.
    #[schema(value_type = Object)]
    server: Box<RawValue>,
}

impl App {
    /// A page of servers.
    pub(crate) async fn server_page(
        &self,
        audience: &Audience,
        query: ServerQuery,
    ) -> Result<Document, ApiError> {
        let ServerQuery { filter, after, limit } = query;
        let filter = ServerFilter { scope: audience.scope.clone(), ..filter };
        let Page { rows, last } = self.visible_page(audience, &filter, after, limit).await?;
        // Somebody who is shown nothing is told that this may be for want of a token.
        if rows.is_empty() && self.access.wants_token(&audience.caller) {
            return Err(AccessError::Missing.into());
        }
        // After the last that is shown: a cursor can be read by whoever gets it.
        let shown = rows.last().filter(|_| last.is_some());
        let next = shown.map(|found| cursor::encode(&filter, &Bookmark::after(found, &filter)));
        render::page(&rows, &self.own_address, next.as_deref())
    }

    /// Every version of a server, the newest first.
    pub(crate) async fn server_versions(
        &self,
        audience: &Audience,
        name: &PackageName,
        deleted: Deleted,
    ) -> Result<Document, ApiError> {
        let missing = format!("the server `{name}` was");
        let all = VersionFilter::All;
        let rows = self.visible_versions(audience, name, &all, deleted, &missing).await?;
        if rows.is_empty() {
            return Err(ApiError::NotFound(missing));
        }
        render::page(&rows, &self.own_address, None)
    }

    /// One version of a server, or its newest.
    pub(crate) async fn server(
        &self,
        audience: &Audience,
        name: &PackageName,
        version: &str,
        deleted: Deleted,
    ) -> Result<Document, ApiError> {
        let wanted = match version {
            LATEST => VersionFilter::Latest,
            version => VersionFilter::Exactly(version.to_owned()),
        };
        let missing = missing(name, version);
        let rows = self.visible_versions(audience, name, &wanted, deleted, &missing).await?;
        let found = rows.first().ok_or(ApiError::NotFound(missing))?;
        render::one(found, &self.own_address)
    }

    /// The evidence of a release, or what there is instead.
    pub(crate) async fn evidence_of(
        &self,
        audience: &Audience,
        name: PackageName,
        version: &str,
    ) -> Result<Document, ApiError> {
        let missing = missing(&name, version);
        audience.permit(self, &name, &missing)?;
        if let Ok(strict) = version.parse::<Version>() {
            for Part { shelf, .. } in self.parts_of(audience, &name) {
                if shelf.store.find_release(&name, &strict).await?.is_some() {
                    self.permit_there(&audience.caller, shelf, &name, &missing)?;
                    return shelf.release(name, strict, None).await;
                }
            }
        }
        let entry = self.listed_entry(audience, &name, version).await?;
        let text = serde_json::to_string(&entry).map_err(|_| ApiError::Panic)?;
        Ok(render::document(text))
    }

    /// What is known of an entry that is not ours.
    async fn listed_entry(
        &self,
        audience: &Audience,
        name: &PackageName,
        version: &str,
    ) -> Result<ListedEntry, ApiError> {
        let found = self.store.server_oddities(name, version).await?;
        let found = found.filter(|found| audience.scope.has(name, found.source.as_deref()));
        let ServerOddities { document, oddities, source, published_by, is_shown } =
            found.ok_or_else(|| ApiError::NotFound(missing(name, version)))?;
        Ok(ListedEntry {
            signed: false,
            source,
            published_by,
            listed: is_shown,
            oddities: serde_json::from_str(&oddities).map_err(|_| ApiError::Panic)?,
            server: RawValue::from_string(document).map_err(|_| ApiError::Panic)?,
        })
    }
}

/// What a version is called that is not there.
fn missing(name: &PackageName, version: &str) -> String {
    format!("`{name}` in the version `{}` was", version.escape_debug())
}
