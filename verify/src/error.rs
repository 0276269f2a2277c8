//! Why a bundle proves nothing.

use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::{Code, Coded, Digest};

/// Why a bundle is no evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bundle is larger, or holds more of something, than we accept.
    #[error("the bundle has {found} {what}, expected at most {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The bytes are no Sigstore bundle.
    #[error("the bundle is malformed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The envelope holds several signatures, so "the signer" is undefined.
    #[error("the envelope has {0} signatures, expected exactly one")]
    SignatureCount(usize),
    /// A signature, certificate, timestamp or log proof does not hold.
    #[error("the evidence does not hold")]
    Sigstore(#[source] Box<sigstore_verify::Error>),
    /// A check that must have run has not.
    #[error("the verification is incomplete")]
    Incomplete,
    /// The bundle states a log other than the one that signed for the entry.
    #[error("no trusted log of the id {stated} has signed for the entry")]
    Log {
        /// The id that the bundle states, in hex.
        stated: String,
    },
    /// The log's key was used outside the time it is trusted for.
    #[error("the log's key is not trusted for {at}, when it was signed")]
    LogWindow {
        /// When it was signed.
        at: Timestamp,
    },
    /// No trusted party says when it was signed.
    #[error("nothing proves when it was signed")]
    NoTime,
    /// The certificate names nobody.
    #[error("the certificate does not say {0}")]
    NoIdentity(&'static str),
    /// The key was used outside the time it may be used in.
    #[error("the key was used at {at}, outside the window it is trusted for")]
    KeyWindow {
        /// When it was used.
        at: Timestamp,
    },
    /// The key may never be used.
    #[error("the key is trusted from {from} until {until}, which is never")]
    EmptyWindow {
        /// From when on.
        from: Timestamp,
        /// Until before when.
        until: Timestamp,
    },
    /// The bundle was signed with a key, and no key may vouch for this name.
    #[error("it was signed with the key `{hint}`, and no key may vouch for `{name}`")]
    NoTrustKey {
        /// What the bundle says about the key, cut to a readable length.
        hint: String,
        /// The package.
        name: String,
    },
    /// A key is tied to a forge's namespace.
    #[error("a key cannot vouch for `{0}`, which belongs to an account at a forge")]
    KeyForForge(NamePattern),
    /// The key cannot be read.
    #[error("the public key is malformed")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was signed is not the kind of thing that was expected.
    #[error("the {what} is `{found}`, expected {expected}")]
    Kind {
        /// Which type field.
        what: &'static str,
        /// What it holds, cut to a readable length.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// It is not a statement about a package.
    #[error(transparent)]
    PackageStatement(#[from] mcpkg_core::statement::StatementError),
    /// The statement's JSON is not that of a statement.
    #[error("the statement is malformed")]
    Statement(#[source] serde_json::Error),
    /// What was signed is no VEX document.
    #[error("the signed VEX document is malformed")]
    Vex(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller asked for evidence of nothing.
    #[error("no subject was asked for")]
    NoSubject,
    /// The signature is over other things.
    #[error("the statement does not name {what} {expected}")]
    Subject {
        /// What should have been signed: `the artifact`, `the file tree`.
        what: &'static str,
        /// Its digest.
        expected: String,
    },
    /// The signature is over another `server.json`.
    #[error("the statement is not over this server.json, {expected}")]
    Metadata {
        /// The digest of the `server.json` that was presented.
        expected: Digest,
    },
    /// The statement is of another release.
    #[error("the statement is of {stated}, expected {expected}")]
    OtherRelease {
        /// The release it names.
        stated: String,
        /// The release that was asked for.
        expected: String,
    },
    /// The predicate and the certificate tell different stories.
    #[error("the statement says that {what} is `{stated}`, the certificate says `{certified}`")]
    Disagreement {
        /// About what.
        what: &'static str,
        /// What the statement says.
        stated: String,
        /// What the certificate says.
        certified: String,
    },
    /// No trust root may vouch for this name.
    #[error("no trust root may vouch for `{0}`")]
    NoTrustRoot(String),
}

impl Coded for VerifyError {
    fn code(&self) -> Code {
        match self {
            Self::TooMuch { .. } => Code::Limit,
            Self::Malformed(_)
            | Self::SignatureCount(_)
            | Self::Kind { .. }
            | Self::Statement(_)
            | Self::Vex(_)
            | Self::NoSubject
            | Self::Subject { .. }
            | Self::OtherRelease { .. }
            | Self::Disagreement { .. } => Code::Attestation,
            Self::Sigstore(_)
            | Self::Incomplete
            | Self::Log { .. }
            | Self::LogWindow { .. }
            | Self::NoTime
            | Self::NoIdentity(_)
            | Self::KeyWindow { .. }
            | Self::Key(_) => Code::Signature,
            Self::PackageStatement(error) => error.code(),
            Self::EmptyWindow { .. } => Code::Config,
            Self::Metadata { .. } => Code::Metadata,
            Self::NoTrustRoot(_) | Self::NoTrustKey { .. } | Self::KeyForForge(_) => {
                Code::TrustRoot
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Sigstore(source) => match source.as_ref() {
                sigstore_verify::Error::TransparencyLog(
                    sigstore_verify::TransparencyLogError::UnknownLog { .. },
                )
                | sigstore_verify::Error::Certificate(
                    sigstore_verify::CertificateError::ChainInvalid(_)
                    | sigstore_verify::CertificateError::NoValidAuthority { .. },
                ) => {
                    "it was signed under a Sigstore that is not trusted here; a private one is \
                     added with its `trusted_root.json`"
                }
                _ => "do not use it; report it to the package's author",
            },
            Self::NoTrustRoot(_) => {
                "tie a trust root to this namespace by its name in the configuration of the \
                 registry; a private one that is tied to `*` does not vouch for a forge's accounts"
            }
            Self::NoTrustKey { .. } => {
                "tie the key to this namespace in the configuration, if you trust it there"
            }
            Self::KeyForForge(_) => {
                "publish there from the account's own CI, or choose a namespace of your own"
            }
            Self::KeyWindow { .. } => {
                "it has to be signed with a key that is valid; what was signed in time stays valid"
            }
            Self::EmptyWindow { .. } => "correct `valid_from` and `valid_until`",
            Self::Metadata { .. } => {
                "do not use it; the server.json was changed after it was signed"
            }
            Self::PackageStatement(error) => return error.hint(),
            Self::Kind { .. } => {
                "sign with `mcpkg publish` or with GitHub's `actions/attest-build-provenance`"
            }
            _ => "do not use it; report it to the package's author",
        })
    }
}
