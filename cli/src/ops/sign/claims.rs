//! What a CI's token says about the build.

use mcpkg_core::evidence::BuildClaims;
use mcpkg_core::publisher::{GITHUB_ISSUER, GITLAB_ISSUER};
use serde_json::Value;

/// The claims of a CI's token that a statement repeats, by the names that the
/// forge gives them.
///
/// Sources: GitHub, "OpenID Connect reference"; GitLab, "ID token payload".
pub(super) fn build_claims(issuer: &str, claims: &Value) -> Option<BuildClaims> {
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    match issuer {
        GITHUB_ISSUER => {
            let server = "https://github.com";
            let repository = claim("repository")?;
            let below = |path: String| format!("{server}/{path}");
            let run = claim("run_id").map(|run| {
                let attempt = claim("run_attempt").unwrap_or_else(|| "1".to_owned());
                format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}")
            });
            Some(BuildClaims {
                build_signer_uri: claim("job_workflow_ref").map(below),
                build_config_uri: claim("workflow_ref").map(below),
                source_repository: Some(below(repository.clone())),
                source_commit: claim("sha"),
                source_ref: claim("ref"),
                source_repository_id: claim("repository_id"),
                source_owner_id: claim("repository_owner_id"),
                trigger: claim("event_name"),
                environment: claim("environment"),
                run_uri: run,
                ..BuildClaims::default()
            })
        }
        GITLAB_ISSUER => {
            let repository = format!("https://gitlab.com/{}", claim("project_path")?);
            Some(BuildClaims {
                build_signer_uri: claim("ci_config_ref_uri").map(|uri| format!("https://{uri}")),
                build_config_uri: claim("ci_config_ref_uri").map(|uri| format!("https://{uri}")),
                run_uri: claim("job_id").map(|job| format!("{repository}/-/jobs/{job}")),
                source_ref: claim("ref_path"),
                source_commit: claim("sha"),
                source_repository_id: claim("project_id"),
                source_owner_id: claim("namespace_id"),
                trigger: claim("pipeline_source"),
                environment: claim("environment"),
                source_repository: Some(repository),
                ..BuildClaims::default()
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_github_token_says_what_was_built() {
        let claims = json!({
            "repository": "acme/weather",
            "sha": "0123",
            "ref": "refs/tags/v1",
            "workflow_ref": "acme/weather/.github/workflows/release.yml@refs/tags/v1",
            "job_workflow_ref": "acme/weather/.github/workflows/release.yml@refs/tags/v1",
            "run_id": "77",
        });
        let build = build_claims(GITHUB_ISSUER, &claims).unwrap();
        assert_eq!(build.source_repository.unwrap(), "https://github.com/acme/weather");
        let run = "https://github.com/acme/weather/actions/runs/77/attempts/1";
        assert_eq!(build.run_uri.unwrap(), run);
    }

    #[test]
    fn a_persons_token_says_nothing_of_a_build() {
        let claims = json!({ "email": "a@example.com", "repository": "acme/weather" });
        assert_eq!(build_claims("https://accounts.example", &claims), None);
    }
}
