//! What a log or its registry must not do.

use jiff::Timestamp;
use mcpkg_core::log::{EntryError, IndexedEntry, LogError, ReplayError, Tree};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Coded, PackageName, Version};

use crate::error::Error;

/// Something that an honest registry does not do, or that somebody who cares for a name
/// should look at before it is too late.
///
/// An alarm says what was seen, not why: a broken disk and a thief of keys may
/// look the same from here, and both want a person to look.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// What should be the log's checkpoint is none that can be believed.
    #[error("the log's checkpoint cannot be believed")]
    Checkpoint(#[source] LogError),
    /// The registry answered what no registry should, such as nothing at all.
    #[error("the log's answer cannot be used")]
    Answer(#[source] Box<Error>),
    /// The log signed a tree that does not go on from one that it signed before.
    #[error(
        "the log tells two stories: it signed a tree of {} entries with the root {}, and one of {} \
         with the root {}, and neither goes on from the other",
        .0.seen.size, .0.seen.root, .0.found.size, .0.found.root
    )]
    Fork(Box<Fork>),
    /// The newest checkpoint is of a smaller tree than one that was seen.
    #[error("the log went back: it had {} entries, and its newest checkpoint has {}", .0.seen.size, .0.found.size)]
    Shrunk(Box<Fork>),
    /// The log has not been signed for too long.
    #[error("the log was last signed at {signed_at}, and a log is signed every hour")]
    Stale {
        /// When it was.
        signed_at: Timestamp,
    },
    /// The checkpoint does not say when it was signed, so it may be of any age.
    #[error("the log's checkpoint does not say when it was signed")]
    Undated,
    /// The checkpoint was signed in the future.
    #[error("the log's checkpoint is from {signed_at}, which is in the future")]
    Future {
        /// When it says it was.
        signed_at: Timestamp,
    },
    /// The registry does not serve what its log has signed.
    #[error("the log does not serve `{path}`, which is part of the tree that it signed")]
    Withheld {
        /// Which tile or bundle, as in its address.
        path: String,
        /// What it answered.
        source: Box<Error>,
    },
    /// A tile does not belong to the signed tree, so that nothing can be proved.
    #[error("the log serves tiles that do not belong to the tree that it signed")]
    Tile(#[source] LogError),
    /// The entries that are served do not give the root that was signed.
    #[error("the entries {first} to {last} are not those that the log signed")]
    Entries {
        /// The index of the first that was read.
        first: u64,
        /// The index of the last that was read.
        last: u64,
    },
    /// An entry is malformed, of an unknown kind, or not in canonical form.
    #[error("entry {index} is none that this program knows")]
    Entry {
        /// Which entry.
        index: u64,
        /// What is wrong with it.
        source: EntryError,
    },
    /// An entry may not follow those before it.
    #[error("entry {index}, of `{name}`, may not be there")]
    Rule {
        /// Which entry.
        index: u64,
        /// Which package it is about.
        name: PackageName,
        /// Which rule it breaks.
        source: Box<ReplayError>,
    },
    /// An entry was accepted in the future.
    #[error("entry {index}, of `{name}`, is from {time}, which is in the future")]
    EntryTime {
        /// Which entry.
        index: u64,
        /// Which package it is about.
        name: PackageName,
        /// When it says it was accepted.
        time: Timestamp,
    },
    /// A name that somebody cares for goes to another publisher: if it is theirs, and
    /// they know nothing of it, there is until then to act.
    #[error(
        "`{name}` goes to another publisher: entry {index} announces `{}` from {effective} on, \
         signed by `{}`",
        .publisher.reference(), .signer.reference()
    )]
    Rebinding {
        /// The entry that announces it.
        index: u64,
        /// Which package.
        name: PackageName,
        /// To whom it goes.
        publisher: Box<Publisher>,
        /// Who says so.
        signer: Box<Publisher>,
        /// From when on.
        effective: Timestamp,
    },
    /// A release that somebody cares for was built again, and other files came out.
    #[error(
        "{name}@{version} was built again by {rebuilder}, and other files came out (entry {index}): \
         that is a reason to look, and no proof of anything"
    )]
    Different {
        /// The entry that says so.
        index: u64,
        /// Of which package.
        name: PackageName,
        /// Which release.
        version: Version,
        /// Who built it again.
        rebuilder: Box<Publisher>,
    },
    /// A release is in the log, and the registry does not show it or shows
    /// another, or its evidence proves nothing.
    #[error("{name}@{version}, entry {index}: {what}")]
    Release {
        /// The entry that published it.
        index: u64,
        /// Of which package.
        name: PackageName,
        /// Which release.
        version: Version,
        /// What is wrong.
        what: &'static str,
        /// The stable code.
        code: Code,
        /// Why, where something says why.
        source: Option<Box<Error>>,
    },
    /// Something was stated about a package, and the registry does not show what was
    /// signed, or its signature proves nothing.
    #[error("what entry {index} says of `{name}`: {what}")]
    Statement {
        /// The entry.
        index: u64,
        /// Of which package.
        name: PackageName,
        /// What is wrong.
        what: &'static str,
        /// The stable code.
        code: Code,
        /// Why, where something says why.
        source: Option<Box<Error>>,
    },
    /// The registry's index of a package is not what its entries amount to.
    #[error("the index of `{name}`: {what}")]
    Index {
        /// Of which package.
        name: PackageName,
        /// What is wrong.
        what: String,
        /// The stable code.
        code: Code,
        /// The entry that it hides, if it does, and what the log signed for it.
        hidden: Option<Box<Hidden>>,
        /// Why, where something says why.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// An entry that the log has, and that the signed index of its package leaves out or
/// says to be another thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The package.
    pub name: PackageName,
    /// The entry.
    pub entry: u64,
    /// What the signed index says of it instead, if it says anything.
    pub instead: Option<IndexedEntry>,
    /// The signed index, byte for byte.
    pub note: String,
}

