//! The identity of a GitHub Actions job.
//!
//! Source: [OpenID Connect reference][claims], GitHub.
//!
//! [claims]: https://docs.github.com/actions/reference/openid-connect-reference

use serde_json::{Value, json};

use super::identity::{Identity, Provider};

/// The issuer of GitHub Actions' tokens.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A job of a GitHub Actions workflow.
#[derive(Clone, Debug)]
pub struct GitHub {
    repository: String,
    workflow: String,
    git_ref: String,
    commit: String,
    event: String,
    repository_id: String,
    owner_id: String,
    environment: Option<String>,
    reusable_workflow: Option<String>,
    runner: String,
    visibility: String,
    subject_has_ids: bool,
}

/// The commit that a reusable workflow is taken from.
pub const REUSABLE_WORKFLOW_COMMIT: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// The run that every GitHub identity belongs to.
pub const RUN_ID: &str = "7000001";

impl Identity<GitHub> {
    /// A push to `main` of `owner/repository`, built on GitHub's own runner by
    /// `.github/workflows/release.yml`.
    pub fn github(repository: &str) -> Self {
        Self::of(GitHub {
            repository: repository.to_owned(),
            workflow: ".github/workflows/release.yml".to_owned(),
            git_ref: "refs/heads/main".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            event: "push".to_owned(),
            repository_id: "1001".to_owned(),
            owner_id: "2001".to_owned(),
            environment: None,
            reusable_workflow: None,
            runner: "github-hosted".to_owned(),
            visibility: "public".to_owned(),
            subject_has_ids: true,
        })
    }

    fn with(mut self, change: impl FnOnce(&mut GitHub)) -> Self {
        change(&mut self.provider);
        self
    }

    /// The workflow's file, from the root of the repository.
    #[must_use]
    pub fn workflow(self, path: &str) -> Self {
        self.with(|github| github.workflow = path.into())
    }

    /// The full name of the branch or tag: `refs/tags/v1.2.0`.
    #[must_use]
    pub fn git_ref(self, git_ref: &str) -> Self {
        self.with(|github| github.git_ref = git_ref.into())
    }

    /// The commit that is built: 40 hexadecimal digits.
    #[must_use]
    pub fn commit(self, commit: &str) -> Self {
        self.with(|github| github.commit = commit.into())
    }

    /// What started the workflow: `push`, `release`, `pull_request_target`, …
    #[must_use]
    pub fn event(self, event: &str) -> Self {
        self.with(|github| github.event = event.into())
    }

    /// The number that the repository keeps when it is renamed.
    #[must_use]
    pub fn repository_id(self, id: &str) -> Self {
        self.with(|github| github.repository_id = id.into())
    }

    /// The number that the owner keeps when they are renamed.
    #[must_use]
    pub fn owner_id(self, id: &str) -> Self {
        self.with(|github| github.owner_id = id.into())
    }

    /// The deployment environment of the job, if it has one.
    #[must_use]
    pub fn environment(self, environment: Option<&str>) -> Self {
        self.with(|github| github.environment = environment.map(str::to_owned))
    }

    /// The job is defined in another workflow, which the workflow calls:
    /// `owner/repository/path@ref`. The certificate then names *that* one.
    #[must_use]
    pub fn reusable_workflow(self, reference: &str) -> Self {
        self.with(|github| github.reusable_workflow = Some(reference.to_owned()))
    }

    /// Whose machine it runs on: `github-hosted` or `self-hosted`.
    #[must_use]
    pub fn runner(self, runner: &str) -> Self {
        self.with(|github| github.runner = runner.into())
    }

    /// Who sees the repository: `public`, `internal` or `private`.
    #[must_use]
    pub fn visibility(self, visibility: &str) -> Self {
        self.with(|github| github.visibility = visibility.into())
    }

    /// Uses the older shape of `sub`, `repo:owner/name:…`, which repositories
    /// from before July 2026 have. The newer one holds the numbers as well,
    /// `repo:owner@2001/name@1001:…`, so that a recycled name is another subject.
    #[must_use]
    pub fn subject_without_ids(self) -> Self {
        self.with(|github| github.subject_has_ids = false)
    }

    /// What a runner tells the steps of a job, apart from how to get a token.
    pub(super) fn environment_variables(&self) -> Vec<(String, String)> {
        let github = &self.provider;
        [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", &github.event),
            ("GITHUB_REF", &github.git_ref),
            ("GITHUB_REPOSITORY", &github.repository),
            ("GITHUB_REPOSITORY_ID", &github.repository_id),
            ("GITHUB_REPOSITORY_OWNER", github.owner()),
            ("GITHUB_REPOSITORY_OWNER_ID", &github.owner_id),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_RUN_ID", RUN_ID),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", &github.commit),
            ("GITHUB_WORKFLOW", "Release"),
            ("GITHUB_WORKFLOW_REF", &github.workflow_ref()),
            ("GITHUB_WORKFLOW_SHA", &github.commit),
            ("RUNNER_ENVIRONMENT", &github.runner),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl GitHub {
    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn workflow_ref(&self) -> String {
        format!("{}/{}@{}", self.repository, self.workflow, self.git_ref)
    }
}

impl Provider for GitHub {
    fn issuer(&self, _own: &str) -> String {
        GITHUB_ISSUER.to_owned()
    }

    fn subject(&self) -> String {
        let repository = match self.repository.split_once('/') {
            Some((owner, name)) if self.subject_has_ids => {
                format!("{owner}@{}/{name}@{}", self.owner_id, self.repository_id)
            }
            _ => self.repository.clone(),
        };
        let context = match &self.environment {
            Some(environment) => format!("environment:{environment}"),
            None if self.event == "pull_request" => "pull_request".to_owned(),
            None => format!("ref:{}", self.git_ref),
        };
        format!("repo:{repository}:{context}")
    }

    fn claims(&self) -> Value {
        let mut claims = json!({
            "event_name": self.event,
            "job_workflow_ref": self.reusable_workflow.clone().unwrap_or(self.workflow_ref()),
            "job_workflow_sha": match &self.reusable_workflow {
                Some(_) => REUSABLE_WORKFLOW_COMMIT,
                None => &self.commit,
            },
            "ref": self.git_ref,
            "repository": self.repository,
            "repository_id": self.repository_id,
            "repository_owner": self.owner(),
            "repository_owner_id": self.owner_id,
            "repository_visibility": self.visibility,
            "run_attempt": "1",
            "run_id": RUN_ID,
            "runner_environment": self.runner,
            "sha": self.commit,
            "workflow": "Release",
            "workflow_ref": self.workflow_ref(),
            "workflow_sha": self.commit,
        });
        if let Some(environment) = &self.environment {
            claims["environment"] = environment.as_str().into();
        }
        claims
    }
}
