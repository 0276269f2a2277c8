//! Who is known, and as what, as it stands in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::publisher::{GITHUB_ISSUER, GITLAB_ISSUER};
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use crate::policy::Role;

/// How long a token may be valid in all, in minutes, unless the file says.
const DEFAULT_TOKEN_MINUTES: u32 = 90;

/// Whose tokens count, and what for: `[access]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// What tokens have to be addressed to; by default, `public_url`.
    pub audience: Option<String>,
    /// What whoever shows no token may do.
    #[serde(default)]
    pub anonymous: Anonymous,
    /// Whether callers have to prove that their token is theirs.
    #[serde(default)]
    pub dpop: Dpop,
    /// For how long a token may be valid in all, in minutes.
    pub max_token_minutes: Option<u32>,
    /// Certificates that issuers may have beside the web's, PEM. Relative to the file
    /// that names them.
    pub ca: Option<PathBuf>,
    /// Those whose tokens count.
    #[serde(default)]
    pub issuer: Vec<IssuerFile>,
    /// Who has which role.
    #[serde(default)]
    pub role: Vec<RoleFile>,
}

/// What whoever shows no token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// Nothing.
    #[default]
    Nothing,
    /// What a reader may.
    Read,
}

/// Whether callers have to prove that their token is theirs (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dpop {
    /// If their token is bound to a key.
    #[default]
    Optional,
    /// Always.
    Required,
}

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerFile {
    /// What policies call it: `User::"<name>/<subject>"`.
    pub name: String,
    /// Its address, exactly as its tokens have it.
    pub url: Url,
    /// How its tokens may be signed.
    #[serde(default = "default_algorithms")]
    pub algorithms: BTreeSet<TokenAlgorithm>,
    /// The types that its tokens may have.
    #[serde(default = "default_types")]
    pub token_types: BTreeSet<String>,
    /// The claim that lists groups.
    pub groups_claim: Option<String>,
}

/// How a token may be signed. There is no `none`, and nothing with a shared secret: a
/// public key that is taken for a secret is known to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum TokenAlgorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    RS256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    RS384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    RS512,
    /// RSA, PSS, SHA-256.
    PS256,
    /// RSA, PSS, SHA-384.
    PS384,
    /// RSA, PSS, SHA-512.
    PS512,
    /// ECDSA, P-256, SHA-256.
    ES256,
    /// ECDSA, P-384, SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// A role, and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleFile {
    /// Which role.
    pub role: Role,
    /// Whose tokens this is about, by the issuer's name.
    pub issuer: Option<String>,
    /// Whoever is in one of these groups.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Whoever the issuer calls one of these; `*` is everybody it knows.
    #[serde(default)]
    pub subjects: BTreeSet<String>,
    /// Whoever has all of these claims.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// Whoever signs as one of these.
    #[serde(default)]
    pub signers: Vec<AllowedIdentity>,
}

fn default_algorithms() -> BTreeSet<TokenAlgorithm> {
    use TokenAlgorithm::{ES256, EdDSA, PS256, RS256};
    BTreeSet::from([RS256, PS256, ES256, EdDSA])
}

fn default_types() -> BTreeSet<String> {
    BTreeSet::from(["at+jwt".to_owned()])
}

impl AccessFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|ca| folder.join(ca));
    }

    /// For how long a token may be valid in all, in seconds.
    pub(crate) fn max_token_seconds(&self) -> i64 {
        i64::from(self.max_token_minutes.unwrap_or(DEFAULT_TOKEN_MINUTES)) * 60
    }

    /// Refuses what could let in somebody who is not meant.
    pub(super) fn check(&self, public_url: Option<&str>) -> Result<(), ConfigError> {
        let wrong = |key, found: &str, expected| {
            let found = format!("`{}`", found.escape_debug());
            Err(ConfigError::Value { key, found, expected })
        };
        if public_url.is_none() {
            return wrong("public_url", "", "how others reach this registry, as tokens are for it");
        }
        if self.max_token_minutes == Some(0) {
            return wrong("access.max_token_minutes", "0", "a positive number");
        }
        let mut names = BTreeSet::new();
        for issuer in &self.issuer {
            issuer.check()?;
            if !names.insert(issuer.name.as_str()) {
                return wrong("access.issuer.name", &issuer.name, "a name that no other has");
            }
        }
        for role in &self.role {
            let issuer = self.issuer.iter().find(|it| Some(&it.name) == role.issuer.as_ref());
            if let (Some(name), None) = (&role.issuer, issuer) {
                return wrong("access.role.issuer", name, "the name of an issuer");
            }
            role.check(issuer)?;
        }
        Ok(())
    }
}

