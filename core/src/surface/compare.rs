//! What changed between two surfaces, field by field.

use std::fmt;

use super::{Item, Kind, Surface};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The instructions.
    Instructions(Difference),
    /// A whole item.
    Item {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
        /// Whether it is there.
        difference: Difference,
    },
    /// One field of an item.
    Field {
        /// What it is a field of.
        kind: Kind,
        /// The item's name.
        name: String,
        /// The field.
        field: String,
        /// What became of it.
        difference: Difference,
    },
}

/// What became of a thing since it was pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was not there.
    Added,
    /// It is no longer there.
    Removed,
    /// It is not what it was.
    Changed,
}

impl Surface {
    /// Everything in which `found` differs from `pinned`. Order is no difference, and
    /// neither are the versions of the protocol.
    pub fn compare(pinned: &Self, found: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let instructions = difference(pinned.instructions.as_ref(), found.instructions.as_ref());
        changes.extend(instructions.map(Change::Instructions));
        for kind in Kind::ALL {
            let (before, after) = (pinned.items(kind), found.items(kind));
            for (name, item) in after {
                changes.extend(differences(kind, name, before.get(name), item));
            }
            let removed = before.keys().filter(|name| !after.contains_key(*name));
            changes.extend(removed.map(|name| Change::Item {
                kind,
                name: name.clone(),
                difference: Difference::Removed,
            }));
        }
        changes
    }
}

/// How an item differs from the one that was pinned, if there was one.
pub fn differences(kind: Kind, name: &str, pinned: Option<&Item>, found: &Item) -> Vec<Change> {
    let Some(pinned) = pinned else {
        let name = name.to_owned();
        return vec![Change::Item { kind, name, difference: Difference::Added }];
    };
    let (before, after) = (pinned.fields(), found.fields());
    let fields = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    fields
        .filter_map(|field| {
            let difference = difference(before.get(field), after.get(field))?;
            Some(Change::Field { kind, name: name.to_owned(), field: field.clone(), difference })
        })
        .collect()
}

fn difference<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> Option<Difference> {
    match (before, after) {
        (None, Some(_)) => Some(Difference::Added),
        (Some(_), None) => Some(Difference::Removed),
        (before, after) => (before != after).then_some(Difference::Changed),
    }
}

impl Change {
    /// What became of it.
    pub fn difference(&self) -> Difference {
        match self {
            Self::Instructions(difference)
            | Self::Item { difference, .. }
            | Self::Field { difference, .. } => *difference,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instructions(difference) => write!(f, "the instructions were {difference}"),
            Self::Item { kind, name, difference } => {
                write!(f, "the {} `{}` was {difference}", kind.word(), name.escape_debug())
            }
            Self::Field { kind, name, field, difference } => write!(
                f,
                "`{}` of the {} `{}` was {difference}",
                field.escape_debug(),
                kind.word(),
                name.escape_debug()
            ),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}

/// How an item differs from what was pinned, if it was shown under `protocol`.
///
/// Under a version that was read, it has to be what was read then. Under another, a
/// field may be missing, because older versions have fewer; but none may be new or
/// other than in any reading.
pub(crate) fn against(
    pinned: &[Surface],
    kind: Kind,
    protocol: &str,
    name: &str,
    found: &Item,
) -> Vec<Change> {
    let changes = |surface: &Surface| differences(kind, name, surface.items(kind).get(name), found);
    if let Some(same) = pinned.iter().find(|one| one.protocols().contains(protocol)) {
        return changes(same);
    }
    let of_each = pinned.iter().map(|surface| {
        let mut changes = changes(surface);
        changes.retain(|change| change.difference() != Difference::Removed);
        changes
    });
    of_each.min_by_key(Vec::len).unwrap_or_default()
}
