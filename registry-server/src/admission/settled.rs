//! Whether what was decided is good now: for those who show many releases at once.

use mcpkg_core::{Digest, PackageName};

use super::{Admission, AdmissionError, Stock};
use crate::mirror::Shelf;

impl Shelf {
    /// Whether every decision is good now, without deciding anything.
    pub(crate) async fn is_settled(&self) -> Result<bool, AdmissionError> {
        let Some(admission) = self.admission.as_ref().filter(|_| self.is_judged()) else {
            return Ok(true);
        };
        let state = self.state(admission).await?;
        let is_done = admission.with().done.get(&Stock::of(self).source) == Some(&state);
        Ok(is_done && self.store.expired(jiff::Timestamp::now(), 1).await?.is_empty())
    }

    /// Sees that the decisions about a package are good.
    pub(crate) async fn settle(&self, name: &PackageName) -> Result<(), AdmissionError> {
        self.settled(name).await.map(drop)
    }

    /// Decides of some of what is new, so that what was published a moment ago is listed.
    /// For what is published here: of a source's, an artifact may have to be fetched first.
    pub(crate) async fn settle_some(&self) -> Result<(), AdmissionError> {
        self.decide_some().await.map(drop)
    }

    /// What everything was decided with, once everything is: what decides, and up to which
    /// entry.
    pub(super) async fn state(
        &self,
        admission: &Admission,
    ) -> Result<(Digest, u64), AdmissionError> {
        Ok((admission.basis(&self.store).await?, self.store.applied().await?.size))
    }
}
