//! The forges that vouch for their accounts' namespaces.

use crate::publisher::{GITHUB_ISSUER, GITLAB_ISSUER};

/// A forge whose accounts own the namespaces of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// github.com: `io.github.<account>`.
    GitHub,
    /// gitlab.com: `io.gitlab.<group>`.
    GitLab,
}

impl Forge {
    const ALL: [Self; 2] = [Self::GitHub, Self::GitLab];

    /// The issuer of the tokens of its CI.
    pub const fn issuer(self) -> &'static str {
        match self {
            Self::GitHub => GITHUB_ISSUER,
            Self::GitLab => GITLAB_ISSUER,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::GitHub => "io.github.",
            Self::GitLab => "io.gitlab.",
        }
    }

    pub(super) const fn host(self) -> &'static str {
        match self {
            Self::GitHub => "github.com",
            Self::GitLab => "gitlab.com",
        }
    }

    /// The forge whose CI has this issuer.
    pub fn of_issuer(issuer: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|forge| forge.issuer() == issuer)
    }

    /// The forge that `namespace` belongs to, and the account there.
    pub fn of_namespace(namespace: &str) -> Option<(Self, &str)> {
        Self::ALL
            .into_iter()
            .find_map(|forge| Some((forge, strip_prefix_ignoring_case(namespace, forge.prefix())?)))
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}
