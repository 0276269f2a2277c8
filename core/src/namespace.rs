//! Who may publish under a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::publisher::{GITHUB_ISSUER, GITLAB_ISSUER, Publisher};
use crate::{NameError, PackageName};

/// A set of names: `*` for all, or all in one namespace, `com.example/*`.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum NamePattern {
    /// Every name.
    All,
    /// The names in one namespace, in lower case.
    Namespace(String),
}

/// A string that is no [`NamePattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a name pattern, expected `*` or `<namespace>/*`", .0.escape_debug())]
pub struct PatternError(String);

impl NamePattern {
    /// Whether `name` is in the set.
    pub fn matches(&self, name: &PackageName) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(namespace) => namespace.eq_ignore_ascii_case(name.namespace()),
        }
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let error = || PatternError(text.chars().take(PackageName::MAX_LEN).collect());
        let namespace = text.strip_suffix("/*").ok_or_else(error)?;
        // A namespace is valid if some name in it is.
        let example: Result<PackageName, NameError> = format!("{namespace}/x").parse();
        example.map_err(|_| error())?;
        Ok(Self::Namespace(namespace.to_ascii_lowercase()))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
        }
    }
}

/// The rules for a private namespace: who may publish in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceRule {
    /// Which names this is about.
    pub pattern: NamePattern,
    /// Who may publish them; any one of these suffices.
    pub identities: Vec<AllowedIdentity>,
}

/// An identity that may publish: an issuer, and a subject or a repository that
/// it vouches for. Both must match to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedIdentity {
    /// The OpenID Connect issuer, as a URL.
    pub issuer: String,
    /// Which of that issuer's identities.
    #[serde(flatten)]
    pub who: Who,
}

/// What is matched beside the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The certificate's subject alternative name, such as an e-mail address.
    Subject(String),
    /// The source repository's URL: any of its workflows.
    Repository(String),
}

/// Why a publisher has no authority over a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum NamespaceError {
    /// The namespace belongs to somebody else.
    #[error("`{namespace}` belongs to {owner}, and this was signed by {found}")]
    NotOwner {
        /// The namespace.
        namespace: String,
        /// Who may publish in it.
        owner: String,
        /// Who signed.
        found: String,
    },
    /// Nothing says who may publish in this namespace.
    #[error("nothing says who may publish in `{0}`")]
    Unknown(String),
}

/// Decides whether `publisher` may publish `name`.
///
/// A namespace under `io.github.` or `io.gitlab.` belongs to the account of
/// that name, as the forge's own issuer says it; no rule can hand it to anybody
/// else. Any other belongs to the identities that `rules` lists, and without a
/// rule to nobody.
///
/// Source: `DESIGN.md` section 6. The forge's account names are compared
/// without case, as the forges do.
pub fn authorise(
    name: &PackageName,
    publisher: &Publisher,
    rules: &[NamespaceRule],
) -> Result<(), NamespaceError> {
    let namespace = name.namespace();
    let not_owner = |owner: String| NamespaceError::NotOwner {
        namespace: namespace.to_owned(),
        owner,
        found: publisher.to_string(),
    };
    for (prefix, issuer, host) in
        [("io.github.", GITHUB_ISSUER, "github.com"), ("io.gitlab.", GITLAB_ISSUER, "gitlab.com")]
    {
        let Some(account) = strip_prefix_ignoring_case(namespace, prefix) else { continue };
        let is_owner = matches!(publisher, Publisher::Workflow(workflow)
            if workflow.issuer == issuer
                && owner_of(&workflow.repository, host)
                    .is_some_and(|owner| owner.eq_ignore_ascii_case(account)));
        let owner = format!("the workflows of {host}/{account}");
        return if is_owner { Ok(()) } else { Err(not_owner(owner)) };
    }

    let mut rules = rules.iter().filter(|rule| rule.pattern.matches(name)).peekable();
    if rules.peek().is_none() {
        return Err(NamespaceError::Unknown(namespace.to_owned()));
    }
    if rules.flat_map(|rule| &rule.identities).any(|allowed| allowed.is(publisher)) {
        Ok(())
    } else {
        Err(not_owner("the identities that the configuration lists".to_owned()))
    }
}

