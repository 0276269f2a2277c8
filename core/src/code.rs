//! The stable codes that every refusal carries.

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// A type that knows which [`Code`] a failure has.
pub trait Coded {
    /// The stable code of this failure.
    fn code(&self) -> Code;

    /// The one thing most likely to help, as an instruction, if there is one.
    fn hint(&self) -> Option<&'static str> {
        None
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// What went wrong, as a word that scripts and tests can rely on.
        ///
        /// The set only grows, and a code never changes its meaning. The server
        /// sends it in a problem document, the command prints it and puts it in
        /// `--json`.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
        )]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of this file.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

codes! {
    /// A package name that is malformed, or too like one that exists.
    Name = "E_NAME",
    /// A version that is not strict semantic versioning.
    Version = "E_VERSION",
    /// Bytes that are not the ones their digest names.
    Digest = "E_DIGEST",
    /// A path in an archive that leaves its folder or means something to a system.
    Path = "E_PATH",
    /// An entry of an archive that is not a regular file.
    EntryType = "E_ENTRY_TYPE",
    /// Two paths that are one on some file system.
    PathCollision = "E_PATH_COLLISION",
    /// An archive that two readers could see differently.
    Zip = "E_ZIP",
    /// Something larger, longer or more numerous than we accept.
    Limit = "E_LIMIT",
    /// A manifest that is malformed, or disagrees with `server.json`.
    Manifest = "E_MANIFEST",
    /// A `server.json` that is malformed, or is not the one that was signed.
    Metadata = "E_METADATA",
    /// A statement that does not attest this release.
    Attestation = "E_ATTESTATION",
    /// A signature, certificate, timestamp or transparency-log proof that fails.
    Signature = "E_SIGNATURE",
    /// A trust root that is missing, malformed or not tied to this name.
    TrustRoot = "E_TRUST_ROOT",
    /// A release without provenance.
    Provenance = "E_PROVENANCE",
    /// A token that proves nobody's identity, or is for somebody else.
    OidcToken = "E_OIDC_TOKEN",
    /// A token, or a proof beside one, that was shown before.
    OidcReplay = "E_OIDC_REPLAY",
    /// A token without proof that it belongs to whoever shows it.
    Dpop = "E_DPOP",
    /// A request that does not say who asks, where that is needed.
    Unauthenticated = "E_UNAUTHENTICATED",
    /// Somebody who is not logged in where that is needed, or could not be.
    Login = "E_LOGIN",
    /// An issuer of tokens other than the one that was pinned, or that it says it is.
    Issuer = "E_ISSUER",
    /// A certificate issued to an event that strangers can trigger.
    OidcEvent = "E_OIDC_EVENT",
    /// A release without provenance after releases that had it.
    ProvenanceLost = "E_PROVENANCE_LOST",
    /// A parameter of the build that policy does not know.
    SlsaParameter = "E_SLSA_PARAMETER",
    /// Too few of the rebuilds that policy asks for.
    Rebuilds = "E_REBUILDS",
    /// A policy that is malformed, or speaks of what there is not.
    Policy = "E_POLICY",
    /// Something that policy does not allow whoever asks.
    Denied = "E_DENIED",
    /// A name that another source is responsible for, or the registry itself.
    NamespaceOwner = "E_NAMESPACE_OWNER",
    /// A package that now comes from another source than before.
    SourceChanged = "E_SOURCE_CHANGED",
    /// A publisher with no authority over the namespace.
    Namespace = "E_NAMESPACE",
    /// A publisher other than the one the package is bound to.
    Publisher = "E_PUBLISHER",
    /// A publisher of the right name and another numeric id: a recycled account.
    PublisherId = "E_PUBLISHER_ID",
    /// A publisher other than the one the lock has pinned.
    IdentityChanged = "E_IDENTITY_CHANGED",
    /// A release younger than policy asks.
    TooFresh = "E_TOO_FRESH",
    /// A release that its publisher withdrew.
    Yanked = "E_YANKED",
    /// A release that an advisory is about, or that carries what one is about.
    Advisory = "E_ADVISORY",
    /// A release that waits until a person has approved it.
    Quarantined = "E_QUARANTINED",
    /// A release that the registry's policy does not give out.
    NotAdmitted = "E_NOT_ADMITTED",
    /// More releases or bytes than a namespace may have.
    Quota = "E_QUOTA",
    /// A statement that builds upon an entry that is no longer the newest.
    Conflict = "E_CONFLICT",
    /// Other content for a version that exists.
    Immutable = "E_IMMUTABLE",
    /// An unpacked tree that is not the one that was pinned.
    Tree = "E_TREE",
    /// A connection that left https, left its host or was cut.
    Transport = "E_TRANSPORT",
    /// Something that takes the network, for whoever asked that nobody be asked.
    Offline = "E_OFFLINE",
    /// A registry that answered what no registry should.
    Registry = "E_REGISTRY",
    /// A lockfile that cannot be read.
    Lock = "E_LOCK",
    /// A settings file that cannot be edited safely.
    Settings = "E_SETTINGS",
    /// A source that is not at hand, or not the one that was signed.
    Source = "E_SOURCE",
    /// A package that could not be built.
    Build = "E_BUILD",
    /// Another ecosystem's package whose dependencies its own tool cannot choose.
    Resolve = "E_RESOLVE",
    /// An image that is not named by its digest, or not as it could be started.
    Image = "E_IMAGE",
    /// No container engine that could start an image.
    Engine = "E_ENGINE",
    /// A remote server that cannot be connected to as it was signed, or that answers
    /// what none should.
    Remote = "E_REMOTE",
    /// A package with no artifact for this platform.
    Platform = "E_PLATFORM",
    /// A configuration value that is missing, or a secret where none may be.
    Config = "E_CONFIG",
    /// A secret that cannot be read, or a key store that cannot be used.
    Secret = "E_SECRET",
    /// A permission that was not granted.
    Permission = "E_PERMISSION",
    /// A server that cannot be kept within what it was granted.
    Confinement = "E_CONFINEMENT",
    /// A tool, prompt, resource or instructions that are not what was pinned.
    SurfaceChanged = "E_SURFACE_CHANGED",
    /// A tool whose name hides characters, or is that of another server's.
    ToolName = "E_TOOL_NAME",
    /// A tool that the rules in the lock do not allow.
    ToolDenied = "E_TOOL_DENIED",
    /// A message that two programs could read differently, or that nobody asked for.
    Message = "E_MESSAGE",
    /// A server that ended before it answered.
    ServerEnded = "E_SERVER_ENDED",
    /// A request that is malformed.
    Request = "E_REQUEST",
    /// Nothing at this address.
    NotFound = "E_NOT_FOUND",
    /// A signed note that is malformed, or whose signature is wrong.
    Note = "E_NOTE",
    /// A tile of the log that does not belong to the signed tree.
    LogTile = "E_LOG_TILE",
    /// An empty answer where the log should have said something.
    LogEmpty = "E_LOG_EMPTY",
    /// An entry of the log that is about something else.
    LogSubject = "E_LOG_SUBJECT",
    /// A proof of the log that proves nothing.
    LogProof = "E_LOG_PROOF",
    /// A log that tells two stories.
    LogFork = "E_LOG_FORK",
    /// A log that is signed by another key than the pinned one.
    LogKey = "E_LOG_KEY",
    /// A log that takes no more entries.
    LogFrozen = "E_LOG_FROZEN",
    /// Too few witnesses vouch for the log.
    Witness = "E_WITNESS",
    /// An index that is older than what is installed.
    Rollback = "E_ROLLBACK",
    /// A mirror that cannot show a package at the tree that it has shown of the log.
    Behind = "E_BEHIND",
    /// A release that an operator has taken down.
    TakenDown = "E_TAKEN_DOWN",
    /// A log that has not been signed for longer than policy allows.
    Stale = "E_STALE",
    /// A release that was logged, and that the index no longer shows.
    HiddenRelease = "E_HIDDEN_RELEASE",
    /// A clock that went back, so that nothing can be dated.
    Clock = "E_CLOCK",
    /// A stored blob that no longer has the bytes its digest names.
    Blob = "E_BLOB",
    /// An audit log that is not as it was written.
    Audit = "E_AUDIT",
    /// An export that is not written as exports are, or not whole.
    Export = "E_EXPORT",
    /// A disk that is full, read-only or failing, or a database that is locked.
    Storage = "E_STORAGE",
    /// The server is busy or stopping; the same request may succeed later.
    Unavailable = "E_UNAVAILABLE",
    /// A defect in the server.
    Internal = "E_INTERNAL",
}

/// A string that is no [`Code`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown code")]
pub struct UnknownCode;

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_one_way() {
        for &code in Code::ALL {
            assert!(code.as_str().starts_with("E_"));
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert!("e_name".parse::<Code>().is_err());
    }
}
