//! `sign-bundle`.

use std::path::PathBuf;

use mcpkg_core::Digest;
use mcpkg_verify::{Attestation, Subject, verify};
use serde_json::Value;
use sigstore_oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::{SigningConfig, SigstoreInstance};

use crate::{Result, TrustArgs, read};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    trust: TrustArgs,
    /// The OpenID Connect token of whoever signs
    #[arg(long, value_name = "TOKEN")]
    identity_token: String,
    /// Where to write the bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Another instance's `signing_config.json`
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,
    /// The file is an in-toto statement: sign it as one
    #[arg(long)]
    in_toto: bool,
    /// What to sign
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
}

impl Args {
    pub(crate) fn run(&self) -> Result<()> {
        let artifact = read(&self.artifact)?;
        let services = match &self.signing_config {
            Some(path) => SigningServices::from_signing_config(&SigningConfig::from_file(path)?)?,
            None if self.trust.staging => {
                SigningServices::from_embedded(SigstoreInstance::Staging)?
            }
            None => SigningServices::from_embedded(SigstoreInstance::PublicGood)?,
        };
        let token = IdentityToken::from_jwt(&self.identity_token)?;
        let signer = SigningContext::new(services).signer(token);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bundle = if self.in_toto {
            runtime.block_on(signer.sign_raw_statement(&artifact))?
        } else {
            runtime.block_on(signer.sign(artifact.as_slice()))?
        };
        let json = bundle.to_json()?;
        // The library does not check what the services answered.
        let subjects = if self.in_toto { subjects(&artifact)? } else { vec![of(&artifact)] };
        verify(&subjects, Attestation::Blob, json.as_bytes(), &self.trust.root()?)?;
        std::fs::write(&self.bundle, json)
            .map_err(|error| format!("cannot write {}: {error}", self.bundle.display()).into())
    }
}

fn of(artifact: &[u8]) -> Subject {
    Subject::Artifact(Digest::of(artifact))
}

/// The SHA-256 subjects of an in-toto statement.
fn subjects(statement: &[u8]) -> Result<Vec<Subject>> {
    let statement: Value = serde_json::from_slice(statement)?;
    let subjects = statement["subject"].as_array().map(Vec::as_slice).unwrap_or_default();
    let digest = |subject: &Value| {
        let hex = subject["digest"]["sha256"].as_str().ok_or("a subject has no SHA-256")?;
        Ok(Subject::Artifact(Digest::from_hex(hex)?))
    };
    subjects.iter().map(digest).collect()
}
