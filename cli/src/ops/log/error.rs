//! Why the log of a registry is not believed, where that takes more than the log
//! itself to say.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::Status;
use mcpkg_core::log::{IndexedEntry, NoteError, VerifierKey};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Coded, PackageName, Version};

use super::agreement;

/// A reason not to believe what a registry's log says.
///
/// What is wrong with a note, a signature or a proof by itself is a
/// [`mcpkg_core::log::LogError`]; these are about what it has to agree with.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each one is")]
pub enum Distrust {
    // The key.
    #[error("no key is known for it")]
    NoKey,
    #[error("policy demands a key that somebody configured, and this one is the registry's word")]
    FirstUse,
    #[error("the registry says that its log is `{said}`, and the newest key is `{found}`")]
    OtherKey { said: String, found: VerifierKey },
    #[error("`{0}` is the key of a witness, and not of a log")]
    KeyOfWitness(VerifierKey),
    #[error("it has to be vouched for by {wanted} witnesses, and {found} are configured")]
    Witnesses { wanted: usize, found: usize },
    #[error("the witness `{0}` has the key of another, or of the log")]
    SameWitness(VerifierKey),

    // The checkpoint.
    #[error("the registry sent nothing where {0} should be")]
    Empty(&'static str),
    #[error("it went from {from} entries to {to}, and there is no proof that it only grew")]
    Leap { from: u64, to: u64 },
    #[error("the checkpoint does not say when it was signed")]
    Undated,
    #[error("it was last signed {} h ago, at {signed_at}, and policy accepts {} h", .age.as_hours(), .max_age.as_hours())]
    Stale { signed_at: Timestamp, age: SignedDuration, max_age: SignedDuration },
    #[error("it was signed at {signed_at}, and the clock of this machine says {now}")]
    Ahead { signed_at: Timestamp, now: Timestamp },

    // The index.
    #[error("the signed index is of `{found}`, expected `{expected}`")]
    OtherPackage { expected: PackageName, found: PackageName },
    #[error("the signed index is of {index} entries, and the checkpoint of {checkpoint}")]
    OtherTree { index: u64, checkpoint: u64 },
    #[error("the registry lists `{0}`, of which the signed index says nothing")]
    Unlogged(IndexedEntry),
    #[error("the registry lists `{shown}`, and the signed index says `{signed}`")]
    Relabelled { shown: IndexedEntry, signed: IndexedEntry },
    #[error("entry {0} of the signed index is not listed")]
    Unlisted(u64),
    #[error(
        "the registry lists {version} as {shown}, and the signed index says that it is {signed}"
    )]
    Status { version: Version, shown: Status, signed: Status },
    #[error("{version}, which is installed as entry {entry}, is not listed as that")]
    Missing { version: Version, entry: u64 },
    #[error("the registry says that there is no `{0}`, which is installed from it")]
    Gone(PackageName),

    // The release.
    #[error("the entry has another {0} than the release")]
    Subject(&'static str),
    #[error("the receipt is of entry {found}, and the index names entry {expected}")]
    OtherEntry { expected: u64, found: u64 },
    #[error("the receipt is of {receipt} entries, and the newest checkpoint of {checkpoint}")]
    ReceiptAhead { receipt: u64, checkpoint: u64 },

    // What was stated since.
    #[error("the receipt of a statement is not one")]
    Receipt(#[source] NoteError),
    #[error("entry {index} has another {part} than the statement that was signed")]
    Statement { index: u64, part: &'static str },
    #[error("entry {index} was signed by {found}, and the name was bound to {bound}")]
    Signer { index: u64, bound: Box<Publisher>, found: Box<Publisher> },
    #[error("entry {0}, as it is served, is not the one that the log signed")]
    Entry(u64),
    #[error("{found} things were stated about it, and {limit} are read at most")]
    TooMany { found: usize, limit: usize },
}

impl Coded for Distrust {
    fn code(&self) -> Code {
        match self {
            Self::NoKey | Self::FirstUse | Self::OtherKey { .. } => Code::LogKey,
            Self::KeyOfWitness(_) | Self::Witnesses { .. } | Self::SameWitness(_) => Code::Config,
            Self::Empty(_) => Code::LogEmpty,
            Self::Leap { .. } | Self::ReceiptAhead { .. } => Code::LogProof,
            Self::Undated | Self::Stale { .. } | Self::Ahead { .. } => Code::Stale,
            Self::OtherPackage { .. }
            | Self::OtherTree { .. }
            | Self::Unlogged(_)
            | Self::Relabelled { .. }
            | Self::Subject(_)
            | Self::Statement { .. }
            | Self::OtherEntry { .. } => Code::LogSubject,
            Self::Status { shown, .. } if !agreement::is_hidden(*shown) => Code::LogSubject,
            Self::Receipt(error) => error.code(),
            Self::Signer { .. } => Code::Publisher,
            Self::TooMany { .. } => Code::Limit,
            Self::Entry(_) => Code::LogTile,
            Self::Status { .. } | Self::Unlisted(_) | Self::Missing { .. } | Self::Gone(_) => {
                Code::HiddenRelease
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoKey | Self::FirstUse | Self::KeyOfWitness(_) => {
                "get the key from the registry's operator by another way, and add the registry \
                 with `--log-key`"
            }
            Self::OtherKey { .. } => "ask the registry's operator which of the two is right",
            Self::Witnesses { .. } | Self::SameWitness(_) => {
                "correct `witnesses` and `witness_quorum` in the configuration"
            }
            Self::Undated | Self::Stale { .. } => {
                "somebody may hold back what is new; try again, then ask the registry's operator"
            }
            Self::Ahead { .. } => {
                "set the clock of this machine, or ask the operator to set theirs"
            }
            _ => "do not use it; try again, and if that changes nothing, tell the operator",
        })
    }
}
