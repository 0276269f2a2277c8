//! What a person is shown of a release that policy holds back, and what they may say.
//!
//! Who may say something is a question to policy, like any other: `approve`. What is not:
//! that whoever signed a release does not approve it, that a person counts once however
//! often they say it, and that what they say is about what they were shown.

use jiff::Timestamp;
use mcpkg_core::review::{NewVote, Outcome, Review, ReviewLine, ReviewList, Verdict, Vote};
use mcpkg_core::{Digest, PackageName, Version};

use super::facts::Facts;
use super::person::{called, has_signed};
use super::{AdmissionError, Stock};
use crate::access::Caller;
use crate::app::App;
use crate::audit::AuditEvent;
use crate::error::ApiError;
use crate::mirror::Shelf;
use crate::policy::{Action, Circumstances, Place, Principal, Resource, Ruling};
use crate::store::{self, Given, StoredVote};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// How many releases a page of the list has.
const PAGE: u32 = 50;

/// Somebody who asks, and what is known of how.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// Who.
    pub(crate) principal: Principal,
    /// How.
    pub(crate) circumstances: Circumstances,
}

impl FromRequestParts<App> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Caller { principal, circumstances, .. } =
            Caller::from_request_parts(parts, app).await?;
        Ok(Self { principal, circumstances })
    }
}

/// Why somebody was not shown a release, or may say nothing of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReviewError {
    /// There is no such release, or none that they may know of.
    #[error("{0} not found")]
    Unknown(String),
    /// What they say is no vote.
    #[error("{0}")]
    Vote(&'static str),
    /// They have looked at something else than there is now.
    #[error("the release, or what is known of it, is not what was looked at")]
    Changed,
    /// They have signed the release.
    #[error("whoever signed a release does not approve it")]
    Own,
    /// It could not be decided.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl App {
    /// A page of releases that are `outcome`, of those about which `asker` may say
    /// something.
    pub(crate) async fn reviews(
        &self,
        asker: &Asker,
        outcome: Outcome,
        cursor: Cursor,
    ) -> Result<ReviewList, ReviewError> {
        let mut releases = Vec::new();
        let shelves: Vec<&Shelf> = self.shelves().collect();
        for (at, shelf) in shelves.iter().enumerate().skip(cursor.shelf) {
            // What has come in just now is not decided yet.
            shelf.decide_some().await?;
            let after = if at == cursor.shelf { cursor.row } else { 0 };
            let (held, last) = shelf.store.held(outcome, after, PAGE).await?;
            let is_full = held.len() == PAGE as usize;
            for (name, given) in held {
                if self.may_approve(asker, shelf, &name).allowed {
                    releases.extend(line(shelf, name, &given));
                }
            }
            if is_full {
                let next_cursor = Some(Cursor { shelf: at, row: last }.to_string());
                return Ok(ReviewList { releases, next_cursor });
            }
        }
        Ok(ReviewList { releases, next_cursor: None })
    }

    /// What there is to judge of a release.
    pub(crate) async fn review(
        &self,
        asker: &Asker,
        from: &Shelf,
        name: &PackageName,
        version: &Version,
    ) -> Result<Review, ReviewError> {
        if !self.may_approve(asker, from, name).allowed {
            return Err(ReviewError::Unknown(format!("{name}@{version}")));
        }
        self.review_of(from, name, version).await
    }

    async fn review_of(
        &self,
        from: &Shelf,
        name: &PackageName,
        version: &Version,
    ) -> Result<Review, ReviewError> {
        let unknown = || ReviewError::Unknown(format!("{name}@{version}"));
        let given = from.settled(name).await?.ok_or_else(unknown)?;
        let it = given.iter().find(|it| it.version == *version).ok_or_else(unknown)?;
        let line = line(from, name.clone(), it).ok_or_else(unknown)?;
        let judged = it.judged.as_ref().ok_or_else(unknown)?;
        let facts = facts_of(it).ok_or_else(unknown)?;
        let since = Stock::newest_admitted(&given, version);
        let before = since
            .as_ref()
            .and_then(|since| facts_of(given.iter().find(|it| it.version == *since)?));
        let stock = Stock::of(from);
        let difference = stock.difference(name, &facts, before.as_ref()).await?;
        let votes = from.store.votes(name, version).await?;
        let shown = format!(
            "{}\n{:?}\n{:?}\n{}",
            judged.fingerprint,
            judged.decision.policies,
            before.map(|it| it.version),
            serde_json::to_string(&difference).unwrap_or_default(),
        );
        Ok(Review {
            line,
            facts: judged.facts.clone(),
            difference,
            votes: votes.into_iter().map(vote).collect(),
            fingerprint: Digest::of(shown.as_bytes()),
        })
    }

    /// Keeps what `asker` says of a release, and decides again. Gives what follows.
    pub(crate) async fn vote(
        &self,
        asker: &Asker,
        from: &Shelf,
        (name, version): (&PackageName, &Version),
        verdict: Verdict,
        vote: &NewVote,
    ) -> Result<ReviewLine, ReviewError> {
        let unknown = || ReviewError::Unknown(format!("{name}@{version}"));
        let ruling = self.may_approve(asker, from, name);
        let Principal::User(user) = &asker.principal else { return Err(unknown()) };
        if !ruling.allowed {
            return Err(unknown());
        }
        if let Some(fault) = vote.fault() {
            return Err(ReviewError::Vote(fault));
        }
        let review = self.review_of(from, name, version).await?;
        if review.fingerprint != vote.fingerprint {
            return Err(ReviewError::Changed);
        }
        let given = from.store.given(name).await?;
        let it = given.iter().find(|it| it.version == *version).ok_or_else(unknown)?;
        let facts = facts_of(it).ok_or_else(unknown)?;
        if verdict == Verdict::Approve && has_signed(user, &facts.publisher) {
            return Err(ReviewError::Own);
        }
        let judged = it.judged.as_ref().ok_or_else(unknown)?;
        let resource = Resource::Release(Box::new(facts.at(Timestamp::now())));
        let event = AuditEvent::of(&asker.principal, Action::Approve, &resource, &ruling);
        // First what is remembered of it, so that nothing is approved by nobody.
        self.audit.record(event.because(format!("{verdict}: {}", vote.reason))).await?;
        let stored = store::NewVote {
            person: user.id(),
            shown: called(user),
            verdict,
            reason: vote.reason.trim().to_owned(),
            policies: judged.decision.policies.clone(),
            fingerprint: judged.fingerprint,
        };
        from.store.vote(name, version, &stored, Timestamp::now()).await?;
        from.decide_now(&self.admission, name).await?;
        let given = from.store.given(name).await?;
        let it = given.iter().find(|it| it.version == *version).ok_or_else(unknown)?;
        line(from, name.clone(), it).ok_or_else(unknown)
    }

    fn may_approve(&self, asker: &Asker, from: &Shelf, name: &PackageName) -> Ruling {
        let place = from
            .source()
            .map_or_else(Place::own, |source| Place::Source(source.name().to_string()));
        let resource = Resource::Package { place, name: name.clone() };
        self.engine.decide(&asker.principal, Action::Approve, &resource, &asker.circumstances)
    }
}