impl AllowedIdentity {
    fn is(&self, publisher: &Publisher) -> bool {
        publisher.issuer() == self.issuer
            && match (&self.who, publisher) {
                (Who::Subject(subject), Publisher::Identity(identity)) => {
                    *subject == identity.subject
                }
                (Who::Repository(repository), Publisher::Workflow(workflow)) => {
                    *repository == workflow.repository
                }
                _ => false,
            }
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The account in `https://<host>/<account>/<repository>`.
fn owner_of<'a>(repository: &'a str, host: &str) -> Option<&'a str> {
    let path = repository.strip_prefix("https://")?.strip_prefix(host)?.strip_prefix('/')?;
    let (owner, repository) = path.split_once('/')?;
    (!owner.is_empty() && !repository.is_empty()).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Signer;
    use crate::publisher::tests::{acme, acme_with};

    fn name(name: &str) -> PackageName {
        name.parse().unwrap()
    }

    #[test]
    fn a_forge_namespace_belongs_to_the_account_of_that_name() {
        let acme = Publisher::of(&acme()).unwrap();
        for (package, allowed) in [
            ("io.github.acme/weather", true),
            ("io.github.Acme/anything", true),
            ("io.GitHub.acme/weather", true),
            ("io.github.acm/weather", false),
            ("io.github.acme.x/weather", false),
            ("io.gitlab.acme/weather", false),
            ("com.acme/weather", false),
        ] {
            assert_eq!(authorise(&name(package), &acme, &[]).is_ok(), allowed, "{package}");
        }
    }

    #[test]
    fn the_repository_must_be_on_the_forge_and_the_issuer_its_own() {
        let elsewhere = acme_with(|claims| {
            claims.source_repository = Some("https://github.com.evil.example/acme/weather".into());
            let uri = "https://github.com.evil.example/acme/weather/.github/workflows/r.yml@refs/tags/v1.2.0";
            claims.build_signer_uri = Some(uri.into());
            claims.build_config_uri = Some(uri.into());
        });
        let other_issuer = Signer { issuer: "https://oidc.evil.example".into(), ..acme() };
        for signer in [elsewhere, other_issuer] {
            let publisher = Publisher::of(&signer).unwrap();
            assert!(authorise(&name("io.github.acme/weather"), &publisher, &[]).is_err());
        }
    }

    #[test]
    fn a_private_namespace_belongs_to_those_who_are_listed() {
        let alice = Publisher::of(&Signer {
            issuer: "https://sso.acme.example".into(),
            subject: "alice@acme.example".into(),
            build: None,
        })
        .unwrap();
        let rule = |pattern: &str, issuer: &str, subject: &str| NamespaceRule {
            pattern: pattern.parse().unwrap(),
            identities: vec![AllowedIdentity {
                issuer: issuer.into(),
                who: Who::Subject(subject.into()),
            }],
        };
        let sso = "https://sso.acme.example";
        for (rule, allowed) in [
            (rule("com.acme/*", sso, "alice@acme.example"), true),
            (rule("*", sso, "alice@acme.example"), true),
            (rule("com.acme/*", sso, "bob@acme.example"), false),
            (rule("com.acme/*", "https://other.example", "alice@acme.example"), false),
            (rule("com.other/*", sso, "alice@acme.example"), false),
        ] {
            let rules = [rule];
            assert_eq!(authorise(&name("com.acme/tool"), &alice, &rules).is_ok(), allowed);
            assert!(
                authorise(&name("io.github.acme/tool"), &alice, &rules).is_err(),
                "no rule gives away a forge's namespace"
            );
        }
    }

    #[test]
    fn patterns_have_one_spelling() {
        for text in ["*", "com.acme/*", "io.github.acme/*"] {
            assert_eq!(text.parse::<NamePattern>().unwrap().to_string(), text);
        }
        for text in ["", "com.acme", "com.acme/x", "*/*", "com.*/*", "../*", "com.acme/**"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }
}
