//! Which releases are given out: by policy, and where policy says so by people.
//!
//! Everything here was verified before: who signed it, that it is logged, that its name is
//! theirs. This is about what a company *wants*: no release that is younger than a day, no
//! licence that its lawyers have not seen, nothing that asks for the network without a
//! person who has looked.
//!
//! ```text
//! log, evidence, artifact, advisories ─ facts ─> policies ─ ruled ─> decide <─ votes
//!                                                                      │
//!                                    admitted · quarantined · denied <─┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`inspect`] | what is in an artifact: licences, and the packages of others |
//! | [`facts`] | what is known of a release |
//! | [`decide`] | the decision, a function of policy and votes |
//! | [`stock`], [`package`] | what is stored of releases; of a package all at once |
//! | [`assess`] | from that to decisions |
//! | [`gate`] | what decisions are made with, and whether they are still good |
//! | [`shelf`] | what of a shelf is given out |
//! | [`review`], [`person`] | what a person is shown, and what they may say; who that is |
//! | [`settled`] | whether all that was decided is good now |
//! | [`advisories`] | importing advisories, and what publishers say of them |
//! | [`explain`], [`simulate`] | why, and what if |
//!
//! A decision is kept with what it rests on: policies, advisories, the package's last
//! entry, and for how long it is good. Whoever is about to serve something looks whether
//! all of that still is so, and if it is not, decides first. So a policy that was
//! tightened holds for the next request, however much there is to decide again; the rest
//! is done in the background, a batch at a time.
//!
//! The index of a package that the log has signed stays whole: a release that is not
//! given out is named in it, with why. Statements are always given out.

mod advisories;
mod assess;
mod decide;
mod difference;
mod explain;
mod facts;
#[cfg(feature = "generate")]
mod figures;
mod gate;
mod inspect;
mod package;
mod person;
mod review;
mod settled;
mod shelf;
mod simulate;
mod stock;

use std::time::Duration;

use mcpkg_core::archive::ArchiveError;
use mcpkg_core::server_json::ServerJsonError;
use mcpkg_core::{Code, Coded, Digest};

pub use advisories::{
    ImportError, Imported, Said, import_advisories, import_signed_vex, import_vex,
};
pub(crate) use assess::Assessor;
pub use explain::{ExplainError, Explanation, explain};
#[cfg(feature = "generate")]
pub use figures::{Judging, JudgingError};
pub(crate) use gate::Admission;
pub(crate) use review::{Asker, ReviewError};
pub use simulate::{SimulatedChange, Simulation, simulate};
pub(crate) use stock::Stock;

use crate::app::App;
use crate::blobs::BlobError;
use crate::store::StoreError;

/// How often it is looked whether something has to be decided again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why it could not be decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmissionError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A blob that a release needs is not recorded.
    #[error("the blob {0} is missing")]
    Missing(Digest),
    /// The signed document of a release cannot be read.
    #[error("the server.json of a release cannot be read")]
    Metadata(#[from] ServerJsonError),
    /// An artifact cannot be read.
    #[error("an artifact cannot be read")]
    Archive(#[from] ArchiveError),
}

/// What decides, and about what: for whoever only looks.
#[derive(Debug)]
struct Court {
    assessor: Assessor,
    stock: Stock,
}

/// Decides what has to be decided, for as long as the server runs: what is new, and what
/// was decided with something else than there is now.
pub(crate) async fn decide_for_ever(app: App) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = app.admission.look_at_advisories().await {
            complain(&error, "the advisories could not be opened");
        }
        for shelf in app.shelves() {
            loop {
                match shelf.decide_some().await {
                    Ok(0) => break,
                    Ok(_) => tokio::task::yield_now().await,
                    Err(error) => {
                        complain(&error, "it could not be decided what is given out");
                        break;
                    }
                }
            }
        }
    }
}

fn complain(error: &(dyn std::error::Error + 'static), what: &'static str) {
    tracing::warn!(error, "{what}");
}

impl Coded for AdmissionError {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Missing(_) | Self::Metadata(_) | Self::Archive(_) => Code::Blob,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Missing(_) | Self::Metadata(_) | Self::Archive(_) => {
                Some("the registry's operator runs `mcpkg-registry fsck`")
            }
        }
    }
}