impl IssuerFile {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, found: &str, expected| {
            let found = format!("`{}`", found.escape_debug());
            Err(ConfigError::Value { key, found, expected })
        };
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(is_allowed) {
            let expected = "1 to 64 lower-case letters, digits and hyphens";
            return wrong("access.issuer.name", &self.name, expected);
        }
        if !is_safe(&self.url) {
            return wrong("access.issuer.url", self.url.as_str(), "an https URL without a query");
        }
        if self.algorithms.is_empty() || self.token_types.is_empty() {
            let expected = "at least one of `algorithms` and of `token_types`";
            return wrong("access.issuer", &self.name, expected);
        }
        Ok(())
    }
}

impl RoleFile {
    fn check(&self, issuer: Option<&IssuerFile>) -> Result<(), ConfigError> {
        let role = self.role.as_str();
        let wrong = |expected| {
            let found = format!("`{role}` for nobody, or for too many");
            Err(ConfigError::Value { key: "access.role", found, expected })
        };
        let of_tokens = usize::from(!self.groups.is_empty())
            + usize::from(!self.subjects.is_empty())
            + usize::from(!self.claims.is_empty());
        let Some(issuer) = issuer else {
            return if of_tokens == 0 && !self.signers.is_empty() {
                Ok(())
            } else {
                wrong("`signers`, or an `issuer` with one of `groups`, `subjects` and `claims`")
            };
        };
        if of_tokens != 1 || !self.signers.is_empty() {
            return wrong("one of `groups`, `subjects` and `claims` for an `issuer`");
        }
        if !self.groups.is_empty() && issuer.groups_claim.is_none() {
            return wrong("`groups` only of an issuer with a `groups_claim`");
        }
        // Anybody on the internet gets a token of these.
        let is_public = [GITHUB_ISSUER, GITLAB_ISSUER].contains(&bare(&issuer.url));
        if self.subjects.contains("*") && is_public {
            return wrong("no `*` of an issuer that anybody has an account with");
        }
        Ok(())
    }
}

/// The address of an issuer as tokens have it: `Url` puts a slash behind a host.
pub(crate) fn bare(url: &Url) -> &str {
    if url.path() == "/" { url.as_str().trim_end_matches('/') } else { url.as_str() }
}

/// Whether nobody in between can change what comes from there.
pub(crate) fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSO: &str = "[[issuer]]\nname = 'sso'\nurl = 'https://sso.acme.example'\n";

    fn check(text: &str) -> Result<(), ConfigError> {
        let file: AccessFile = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        file.check(Some("https://mcp.acme.example"))
    }

    #[test]
    fn what_could_let_in_somebody_who_is_not_meant_is_refused() {
        let role = |more: &str| format!("{SSO}[[role]]\nrole = 'reader'\n{more}");
        let github =
            "[[issuer]]\nname = 'ci'\nurl = 'https://token.actions.githubusercontent.com'\n";
        let everybody = "[[role]]\nrole = 'reader'\nissuer = 'ci'\nsubjects = ['*']\n";
        for (what, text) in [
            ("no name", SSO.replace("sso'\nurl", "'\nurl")),
            ("a name that reads as a path", SSO.replace("'sso'", "'sso/a'")),
            ("the same name twice", format!("{SSO}{SSO}")),
            ("plain http", SSO.replace("https", "http")),
            ("a query", SSO.replace("example'", "example/?a'")),
            ("a user", SSO.replace("//sso", "//root@sso")),
            ("no algorithm", format!("{SSO}algorithms = []")),
            ("no type", format!("{SSO}token_types = []")),
            ("tokens that are valid for no time", format!("max_token_minutes = 0\n{SSO}")),
            ("a role for nobody", role("")),
            ("a role for nobody of an issuer", role("issuer = 'sso'")),
            ("an issuer that is not there", role("issuer = 'other'\nsubjects = ['a']")),
            ("subjects of no issuer", role("subjects = ['a']")),
            ("two things at once", role("issuer = 'sso'\nsubjects = ['a']\nclaims = { a = 'b' }")),
            ("groups without a claim", role("issuer = 'sso'\ngroups = ['a']")),
            ("everybody on the internet", format!("{github}{everybody}")),
        ] {
            let error = check(&text).expect_err(what);
            assert!(matches!(error, ConfigError::Value { .. }), "{what}");
        }
        for text in [
            role("issuer = 'sso'\nsubjects = ['*']"),
            role("issuer = 'sso'\nclaims = { repository_owner_id = '1001' }"),
            role("[[role.signers]]\nissuer = 'https://sso.acme.example'\nsubject = 'a@b'"),
            format!(
                "{github}{}",
                everybody.replace("'*'", "'repo:acme/weather:ref:refs/heads/main'")
            ),
        ] {
            check(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn no_token_may_be_signed_with_a_secret_or_not_at_all() {
        for algorithm in ["none", "HS256", "HS384", "HS512", "RS1", "es256"] {
            let text = format!("{SSO}algorithms = ['{algorithm}']");
            assert!(toml::from_str::<AccessFile>(&text).is_err(), "{algorithm}");
        }
    }

    #[test]
    fn tokens_are_for_an_address_that_is_known() {
        let file: AccessFile = toml::from_str(SSO).unwrap();
        assert!(file.check(None).is_err());
    }
}