fn facts_of(given: &Given) -> Option<Facts> {
    serde_json::from_value(given.judged.as_ref()?.facts.clone()).ok()
}

fn line(shelf: &Shelf, name: PackageName, given: &Given) -> Option<ReviewLine> {
    Some(ReviewLine {
        source: shelf.source().map(|source| source.name().to_string()),
        name,
        version: given.version.clone(),
        decision: given.judged.as_ref()?.decision.clone(),
    })
}

fn vote(StoredVote { vote, at }: StoredVote) -> Vote {
    Vote { by: vote.shown, verdict: vote.verdict, reason: vote.reason, at }
}

/// A place in the list, to go on from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    shelf: usize,
    row: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.shelf, self.row)
    }
}

/// A text that is no [`Cursor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`cursor` is not one that we gave")]
pub(crate) struct CursorError;

impl std::str::FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (shelf, row) = text.split_once('.').ok_or(CursorError)?;
        let [Ok(shelf), Ok(row)] = [shelf.parse::<u32>(), row.parse()] else {
            return Err(CursorError);
        };
        Ok(Self { shelf: shelf as usize, row: i64::from(row) })
    }
}

impl mcpkg_core::Coded for ReviewError {
    fn code(&self) -> mcpkg_core::Code {
        use mcpkg_core::Code;

        match self {
            Self::Unknown(_) => Code::NotFound,
            Self::Vote(_) => Code::Request,
            Self::Changed => Code::Conflict,
            Self::Own => Code::Denied,
            Self::Admission(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Changed => Some("look at it again: `mcpkg review show <name>@<version>`"),
            Self::Own => Some("ask somebody else who may approve"),
            Self::Admission(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}
