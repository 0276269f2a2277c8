//! Why a source could not be read.

use std::error::Error;

use mcpkg_core::{Code, Coded, Digest};

use super::Resource;

/// Why a source could not be read. What was read before is not affected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It could not be reached, or the connection broke.
    #[error("could not reach `{address}`")]
    Transport {
        /// What was asked.
        address: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It points elsewhere.
    #[error("`{0}` sends us elsewhere, and a source answers itself")]
    Redirect(String),
    /// The answer is longer than it may be.
    #[error("`{address}` sent more than {limit_bytes} bytes")]
    TooLong {
        /// What was asked.
        address: String,
        /// How long it may be.
        limit_bytes: u64,
    },
    /// The answer took longer than it may.
    #[error("`{0}` sends too slowly")]
    TooSlow(String),
    /// There was nothing in the answer.
    #[error("`{0}` is empty")]
    Empty(String),
    /// It says that it has no such thing.
    #[error("`{address}` is not there")]
    Missing {
        /// What was asked.
        address: String,
    },
    /// It says that the thing was taken down.
    #[error("`{0}` was taken down")]
    TakenDown(String),
    /// It gives a reason not to answer that is about what was asked.
    #[error("`{address}` is not given out: {detail}")]
    Refused {
        /// What was asked.
        address: String,
        /// The stable code that it gave.
        code: Code,
        /// Its words.
        detail: String,
    },
    /// It cannot answer now.
    #[error("`{address}` answered with status {status}")]
    Status {
        /// What was asked.
        address: String,
        /// The status code.
        status: u16,
    },
    /// The answer is not what it should be.
    #[error("`{address}` cannot be used: {reason}")]
    Malformed {
        /// What was asked.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are others.
    #[error("the source sent {found} for {expected}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
}

impl UpstreamError {
    pub(super) fn malformed(resource: &Resource, reason: &str) -> Self {
        let reason = reason.chars().take(300).collect();
        Self::Malformed { address: resource.to_string(), reason }
    }

    /// Whether the same request may have another answer in a while, because nothing was
    /// said about what was asked.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::TooSlow(_) | Self::Status { .. })
    }
}

impl Coded for UpstreamError {
    fn code(&self) -> Code {
        match self {
            Self::Transport { .. } | Self::Redirect(_) | Self::TooSlow(_) => Code::Transport,
            Self::TooLong { .. } => Code::Limit,
            Self::Empty(_) => Code::LogEmpty,
            Self::Missing { .. } => Code::HiddenRelease,
            Self::TakenDown(_) => Code::TakenDown,
            Self::Refused { code, .. } => *code,
            Self::Status { .. } => Code::Unavailable,
            Self::Malformed { .. } => Code::Registry,
            Self::Digest { .. } => Code::Digest,
        }
    }
}
