//! What of a shelf is given out.

use jiff::Timestamp;
use mcpkg_core::api::{SearchHit, WithheldRelease};
use mcpkg_core::{Code, PackageName, Version};

use super::{Admission, AdmissionError, Stock};
use crate::mirror::Shelf;
use crate::policy::Place;
use crate::store::{Gate, Given};

/// Of how many packages something is decided in one look.
const BATCH: u32 = 64;

impl Shelf {
    /// What is not given out of a package because of policy, and until when that is good
    /// if time alone may change it. Nothing, where policy is not asked.
    pub(crate) async fn not_admitted(
        &self,
        name: &PackageName,
    ) -> Result<(Vec<WithheldRelease>, Option<Timestamp>), AdmissionError> {
        let given = self.settled(name).await?.unwrap_or_default();
        let until = given.iter().filter_map(|it| it.judged.as_ref()?.good_until).min();
        Ok((given.iter().filter_map(withheld).collect(), until))
    }

    /// Every release of a package with a decision that is good now; `None` where none is
    /// needed.
    pub(super) async fn settled(
        &self,
        name: &PackageName,
    ) -> Result<Option<Vec<Given>>, AdmissionError> {
        let Some(admission) = self.admission.as_ref().filter(|_| self.is_judged()) else {
            return Ok(None);
        };
        if let Some(given) = admission.good(&self.store, name).await? {
            return Ok(Some(given));
        }
        let _turn = admission.deciding.lock().await;
        // Somebody else may have done it meanwhile.
        if let Some(given) = admission.good(&self.store, name).await? {
            return Ok(Some(given));
        }
        self.decide_now(admission, name).await?;
        Ok(Some(self.store.given(name).await?))
    }

    /// Those of `hits` that are given out. A search reads what was decided last, which may
    /// not be good any more.
    pub(crate) async fn given_out(
        &self,
        hits: Vec<SearchHit>,
    ) -> Result<Vec<SearchHit>, AdmissionError> {
        if !self.is_judged() {
            return Ok(hits);
        }
        let mut kept = Vec::with_capacity(hits.len());
        for hit in hits {
            if self.allows(&hit.name, &hit.version).await? {
                kept.push(hit);
            }
        }
        Ok(kept)
    }

    /// Whether policy lets a release be given out.
    pub(crate) async fn allows(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<bool, AdmissionError> {
        let withheld = self.not_admitted(name).await?.0;
        Ok(!withheld.iter().any(|it| it.version == *version))
    }

    /// Whether its releases wait for a decision before they are given out.
    pub(crate) fn is_judged(&self) -> bool {
        let gate = self.admission.as_ref().map(|it| it.gate(self.source()));
        gate == Some(Gate::Closed)
    }

    /// Decides of every release of a package, whatever was decided before.
    pub(super) async fn decide_now(
        &self,
        admission: &Admission,
        name: &PackageName,
    ) -> Result<(), AdmissionError> {
        let stock = Stock::of(self);
        let assessed = admission.assessor().assess(&stock, name, Timestamp::now()).await?;
        let decisions: Vec<_> = assessed.into_iter().map(|it| (it.version, it.judged)).collect();
        self.store.decide(name, &decisions).await?;
        self.cache.invalidate(name, None);
        for (version, _) in &decisions {
            self.cache.invalidate(name, Some(version));
        }
        Ok(())
    }

    /// Decides of some packages of which something has to be decided. Says of how many.
    pub(super) async fn decide_some(&self) -> Result<usize, AdmissionError> {
        let Some(admission) = self.admission.as_ref().filter(|_| self.is_judged()) else {
            return Ok(0);
        };
        let place = Stock::of(self).source;
        let state = self.state(admission).await?;
        let is_done = admission.with().done.get(&place) == Some(&state);
        let names = if is_done {
            self.store.expired(Timestamp::now(), BATCH).await?
        } else {
            self.store.undecided(state.0, Timestamp::now(), BATCH).await?
        };
        for name in &names {
            self.settled(name).await?;
        }
        if names.is_empty() {
            admission.with().done.insert(place, state);
        }
        Ok(names.len())
    }
}

impl Stock {
    /// What is on a shelf.
    pub(crate) fn of(shelf: &Shelf) -> Self {
        Self {
            source: shelf
                .source()
                .map_or_else(|| Place::OWN.to_owned(), |it| it.name().to_string()),
            store: shelf.store.clone(),
            blobs: shelf.blobs.clone(),
            upstream: shelf.source().cloned(),
        }
    }
}

/// What a client is told of a release that is not given out.
fn withheld(given: &Given) -> Option<WithheldRelease> {
    let Some(judged) = &given.judged else {
        // It was published between the decision and the question.
        return Some(WithheldRelease {
            version: given.version.clone(),
            code: Code::NotAdmitted,
            policy: None,
            reason: "it was not decided yet whether it is given out".to_owned(),
        });
    };
    let decision = &judged.decision;
    Some(WithheldRelease {
        version: given.version.clone(),
        code: decision.outcome.code()?,
        policy: decision.policies.first().cloned(),
        reason: decision.sentence.clone(),
    })
}
