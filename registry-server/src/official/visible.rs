//! Which rows may be shown to whoever asks.
//!
//! Releases that are not given out, be they taken down or not admitted, are in no list of
//! what there is (`store/listed/shown.rs`): it is as if there were none, for a client of this
//! API would try to install what is listed. Lists that have deletions have those that were
//! listed before, as such and without their documents. What is left to do here is to see that
//! what was decided is good now, and to leave out what the caller may not read.

use std::collections::BTreeSet;
use std::error::Error;

use mcpkg_core::PackageName;

use super::Audience;
use super::shelves::{Bookmark, Found, Page, Part, merged};
use crate::admission::AdmissionError;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Action, Resource};
use crate::store::{Deleted, ServerFilter, VersionFilter};

/// How many pages in a row are looked through for something that the caller may see.
const MOST_PAGES: usize = 20;

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
    /// A page. It may be shorter than asked for; one with nothing in it is the last, or it
    /// would tell that there is something.
    pub(super) async fn visible_page(
        &self,
        audience: &Audience,
        filter: &ServerFilter,
        mut after: Option<Bookmark>,
        limit: u32,
    ) -> Result<Page<'_>, ApiError> {
        let parts = self.parts(audience).await;
        if let Err(error) = self.own.settle_some().await {
            left_out(&error, "what is new");
        }
        for _ in 0..MOST_PAGES {
            let mut page = self.settled_page(&parts, filter, after.as_ref(), limit).await?;
            self.leave_out(audience, &mut page.rows)?;
            if page.last.is_none() || !page.rows.is_empty() {
                return Ok(page);
            }
            after = page.last;
        }
        Ok(Page::default())
    }

    /// A page of which every decision is good now. To decide may take rows away and bring
    /// others, of which it has to be decided then. What cannot be decided is left out: it
    /// must not cost its readers the page.
    async fn settled_page<'a>(
        &self,
        parts: &[Part<'a>],
        filter: &ServerFilter,
        after: Option<&Bookmark>,
        limit: u32,
    ) -> Result<Page<'a>, ApiError> {
        let mut unsettled = Vec::new();
        for Part { shelf, .. } in parts {
            if !shelf.is_settled().await? {
                unsettled.push(*shelf);
            }
        }
        if unsettled.is_empty() {
            return Ok(merged(parts, filter, after, limit).await?);
        }
        let is_unsettled =
            |found: &Found<'_>| unsettled.iter().any(|shelf| std::ptr::eq(*shelf, found.shelf));
        let key = |found: &Found<'_>| (found.source().cloned(), found.row.name_key.clone());
        let (mut tried, mut settled) = (BTreeSet::new(), BTreeSet::new());
        // If all of them bring others, nearly nothing is given out any more.
        for _ in 0..MOST_PAGES {
            let page = merged(parts, filter, after, limit).await?;
            let mut is_good = true;
            for found in page.rows.iter().filter(|found| is_unsettled(found)) {
                if !tried.insert(key(found)) {
                    continue;
                }
                is_good = false;
                match found.shelf.settle(&found.name()?).await {
                    Ok(()) => drop(settled.insert(key(found))),
                    Err(error) => left_out(&error, &found.row.name),
                }
            }
            if is_good {
                break;
            }
        }
        let mut page = merged(parts, filter, after, limit).await?;
        page.rows.retain(|found| !is_unsettled(found) || settled.contains(&key(found)));
        Ok(page)
    }

    /// The versions of `name` that are asked for and that whoever asks may see, the newest
    /// first, wherever they are from.
    pub(super) async fn visible_versions(
        &self,
        audience: &Audience,
        name: &PackageName,
        version: &VersionFilter,
        deleted: Deleted,
        missing: &str,
    ) -> Result<Vec<Found<'_>>, ApiError> {
        audience.permit(self, name, missing)?;
        let mut found = Vec::new();
        for Part { shelf, scope } in self.parts_of(audience, name) {
            shelf.settle(name).await?;
            let rows = shelf.store.server_versions(name, version, &scope, deleted).await?;
            if rows.is_empty() {
                continue;
            }
            self.permit_there(&audience.caller, shelf, name, missing)?;
            shelf.refuse_if_silent().await?;
            found.extend(rows.into_iter().map(|row| Found { shelf, row }));
        }
        self.leave_out(audience, &mut found)?;
        found.sort_by(|one, other| other.row.published_at.cmp(&one.row.published_at));
        Ok(found)
    }

    /// Leaves out what is not for whoever asks.
    fn leave_out(&self, audience: &Audience, rows: &mut Vec<Found<'_>>) -> Result<(), ApiError> {
        let mut kept = Vec::with_capacity(rows.len());
        for found in rows.drain(..) {
            let name = found.name()?;
            // Lists learn of it a moment later, and say then that it is deleted.
            let is_gone = found.row.is_release
                && found.row.withdrawn_at.is_none()
                && found.shelf.has_taken_down(&name, &found.row.version);
            if !is_gone && found.is_served() && self.may_see(&audience.caller, found.shelf, &name) {
                kept.push(found);
            }
        }
        *rows = kept;
        Ok(())
    }
}

fn left_out(error: &AdmissionError, name: &str) {
    let error = error as &dyn Error;
    tracing::warn!(error, name, "left out of a list: it could not be decided of it");
}
