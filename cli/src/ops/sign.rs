//! Signing keylessly: an identity that the CI already has, a certificate for ten
//! minutes, a public log. No key and no token is stored anywhere.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcpkg_core::evidence::BuildClaims;
use mcpkg_core::publisher::{GITHUB_ISSUER, GITLAB_ISSUER};
use serde_json::Value;
use sigstore_oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::{SigningConfig, SigstoreInstance};

use crate::error::{Error, Result};

/// Somebody who can sign: an identity, and the services that know it.
pub struct Signer {
    token: IdentityToken,
    context: SigningContext,
    runtime: tokio::runtime::Runtime,
}

impl Signer {
    /// Finds an identity: `token_file` if it is given, else the CI around us.
    ///
    /// # Errors
    ///
    /// [`Error::NoIdentity`] where there is none to find.
    pub fn find(token_file: Option<&Path>, signing_config: Option<&Path>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("start", error))?;
        let token = match token_file {
            Some(path) => {
                let text = read_token(path)?;
                IdentityToken::from_jwt(text.trim())
                    .map_err(|error| failed("read the token", error))?
            }
            None => runtime
                .block_on(IdentityToken::detect_ambient())
                .map_err(|error| failed("get a token from the CI", error))?
                .ok_or(Error::NoIdentity)?,
        };
        let services = match signing_config {
            Some(path) => {
                let config = SigningConfig::from_file(path)
                    .map_err(|error| failed("read the signing configuration", error))?;
                SigningServices::from_signing_config(&config)
            }
            None => SigningServices::from_embedded(SigstoreInstance::PublicGood),
        };
        let services = services.map_err(|error| failed("find the signing services", error))?;
        Ok(Self { token, context: SigningContext::new(services), runtime })
    }

    /// Who signs, as the token's issuer calls them.
    pub fn identity(&self) -> &str {
        self.token.identity()
    }

    /// What the token says about the build, for the statement.
    ///
    /// Only a claim at this point: the certificate that Fulcio makes from the
    /// same token is what verifiers compare the statement with.
    pub fn build_claims(&self) -> Option<BuildClaims> {
        let payload = self.token.expose_secret().split('.').nth(1)?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        build_claims(self.token.issuer(), &claims)
    }

    /// Signs a statement. The bundle is what the services answered; nothing in
    /// it has been checked yet.
    pub fn sign(&self, statement: &[u8]) -> Result<Vec<u8>> {
        let signer = self.context.signer(self.token.clone());
        let bundle = self
            .runtime
            .block_on(signer.sign_raw_statement(statement))
            .map_err(|error| failed("get the statement signed and logged", error))?;
        let json = bundle.to_json().map_err(|error| failed("write the bundle", error))?;
        Ok(json.into_bytes())
    }
}

fn read_token(path: &Path) -> Result<String> {
    // A token is bounded, so that a mistaken path does not fill the memory.
    const MAX_BYTES: u64 = 64 * 1024;
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// The claims of a CI's token that a statement repeats, by the names that the
/// forge gives them.
///
/// Sources: GitHub, "OpenID Connect reference"; GitLab, "ID token payload".
fn build_claims(issuer: &str, claims: &Value) -> Option<BuildClaims> {
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
                source_repository: Some(repository),
                ..BuildClaims::default()
            })
        }
        _ => None,
    }
}

fn failed(step: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Sign { step, source: Box::new(source) }
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
