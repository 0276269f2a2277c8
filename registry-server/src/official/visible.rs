//! Which rows may be shown to whoever asks.
//!
//! Two things leave a row out: that the caller may not read its name, and that it is a
//! release which is not given out, be it taken down or not admitted. Either way it is as
//! if there were none, for a client of this API would try to install what is listed.

use mcpkg_core::{PackageName, Version};

use super::Audience;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Action, Resource};
use crate::store::{Position, ServerFilter, ServerRow};

/// How many pages in a row are looked through for something that the caller may see.
const MOST_PAGES: usize = 20;

/// A page as somebody may see it.
#[derive(Debug)]
pub(super) struct Visible {
    /// What is shown.
    pub(super) shown: Vec<ServerRow>,
    /// Whether there are more rows, shown or not.
    pub(super) is_more: bool,
}

impl Audience {
    /// Lets whoever asks read `name`, or says that what they ask for, which is called
    /// `missing`, does not exist.
    pub(super) fn permit(
        &self,
        app: &App,
        name: &PackageName,
        missing: &str,
    ) -> Result<(), ApiError> {
        let place = self.caller.place.clone();
        let resource = Resource::Package { place, name: name.clone() };
        app.permit(&self.caller, Action::Read, &resource, missing)
    }
}

impl App {
    /// A page, and whether it is the last. It may be shorter than asked for; one with
    /// nothing in it is the last, or it would tell that there is something.
    pub(super) async fn visible_page(
        &self,
        audience: &Audience,
        filter: &ServerFilter,
        mut after: Option<Position>,
        limit: u32,
    ) -> Result<Visible, ApiError> {
        for _ in 0..MOST_PAGES {
            let slice = self.store.servers(filter, after.as_ref(), limit).await?;
            after = slice.rows.last().map(|row| filter.position(row));
            let shown = self.given_out(audience, slice.rows).await?;
            if !slice.is_more || !shown.is_empty() {
                return Ok(Visible { shown, is_more: slice.is_more });
            }
        }
        Ok(Visible { shown: Vec::new(), is_more: false })
    }

    /// Those of `rows` that are for whoever asks.
    pub(super) async fn given_out(
        &self,
        audience: &Audience,
        rows: Vec<ServerRow>,
    ) -> Result<Vec<ServerRow>, ApiError> {
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            // Rows are written with a name, and releases with a version of ours.
            let name: PackageName = row.name.parse().map_err(|_| ApiError::Panic)?;
            if self.may_read(&audience.caller, &name) && self.is_given_out(&name, &row).await? {
                shown.push(row);
            }
        }
        Ok(shown)
    }

    async fn is_given_out(&self, name: &PackageName, row: &ServerRow) -> Result<bool, ApiError> {
        if !row.is_release {
            return Ok(true);
        }
        let version: Version = row.version.parse().map_err(|_| ApiError::Panic)?;
        self.own.gives_out(name, &version).await
    }
}
