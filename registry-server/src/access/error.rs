//! Why a request is not served for want of knowing who asks.

use std::sync::Arc;

use mcpkg_core::{Code, Coded};

use super::discover::DiscoverError;
use super::dpop::ProofError;
use super::token::TokenError;

/// Why it is not known who asks.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AccessError {
    /// There is no token, and one is needed.
    #[error("this needs a token, and the request has none")]
    Missing,
    /// What stands in `Authorization` is no token.
    #[error("the `Authorization` header is not `Bearer` or `DPoP` with a token")]
    Scheme,
    /// There is more than one `Authorization`, or it is not ASCII.
    #[error("the request has no single `Authorization` header")]
    Headers,
    /// A token stands in the address.
    #[error("the address has a token in its query, where it is written into logs")]
    Query,
    /// A token proves nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A proof of possession proves nothing.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The keys of an issuer are not known.
    #[error("the keys of the token's issuer cannot be fetched")]
    Keys(#[source] Arc<DiscoverError>),
    /// There is no room to remember a proof.
    #[error("too many proofs were shown in the last minute")]
    Full,
}

/// How a request is refused, for whoever knows status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is malformed.
    Request,
    /// It is not known who asks.
    Unknown,
    /// It cannot be found out now.
    Later,
}

impl AccessError {
    /// How the request is refused.
    pub(crate) fn refused(&self) -> Refused {
        match self {
            Self::Headers
            | Self::Query
            | Self::Token(TokenError::Audiences(_) | TokenError::Future) => Refused::Request,
            Self::Missing | Self::Scheme | Self::Token(_) | Self::Proof(_) => Refused::Unknown,
            Self::Keys(_) | Self::Full => Refused::Later,
        }
    }
}

impl Coded for AccessError {
    fn code(&self) -> Code {
        match self {
            Self::Missing | Self::Scheme => Code::Unauthenticated,
            Self::Headers | Self::Query => Code::Request,
            Self::Token(_) => Code::OidcToken,
            Self::Proof(ProofError::Replay) => Code::OidcReplay,
            Self::Proof(_) => Code::Dpop,
            Self::Keys(_) | Self::Full => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("log in with `mcpkg login`"),
            Self::Query => Some("send the token in the `Authorization` header, and get a new one"),
            Self::Token(TokenError::Expired | TokenError::Audience) => {
                Some("log in again with `mcpkg login`")
            }
            Self::Token(TokenError::Future | TokenError::NotYet)
            | Self::Proof(ProofError::Age(_)) => Some("set the clock"),
            Self::Proof(ProofError::Nonce) => Some("prove it again with the nonce in `DPoP-Nonce`"),
            Self::Keys(_) | Self::Full => Some("try again in a minute"),
            _ => None,
        }
    }
}