/// Two trees that the same log has signed, of which one has to be a lie.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} and {} entries", seen.size, found.size)]
pub struct Fork {
    /// The tree that was seen before.
    pub seen: Tree,
    /// The tree of now.
    pub found: Tree,
    /// Both signed notes, byte for byte: the proof.
    pub notes: [String; 2],
}

/// What an alarm is about, for those who sort alarms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Which entry.
    pub entry: Option<u64>,
    /// Which package.
    pub package: Option<PackageName>,
    /// Which release of it.
    pub version: Option<Version>,
}

impl Alarm {
    /// What it is about.
    pub fn subject(&self) -> Subject {
        let entry = |index: &u64| Subject { entry: Some(*index), ..Subject::default() };
        match self {
            Self::Entry { index, .. } => entry(index),
            Self::Rule { index, name, .. }
            | Self::EntryTime { index, name, .. }
            | Self::Rebinding { index, name, .. }
            | Self::Statement { index, name, .. } => {
                Subject { package: Some(name.clone()), ..entry(index) }
            }
            Self::Release { index, name, version, .. }
            | Self::Different { index, name, version, .. } => Subject {
                package: Some(name.clone()),
                version: Some(version.clone()),
                ..entry(index)
            },
            Self::Index { name, .. } => {
                Subject { package: Some(name.clone()), ..Subject::default() }
            }
            _ => Subject::default(),
        }
    }

    /// A word for a state of affairs that lasts until somebody ends it, the same
    /// each time it is found; `None` for what an entry did, which is found once.
    pub fn lasting(&self) -> Option<String> {
        Some(match self {
            Self::Entry { .. }
            | Self::Rule { .. }
            | Self::EntryTime { .. }
            | Self::Rebinding { .. }
            | Self::Different { .. } => return None,
            Self::Checkpoint(error) => format!("checkpoint {}", error.code()),
            Self::Answer(error) => format!("answer {}", error.code()),
            Self::Fork(fork) | Self::Shrunk(fork) => {
                format!("fork {} {}", fork.found.size, fork.found.root)
            }
            Self::Stale { .. } | Self::Undated | Self::Future { .. } => "time".to_owned(),
            Self::Withheld { path, .. } => format!("withheld {path}"),
            Self::Tile(_) => "tile".to_owned(),
            Self::Entries { first, .. } => format!("entries {first}"),
            Self::Release { index, code, .. } => format!("release {index} {code}"),
            Self::Statement { index, code, .. } => format!("statement {index} {code}"),
            Self::Index { name, code, .. } => format!("index {} {code}", name.fold_key()),
        })
    }

    /// The entry that a signed index hides.
    pub fn hidden(&self) -> Option<&Hidden> {
        match self {
            Self::Index { hidden, .. } => hidden.as_deref(),
            _ => None,
        }
    }

    /// Both notes of a fork.
    pub fn fork(&self) -> Option<&Fork> {
        match self {
            Self::Fork(fork) | Self::Shrunk(fork) => Some(fork),
            _ => None,
        }
    }
}

impl Coded for Alarm {
    fn code(&self) -> Code {
        match self {
            Self::Checkpoint(error) | Self::Tile(error) => error.code(),
            Self::Answer(error) => error.code(),
            Self::Fork(_) | Self::Shrunk(_) => Code::LogFork,
            Self::Stale { .. } | Self::Undated => Code::Stale,
            Self::Future { .. } | Self::EntryTime { .. } => Code::Clock,
            Self::Withheld { .. } | Self::Entries { .. } => Code::LogTile,
            Self::Entry { source, .. } => source.code(),
            Self::Rule { source, .. } => source.code(),
            Self::Rebinding { .. } => Code::IdentityChanged,
            Self::Different { .. } => Code::Rebuilds,
            Self::Release { code, .. }
            | Self::Statement { code, .. }
            | Self::Index { code, .. } => *code,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Fork(_) | Self::Shrunk(_) => {
                "install nothing from this registry; send the two signed checkpoints to its \
                 operator and to others who use it, because they prove it to anybody"
            }
            Self::Stale { .. } | Self::Undated | Self::Future { .. } => {
                "compare the clocks, and ask the registry's operator whether the log still runs"
            }
            Self::Checkpoint(error) => return error.hint(),
            Self::Answer(_) | Self::Withheld { .. } | Self::Tile(_) | Self::Entries { .. } => {
                "nothing after what was verified has been believed; ask the registry's operator"
            }
            Self::Entry { .. } => {
                "a newer mcpkg may know it; if none does, the registry's operator has to explain it"
            }
            Self::Rule { .. } | Self::EntryTime { .. } => {
                "an entry stays for ever, and this one counts for nothing here; ask the registry's \
                 operator how it came about"
            }
            Self::Rebinding { .. } => {
                "if the name is yours and you did not sign that, take it back before then: \
                 `mcpkg publisher cancel <name>`"
            }
            Self::Different { .. } => {
                "build it yourself, and see which files differ: `mcpkg rebuild <name>@<version>`"
            }
            Self::Release { .. } => {
                "do not install this release; ask its author whether they published it"
            }
            Self::Statement { .. } => {
                "ask the author of the package, or who built it again, whether they said that"
            }
            Self::Index { .. } => {
                "the signed index, the entry and its receipt together prove it; ask the registry's \
                 operator"
            }
        })
    }
}
