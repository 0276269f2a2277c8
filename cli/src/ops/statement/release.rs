//! What was stated about one release.

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, Status};
use mcpkg_core::log::{Entry, Rebuild, StatusChange};
use mcpkg_core::policy::VerifiedRebuild;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{PackageStatement, RebuiltArtifact};
use mcpkg_core::{Digest, Platform, Version};
use mcpkg_verify::TrustStore;

use super::binding::{Bindings, Published};
use super::{AtHand, verify};
use crate::error::{Error, Result};
use crate::ops::log::statement::Stated;
use crate::ops::log::{Anchor, Distrust};

/// What a release is now, and who built it again. All of it is signed by those who may.
#[derive(Clone, Debug, Default)]
pub struct Since {
    /// Whether it may be chosen.
    pub status: Status,
    /// The last change of it, if there was one, with the index of its entry.
    pub change: Option<(u64, StatusChange)>,
    /// The last word of everybody who built it again, for each platform, oldest first.
    pub rebuilds: Vec<Rebuilt>,
    /// Rebuilds that count for nothing, because it could not be verified that somebody
    /// signed them, with the reason.
    pub unverified: Vec<(u64, String)>,
}

/// What somebody said who built a release again.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The index of its entry.
    pub index: u64,
    /// The entry.
    pub rebuild: Rebuild,
    /// What the artifacts run on that were built again; none if none could be.
    pub platforms: Vec<Platform>,
}

impl Rebuilt {
    /// Whether `other` says something newer of what this is about.
    fn is_replaced_by(&self, other: &Self) -> bool {
        let is_same = self.rebuild.rebuilder.difference(&other.rebuild.rebuilder).is_none();
        let is_about_it = other.platforms.is_empty()
            || self.platforms.is_empty()
            || self.platforms.iter().any(|platform| other.platforms.contains(platform));
        is_same && is_about_it
    }
}

/// The platforms of the artifacts that a rebuild was compared with, if those are the
/// release's: whoever was shown other files has said nothing of these.
fn compared(statement: &PackageStatement, artifacts: &[Artifact]) -> Option<Vec<Platform>> {
    let PackageStatement::Rebuild(statement) = statement else { return None };
    let platform = |built: &RebuiltArtifact| {
        artifacts
            .iter()
            .any(|it| it.platform == built.platform && it.tree == built.published)
            .then_some(built.platform)
    };
    statement.artifacts.iter().map(platform).collect()
}

impl Since {
    /// Verifies `stated`, which is all that the log has about a release, of which
    /// `start` is who published it; `None` if nobody did, who could be told from others.
    ///
    /// A change of status has to be by whom the name was bound to at the time, and one
    /// that is not is a lie of the registry. A rebuild may be by anybody, so one that
    /// cannot be verified here must not be in anybody's way: it counts for nothing, and
    /// what the same person said before still counts. Nor does one count that was
    /// compared with something else than `artifacts`, which are the release's.
    pub fn verify(
        stated: &[Stated],
        artifacts: &[Artifact],
        start: Option<Published<'_>>,
        bindings: &Bindings,
        at_hand: &AtHand,
        trust: &TrustStore,
        anchor: Anchor<'_>,
    ) -> Result<Self> {
        let mut at_hand = at_hand.clone();
        at_hand.extend(stated.iter().map(|it| (it.index, Digest::of(&it.leaf))));
        let mut since = Self::default();
        for stated in stated {
            let index = stated.index;
            let verified = verify(stated, &at_hand, trust, anchor.known().trust());
            if let (Entry::Rebuild(_), Err(error)) = (&stated.entry, &verified) {
                let reason = error.reasons().into_iter().next();
                let causes = reason.map(|it| it.causes.join(": ")).unwrap_or_default();
                since.unverified.push((index, causes));
                continue;
            }
            let statement = verified?;
            match &stated.entry {
                Entry::Status(change) => {
                    if let Some(start) = start {
                        may_say(change, index, start, bindings)?;
                    }
                    since.status = change.status;
                    since.change = Some((index, change.clone()));
                }
                Entry::Rebuild(rebuild) => {
                    since.take_rebuild(index, rebuild, compared(&statement, artifacts));
                }
                Entry::Publish(_) | Entry::Binding(_) => {}
            }
        }
        Ok(since)
    }

    /// Takes in what somebody said who compared the artifacts for `platforms`, in place of
    /// what they said of those before; `None` if it was not with what the release has.
    fn take_rebuild(&mut self, index: u64, rebuild: &Rebuild, platforms: Option<Vec<Platform>>) {
        let Some(platforms) = platforms else {
            let reason = "it was compared with other files than the release has";
            self.unverified.push((index, reason.to_owned()));
            return;
        };
        let newer = Rebuilt { index, rebuild: rebuild.clone(), platforms };
        self.rebuilds.retain(|older| !older.is_replaced_by(&newer));
        self.rebuilds.push(newer);
    }

    /// Why it has the status that it has, as its publisher says.
    pub fn reason(&self) -> Option<&str> {
        self.change.as_ref()?.1.reason.as_deref()
    }

    /// When it got that status.
    pub fn changed_at(&self) -> Option<Timestamp> {
        Some(self.change.as_ref()?.1.time)
    }

    /// The rebuilds of what runs on `platform`, as a policy counts them; of anything, if
    /// it is `None`.
    pub fn verified_rebuilds(&self, platform: Option<Platform>) -> Vec<VerifiedRebuild> {
        let is_of_it = |it: &&Rebuilt| platform.is_none_or(|wanted| it.platforms.contains(&wanted));
        let rebuild = |it: &Rebuilt| VerifiedRebuild {
            rebuilder: it.rebuild.rebuilder.clone(),
            result: it.rebuild.result,
        };
        self.rebuilds.iter().filter(is_of_it).map(rebuild).collect()
    }

    /// That the release is no longer what its publisher stands by, in words; nothing if
    /// it is.
    pub fn remark(&self, version: &Version) -> Option<String> {
        if self.status == Status::Active {
            return None;
        }
        let at = self.changed_at().map_or_else(String::new, |at| format!(" on {at}"));
        let reason = self.reason().unwrap_or("no reason was given");
        Some(format!("{version} was {} by its publisher{at}: {reason}", self.status))
    }
}

/// Checks that a change of status is by whom the name was bound to.
fn may_say(
    change: &StatusChange,
    index: u64,
    start: Published<'_>,
    bindings: &Bindings,
) -> Result<()> {
    let bound: &Publisher = bindings.bound_at(&change.name, start, index, change.time)?;
    if bound.difference(&change.publisher).is_none() {
        return Ok(());
    }
    let context = format!("the status of {}@{}", change.name, change.version);
    let (bound, found) = (Box::new(bound.clone()), Box::new(change.publisher.clone()));
    Err(Error::wrap(context)(Distrust::Signer { index, bound, found }))
}
