//! What changes when a server asks for something else than before, and when its
//! user changes their mind.

use std::collections::BTreeSet;

use super::{Environment, Filesystem, Grant, Network, Permissions, meet_sets};

/// What of an earlier approval still holds, and what is still to be approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// What was approved before and is still asked for.
    pub kept: Permissions,
    /// What is asked for now and was not asked for before.
    pub added: Permissions,
}

impl Renewal {
    /// What is granted once all that was added is approved.
    pub fn approved(&self) -> Permissions {
        // In the same words where nothing was added.
        if self.added.is_empty() { self.kept.clone() } else { self.kept.union(&self.added) }
    }
}

impl Permissions {
    /// What of `self` is new to whoever knows `known`: the members that nothing
    /// there covers.
    ///
    /// A member that is covered in part is new as a whole, so that nobody has to
    /// work out which part that is.
    #[must_use]
    pub fn beyond(&self, known: &Self) -> Self {
        Self {
            filesystem: Filesystem {
                read: rest(&self.filesystem.read, &known.filesystem.read),
                write: rest(&self.filesystem.write, &known.filesystem.write),
            },
            network: Network { allow: rest(&self.network.allow, &known.network.allow) },
            env: Environment { allow: rest(&self.env.allow, &known.env.allow) },
            secrets: rest(&self.secrets, &known.secrets),
            run: rest(&self.run, &known.run),
        }
    }

    /// What `self` or `other` permits.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            filesystem: Filesystem {
                read: join(&self.filesystem.read, &other.filesystem.read),
                write: join(&self.filesystem.write, &other.filesystem.write),
            },
            network: Network { allow: join(&self.network.allow, &other.network.allow) },
            env: Environment { allow: join(&self.env.allow, &other.env.allow) },
            secrets: join(&self.secrets, &other.secrets),
            run: join(&self.run, &other.run),
        }
    }

    /// What holds of `granted`, which was given when `before` was asked for, now
    /// that `self` is.
    ///
    /// What the user took away stays away: it was asked for before, so it is not
    /// new, and it is not in `granted`.
    pub fn renewal(&self, before: &Self, granted: &Self) -> Renewal {
        let kept = if granted.is_subset_of(self) {
            // In the same words, so that an unchanged grant is an unchanged lock.
            granted.clone()
        } else {
            self.intersect(granted)
        };
        Renewal { kept, added: self.beyond(before) }
    }
}

fn rest<T: Grant>(all: &BTreeSet<T>, known: &BTreeSet<T>) -> BTreeSet<T> {
    all.iter().filter(|member| !known.iter().any(|it| it.covers(member))).cloned().collect()
}

fn join<T: Grant>(left: &BTreeSet<T>, right: &BTreeSet<T>) -> BTreeSet<T> {
    let all: BTreeSet<T> = left.union(right).cloned().collect();
    // Everything meets itself, so this only drops what something wider covers.
    meet_sets(&all, &all)
}
