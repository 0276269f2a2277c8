//! Why something is not published through the MCP registry's API.

use mcpkg_core::server_json::ServerJsonError;
use mcpkg_core::{Code, Coded};

use crate::access::Denial;
use crate::authority::AuthorityError;
use crate::store::{Holder, StoreError};

/// Why a token is not given out, or not accepted, or does not suffice.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfficialError {
    /// There is no token.
    #[error("there is no `Authorization: Bearer …` header")]
    NoToken,
    /// A token proves nothing.
    #[error("the token proves nothing: {0}")]
    Token(&'static str),
    /// A token is for somebody else, or for several, or from the future.
    #[error("the token is not for this registry: {0}")]
    Audience(&'static str),
    /// A proof was used before.
    #[error("the proof was used before")]
    Replay,
    /// A token was issued to an event that strangers can trigger.
    #[error("the job was started by `{}`, which strangers can trigger", .0.escape_debug())]
    Event(String),
    /// The issuer of a token, or its keys, cannot be asked.
    #[error("could not ask the issuer of the token for its keys")]
    Issuer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A domain could not be asked, or what it says is malformed.
    #[error(transparent)]
    Domain(#[from] AuthorityError),
    /// A domain's proof does not hold.
    #[error("the proof for {domain} does not hold: {reason}")]
    Proof {
        /// The domain, as it was given.
        domain: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Nothing may be published unsigned under such names.
    #[error("`{0}` may not be published unsigned here")]
    NotOpen(String),
    /// The token is for other names.
    #[error("the token does not let `{name}` be published, but {granted}")]
    NotGranted {
        /// The name.
        name: String,
        /// The names that it is for.
        granted: String,
    },
    /// The name comes from a registry that is mirrored here.
    #[error("`{name}` comes from the source `{source_name}`, and from nowhere else")]
    FromSource {
        /// The name.
        name: String,
        /// Which registry.
        source_name: String,
        /// Whether the configuration says so, or what was served before.
        code: Code,
    },
    /// Policy does not let them.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The name is somebody else's.
    #[error("`{name}` {}", held(.holder))]
    Held {
        /// The name.
        name: String,
        /// Whose it is.
        holder: Holder,
    },
    /// The version is there with other content.
    #[error("`{name}` has the version `{}` with other content", version.escape_debug())]
    Exists {
        /// The name.
        name: String,
        /// The version.
        version: String,
    },
    /// The document is none.
    #[error("the document cannot be published")]
    Document(#[source] ServerJsonError),
    /// The document breaks its schema.
    #[error("the document breaks its schema: {}", .0.join("; "))]
    Odd(Vec<String>),
    /// The body is not JSON of the expected shape.
    #[error("the body is malformed")]
    Body(#[source] serde_json::Error),
    /// The body is too long.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The body did not come.
    #[error("the body did not arrive")]
    Cut,
    /// A status cannot be changed like that.
    #[error("{0}")]
    Status(&'static str),
    /// There is nothing of that name and version which was published here unsigned.
    #[error("nothing was published unsigned here as {0}")]
    Unknown(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn held(holder: &Holder) -> String {
    match holder {
        Holder::Signed => "has signed releases, and what is signed once stays signed".to_owned(),
        Holder::Source(source) => format!("is listed by {source}, which this registry follows"),
        Holder::Mirrored(source) => format!("comes from the source `{source}`"),
        Holder::Published | Holder::Nobody => "is taken".to_owned(),
    }
}

impl Coded for OfficialError {
    fn code(&self) -> Code {
        match self {
            Self::NoToken | Self::Token(_) | Self::Audience(_) | Self::Proof { .. } => {
                Code::OidcToken
            }
            Self::Replay => Code::OidcReplay,
            Self::Event(_) => Code::OidcEvent,
            Self::Issuer(_) => Code::Unavailable,
            Self::Domain(error) => error.code(),
            Self::NotOpen(_) | Self::NotGranted { .. } => Code::Namespace,
            Self::FromSource { code, .. } => *code,
            Self::Denied(Denial::Policy(_)) => Code::Denied,
            Self::Held { holder: Holder::Signed, .. } => Code::ProvenanceLost,
            Self::Held { holder: Holder::Mirrored(_), .. } => Code::SourceChanged,
            Self::Held { .. } => Code::NamespaceOwner,
            Self::Exists { .. } => Code::Immutable,
            Self::Document(error) => error.code(),
            Self::Odd(_) => Code::Metadata,
            Self::Body(_) | Self::Cut | Self::Status(_) => Code::Request,
            Self::TooLong(_) => Code::Limit,
            Self::Unknown(_) => Code::NotFound,
            Self::Store(error) | Self::Denied(Denial::Audit(error)) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoToken | Self::Token(_) => "log in again: a token is good for minutes",
            Self::Audience(_) => {
                "ask the issuer for a token whose only audience is this registry's address"
            }
            Self::Replay => "ask for a new token, or sign a new timestamp",
            Self::Domain(error) => return error.hint(),
            Self::NotOpen(_) => {
                "publish it signed, with `mcpkg publish`; or let the operator list its namespace \
                 under `official.publish`"
            }
            Self::FromSource { .. } | Self::Held { holder: Holder::Mirrored(_), .. } => {
                "publish under a name of your own"
            }
            Self::Denied(Denial::Policy(_)) => "ask whoever runs the registry, and name the policy",
            Self::Held { holder: Holder::Signed, .. } => "publish it signed, with `mcpkg publish`",
            Self::Exists { .. } => "publish it as another version",
            Self::Document(error) => return error.hint(),
            Self::Store(error) | Self::Denied(Denial::Audit(error)) => return error.hint(),
            _ => return None,
        })
    }
}
