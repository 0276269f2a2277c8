//! Why nobody was logged in. None of these holds a token, or a word of one.

use mcpkg_core::{Code, Coded};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why nobody was logged in, or a log-in could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A document of a registry or an issuer is not what it should be.
    #[error("{url} is no document that describes {what}: {reason}")]
    Metadata {
        /// Where it is from.
        url: String,
        /// What it should describe.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry speaks for another one.
    #[error("what is at {expected} describes itself as `{found}`")]
    Resource {
        /// Where it is.
        expected: String,
        /// What it says that it is.
        found: String,
    },
    /// The registry names no issuer.
    #[error("it does not say where to log in")]
    NoIssuer,
    /// The registry sends its users to another issuer than before.
    #[error("it names `{found}` to log in at, and you pinned `{pinned}`")]
    IssuerChanged {
        /// The one that is pinned.
        pinned: String,
        /// The ones that it names now.
        found: String,
    },
    /// The issuer's own document names another one.
    #[error("`{expected}` describes itself as `{found}`")]
    IssuerMismatch {
        /// The one that was asked.
        expected: String,
        /// What it says that it is.
        found: String,
    },
    /// An address that tokens would be sent to can be listened in on.
    #[error("the {what} `{found}` is not https")]
    Insecure {
        /// Which address.
        what: &'static str,
        /// What it is.
        found: String,
    },
    /// Nobody has said that this issuer is the right one, and there is nobody to ask.
    #[error("nobody has said that `{0}` is where to log in, and there is no terminal to ask on")]
    Unpinned(String),
    /// The issuer, or the registry, does not answer.
    #[error("could not reach {url}")]
    Unreachable {
        /// Which address.
        url: String,
        /// Why not.
        source: Source,
    },
    /// There is no HTTPS here.
    #[error("could not set up HTTPS")]
    Client(#[source] Source),
    /// Nobody said by which name the issuer knows this program.
    #[error("the issuer knows this program by a client id, and nobody has said by which")]
    NoClient,
    /// The issuer cannot do what is needed.
    #[error("the issuer `{issuer}` has no {what}")]
    Unsupported {
        /// Which one.
        issuer: String,
        /// What it lacks.
        what: &'static str,
    },
    /// The issuer said no.
    #[error("the issuer refuses: `{0}`")]
    Refused(String),
    /// The person said no, or an operator did for them.
    #[error("the log-in was declined")]
    Declined,
    /// Nobody has finished it.
    #[error("nobody has finished the log-in in time")]
    Expired,
    /// The answer to a browser is not the one that was asked for.
    #[error("the browser came back with {0}")]
    Answer(&'static str),
    /// The issuer's answer is no token that could be used.
    #[error("the issuer's answer cannot be used: {0}")]
    Token(&'static str),
    /// The address for the browser could not be listened on.
    #[error("could not wait for the browser")]
    Listen(#[source] std::io::Error),
    /// A key could not be made or used.
    #[error("could not sign with the key of this machine")]
    Key(#[source] Source),
    /// A key of this machine's, or a log-in, that is kept is damaged.
    #[error("the log-in that is kept for `{0}` is damaged")]
    Kept(String),
    /// The CI has a token, and does not give it.
    #[error("could not get a token from the CI")]
    Ambient(#[source] Source),
}

impl LoginError {
    /// A document that is not what it should be.
    pub(super) fn metadata(url: &str, what: &'static str, reason: impl Into<String>) -> Self {
        Self::Metadata { url: url.to_owned(), what, reason: reason.into() }
    }
}

impl Coded for LoginError {
    fn code(&self) -> Code {
        match self {
            Self::Metadata { .. } | Self::Resource { .. } => Code::Registry,
            Self::IssuerChanged { .. } | Self::IssuerMismatch { .. } => Code::Issuer,
            Self::Insecure { .. } | Self::Unreachable { .. } | Self::Client(_) => Code::Transport,
            Self::NoClient | Self::Unsupported { .. } => Code::Config,
            Self::Token(_) | Self::Ambient(_) => Code::OidcToken,
            Self::Kept(_) | Self::Key(_) => Code::Secret,
            Self::NoIssuer
            | Self::Unpinned(_)
            | Self::Refused(_)
            | Self::Declined
            | Self::Expired
            | Self::Answer(_)
            | Self::Listen(_) => Code::Login,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::IssuerChanged { .. } => {
                "ask its operator by another way; if it is right, name it: `mcpkg login --issuer <url>`"
            }
            Self::IssuerMismatch { .. } | Self::Metadata { .. } | Self::Resource { .. } => {
                "ask its operator; nothing was sent there"
            }
            Self::NoIssuer => {
                "if it needs no log-in, there is nothing to do; else `mcpkg login --issuer <url>`"
            }
            Self::Unpinned(_) => "if it is the right one, name it: `mcpkg login --issuer <url>`",
            Self::Unreachable { .. } => "check that you are online, and the proxy if there is one",
            Self::NoClient => "ask its operator for it, and pass `--client-id <id>`",
            Self::Kept(_) => "`mcpkg logout` forgets it, and `mcpkg login` makes a new one",
            Self::Expired | Self::Answer(_) => "try again",
            Self::Unsupported { .. } => "try the other way, with or without `--device`",
            _ => return None,
        })
    }
}
