//! Who signs: the identities that the issuer gives tokens to.
//!
//! Each kind of identity is a [`Provider`], and has the claims of its real
//! issuer; GitHub's are in `github.rs`. What Fulcio makes of the claims is in
//! `certificate.rs`.

use serde_json::{Map, Value, json};

use super::github::GitHub;

/// The issuer of GitLab's tokens.
pub const GITLAB_ISSUER: &str = "https://gitlab.com";

/// Where an identity comes from, and which claims its token holds.
pub trait Provider {
    /// The `iss` claim. `own` is the URL of the [`TestSigstore`](super::TestSigstore).
    fn issuer(&self, own: &str) -> String;
    /// The `sub` claim.
    fn subject(&self) -> String;
    /// All other claims that depend on the identity.
    fn claims(&self) -> Value;
}

/// Somebody, or some workflow, that may ask for tokens.
///
/// ```
/// use mcpkg_test_support::sigstore::Identity;
///
/// let release = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
/// let forged = release.clone().claim("aud", "another-service");
/// ```
#[derive(Clone, Debug)]
pub struct Identity<P = GitHub> {
    pub(super) provider: P,
    replaced: Map<String, Value>,
}

impl<P: Provider> Identity<P> {
    pub(super) fn of(provider: P) -> Self {
        Self { provider, replaced: Map::new() }
    }

    /// Replaces one claim of the token, also one that the issuer decides on
    /// (`aud`, `exp`, `iat`, `iss`): what remains is signed with the real key.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.replaced.insert(name.to_owned(), value.into());
        self
    }

    /// The claims of this identity, without the audience and the times.
    pub(super) fn claims(&self, own: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), self.provider.issuer(own).into());
        claims.insert("sub".to_owned(), self.provider.subject().into());
        if let Value::Object(others) = self.provider.claims() {
            claims.extend(others);
        }
        claims.extend(self.replaced.clone());
        claims
    }
}

/// A job of a GitLab pipeline.
///
/// Source: [ID token authentication][claims], GitLab.
///
/// [claims]: https://docs.gitlab.com/ci/secrets/id_token_authentication/
#[derive(Clone, Debug)]
pub struct GitLab {
    project: String,
    tag: String,
}

impl Identity<GitLab> {
    /// A pipeline of `group/project` for a tag, on GitLab's own runner.
    pub fn gitlab(project: &str, tag: &str) -> Self {
        Self::of(GitLab { project: project.to_owned(), tag: tag.to_owned() })
    }
}

impl Provider for GitLab {
    fn issuer(&self, _own: &str) -> String {
        GITLAB_ISSUER.to_owned()
    }

    fn subject(&self) -> String {
        format!("project_path:{}:ref_type:tag:ref:{}", self.project, self.tag)
    }

    fn claims(&self) -> Value {
        let commit = "89abcdef0123456789abcdef0123456789abcdef";
        let namespace = self.project.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let config = format!("gitlab.com/{}//.gitlab-ci.yml@refs/tags/{}", self.project, self.tag);
        json!({
            "ci_config_ref_uri": config,
            "ci_config_sha": commit,
            "job_id": "3001",
            "namespace_id": "2002",
            "namespace_path": namespace,
            "pipeline_source": "push",
            "project_id": "1002",
            "project_path": self.project,
            "project_visibility": "public",
            "ref": self.tag,
            "ref_type": "tag",
            "runner_environment": "gitlab-hosted",
            "sha": commit,
        })
    }
}

/// A person who signed in with an e-mail address.
#[derive(Clone, Debug)]
pub struct Email {
    address: String,
}

impl Identity<Email> {
    /// A person whose address the issuer has verified.
    pub fn email(address: &str) -> Self {
        Self::of(Email { address: address.to_owned() })
    }
}

impl Provider for Email {
    fn issuer(&self, own: &str) -> String {
        own.to_owned()
    }

    fn subject(&self) -> String {
        format!("account-of-{}", self.address)
    }

    fn claims(&self) -> Value {
        json!({ "email": self.address, "email_verified": true })
    }
}
