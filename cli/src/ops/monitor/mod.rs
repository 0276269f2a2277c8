//! A monitor: it reads all of a log, and says what it should not see there.
//!
//! A command that installs checks the few entries that it uses. That a registry
//! cannot lie to it unnoticed rests on somebody who reads the others: the owner of
//! a name, who knows which releases are theirs; a company, which wants to know
//! before it installs; anybody. This is that reader, and it believes nothing but
//! the log's key:
//!
//! 1. A **checkpoint** has to be signed, and to go on from the newest that was
//!    seen ([`Monitor::observe`]).
//! 2. The **entries** are hashed, and have to give the root that is signed
//!    ([`Monitor::take`]). Tiles help to say so for one bundle at a time, and are
//!    recomputed to the same root before they count.
//! 3. Each entry has to be one, and to be allowed after those before it: what
//!    they amount to is derived again, by the same [`Replay`] that makes the
//!    registry's own database.
//! 4. A **release** in the log has to be served, with evidence that its publisher
//!    signed exactly that ([`Monitor::release`]).
//! 5. What was **stated** about a package since has to be shown, signed by whom its
//!    entry names, over the very entry before it ([`Monitor::statement`]).
//! 6. The signed **index** of a package has to name its entries and no others
//!    ([`Monitor::index`]).
//!
//! [`Monitor`] is a state and functions of it: it asks nobody and writes nothing.
//! [`Watch`] fetches, tells, and saves, in this order: what was verified is
//! told before it is saved as seen, so that an interrupt can repeat an alarm, word
//! for word, and never swallow one.
//!
//! | file | what |
//! |---|---|
//! | `alarm` | what is wrong |
//! | `event` | how it is told |
//! | `interest` | the names that one wants to hear of |
//! | `state` | what is remembered |
//! | `follow`, `entry`, `release`, `statement`, `index` | steps 1 and 2, 3, 4, 5, 6 |
//! | `watch`, `proof` | a look at a real registry, and what proves what it found |

mod alarm;
mod entry;
mod event;
mod follow;
mod index;
mod interest;
mod proof;
mod release;
mod state;
mod statement;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;

use mcpkg_core::PackageName;
use mcpkg_core::log::{LogTrust, Replay, TileError, Tree};

pub use alarm::{Alarm, Fork, Hidden, Subject};
pub use event::{Event, Notice};
pub use interest::Interest;
pub use release::Judge;
pub use state::{State, StateFile, Unchecked, Unproved};
pub use watch::{Outcome, Repeat, Scope, Watch};

use crate::error::Error;

/// What follows a log. See the module's own story.
#[derive(Debug)]
pub struct Monitor {
    trust: LogTrust,
    interests: Vec<Interest>,
    state: State,
}

/// Something to tell.
#[derive(Debug)]
pub enum Finding {
    /// What an honest registry does not do, or what cannot wait.
    Alarm(Alarm),
    /// What somebody wanted to hear of.
    Notice(Notice),
}

/// Why a step could not be taken. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Setback {
    /// Something is wrong with the log.
    #[error(transparent)]
    Alarm(Box<Alarm>),
    /// It could not be found out: nobody answered, or somebody who is busy.
    #[error(transparent)]
    Trouble(Box<Error>),
}

impl From<Alarm> for Setback {
    fn from(alarm: Alarm) -> Self {
        Self::Alarm(Box::new(alarm))
    }
}

impl From<TileError> for Setback {
    fn from(error: TileError) -> Self {
        Alarm::Tile(error.into()).into()
    }
}

impl Monitor {
    /// A monitor of the log that `trust` is about, which goes on from `state`.
    pub fn new(trust: LogTrust, interests: Vec<Interest>, state: State) -> Self {
        Self { trust, interests, state }
    }

    /// What it remembers.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whose signatures make a checkpoint.
    pub fn trust(&self) -> &LogTrust {
        &self.trust
    }

    /// Goes on under another key of the same log, see [`mcpkg_core::log::follow`].
    pub fn set_trust(&mut self, trust: LogTrust) {
        self.trust = trust;
    }

    /// What the verified entries amount to.
    pub fn replay(&self) -> &Replay {
        &self.state.replay
    }

    /// The tree of the newest checkpoint; the empty one before any.
    pub fn seen(&self) -> Tree {
        self.state.checkpoint.as_ref().map_or_else(Tree::empty, state::Seen::tree)
    }

    /// The newest checkpoint, byte for byte.
    pub fn seen_note(&self) -> Option<&str> {
        self.state.checkpoint.as_ref().map(|seen| seen.note.as_str())
    }

    /// How many entries were verified.
    pub fn size(&self) -> u64 {
        self.state.frontier.size()
    }

    /// The packages whose index is still to be seen right.
    pub fn changed(&self) -> &BTreeSet<PackageName> {
        &self.state.changed
    }

    /// What changes whenever there is something to save.
    fn progress(&self) -> impl PartialEq + use<> {
        let State { checkpoint, unchecked, unproved, changed, lasting, .. } = &self.state;
        let note = checkpoint.as_ref().map(|seen| seen.note.clone());
        let open = (unchecked.len(), unproved.len(), changed.len());
        (note, self.size(), open, lasting.clone())
    }

    /// Remembers an alarm that lasts, and says whether it is new.
    fn raise(&mut self, word: String) -> bool {
        self.state.lasting.insert(word)
    }

    /// Remembers which alarms last. Those from before are forgotten where all was
    /// looked at.
    fn set_lasting(&mut self, lasting: BTreeSet<String>, is_all: bool) {
        if is_all {
            self.state.lasting = lasting;
        } else {
            self.state.lasting.extend(lasting);
        }
    }
}
