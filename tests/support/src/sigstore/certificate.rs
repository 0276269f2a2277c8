//! What Fulcio writes into a certificate: the claims of a token, as extensions.
//!
//! Source: the [list of object identifiers][oids] and the templates of Fulcio's
//! own configuration, `config/identity/config.yaml`.
//!
//! [oids]: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md

use der::{Encode as _, asn1::Utf8StringRef};
use rcgen::{CustomExtension, SanType};

use super::github::GITHUB_ISSUER;
use super::identity::GITLAB_ISSUER;
use super::oidc::Claims;
use super::refusal::Refusal;

/// The arc of Fulcio's extensions; the last number is the claim's.
const FULCIO: [u64; 8] = [1, 3, 6, 1, 4, 1, 57264, 1];

/// The issuer, and GitHub's claims, in the encoding that was used at first.
const RAW: std::ops::RangeInclusive<u64> = 1..=6;

/// The name of the signer, and what else is known about them.
pub(super) struct Subject {
    /// The only alternative name of the certificate.
    pub(super) name: SanType,
    /// What the signer signs to prove that the key is theirs.
    pub(super) challenge: String,
    /// Fulcio's extensions.
    pub(super) extensions: Vec<CustomExtension>,
}

impl Subject {
    /// Reads a token's claims as its issuer means them.
    ///
    /// Refuses a token that lacks what the certificate's name is made of, and
    /// an e-mail address that nobody verified.
    pub(super) fn from_claims(claims: &Claims) -> Result<Self, Refusal> {
        let issuer = claims.required("iss")?;
        let (name, challenge, values) = match issuer {
            GITHUB_ISSUER => {
                let job = claims.required("job_workflow_ref")?;
                (uri(&format!("https://github.com/{job}"))?, "sub", github(claims))
            }
            GITLAB_ISSUER => {
                let config = claims.required("ci_config_ref_uri")?;
                (uri(&format!("https://{config}"))?, "sub", gitlab(claims))
            }
            _ if claims.is_true("email_verified") => {
                let address = claims.required("email")?;
                let address = address.try_into().map_err(Refusal::unauthorized)?;
                (SanType::Rfc822Name(address), "email", Vec::new())
            }
            _ => return Err(Refusal::unauthorized("the e-mail address is not verified")),
        };
        let issuer = Some(issuer.to_owned());
        let extensions = [(1, issuer.clone()), (8, issuer)]
            .into_iter()
            .chain(values)
            .filter_map(|(number, value)| Some(extension(number, &value?)))
            .collect();
        Ok(Self { name, challenge: claims.required(challenge)?.to_owned(), extensions })
    }
}

fn uri(text: &str) -> Result<SanType, Refusal> {
    Ok(SanType::URI(text.try_into().map_err(Refusal::unauthorized)?))
}

fn extension(number: u64, value: &str) -> CustomExtension {
    let content = if RAW.contains(&number) {
        value.as_bytes().to_vec()
    } else {
        let text = Utf8StringRef::new(value).and_then(|text| text.to_der());
        text.expect("a claim is shorter than 256 MiB")
    };
    let mut identifier = FULCIO.to_vec();
    identifier.push(number);
    CustomExtension::from_oid_content(&identifier, content)
}

fn github(claims: &Claims) -> Vec<(u64, Option<String>)> {
    let text = |name| claims.text(name).map(str::to_owned);
    let url = |name| claims.text(name).map(|path| format!("https://github.com/{path}"));
    let run = || {
        let attempt = claims.text("run_attempt")?;
        let run = claims.text("run_id")?;
        Some(format!("{}/actions/runs/{run}/attempts/{attempt}", url("repository")?))
    };
    vec![
        (2, text("event_name")),
        (3, text("sha")),
        (4, text("workflow")),
        (5, text("repository")),
        (6, text("ref")),
        (9, url("job_workflow_ref")),
        (10, text("job_workflow_sha")),
        (11, text("runner_environment")),
        (12, url("repository")),
        (13, text("sha")),
        (14, text("ref")),
        (15, text("repository_id")),
        (16, url("repository_owner")),
        (17, text("repository_owner_id")),
        (18, url("workflow_ref")),
        (19, text("workflow_sha")),
        (20, text("event_name")),
        (21, run()),
        (22, text("repository_visibility")),
        (23, text("environment")),
        (24, text("sub")),
    ]
}

fn gitlab(claims: &Claims) -> Vec<(u64, Option<String>)> {
    let text = |name| claims.text(name).map(str::to_owned);
    let url = |name| claims.text(name).map(|path| format!("https://gitlab.com/{path}"));
    let config = || claims.text("ci_config_ref_uri").map(|config| format!("https://{config}"));
    let git_ref = || {
        let kind = if claims.text("ref_type")? == "branch" { "heads" } else { "tags" };
        Some(format!("refs/{kind}/{}", claims.text("ref")?))
    };
    let job = || Some(format!("{}/-/jobs/{}", url("project_path")?, claims.text("job_id")?));
    vec![
        (9, config()),
        (10, text("ci_config_sha")),
        (11, text("runner_environment")),
        (12, url("project_path")),
        (13, text("sha")),
        (14, git_ref()),
        (15, text("project_id")),
        (16, url("namespace_path")),
        (17, text("namespace_id")),
        (18, config()),
        (19, text("ci_config_sha")),
        (20, text("pipeline_source")),
        (21, job()),
        (22, text("project_visibility")),
        (23, text("environment")),
        (24, text("sub")),
    ]
}
