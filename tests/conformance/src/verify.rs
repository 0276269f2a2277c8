//! `verify-bundle`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mcpkg_core::Digest;
use mcpkg_core::evidence::Signer;
use mcpkg_verify::{Attestation, Subject, TrustedKey, verify, verify_with_key};

use crate::{Result, TrustArgs, read, read_text};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    trust: TrustArgs,
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The only subject that the certificate may name
    #[arg(
        long,
        value_name = "ID",
        requires = "certificate_oidc_issuer",
        required_unless_present = "key"
    )]
    certificate_identity: Option<String>,
    /// The only issuer that the certificate may name
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The public key that signed, in PEM, in place of a certificate
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    /// What was signed: a file, or `sha256:` and 64 hexadecimal digits
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: OsString,
}

impl Args {
    pub(crate) fn run(&self) -> Result<()> {
        let root = self.trust.root()?;
        let bundle = read(&self.bundle)?;
        let subjects = [Subject::Artifact(digest(&self.artifact)?)];
        // The suite is about signatures, and signs files and statements of any
        // kind. That a release carries SLSA provenance is not its question.
        let attestation = Attestation::Blob;
        if let Some(path) = &self.key {
            let key = TrustedKey::from_pem(&read_text(path)?, None, None)?;
            verify_with_key(&subjects, attestation, &bundle, &key, &root)?;
            return Ok(());
        }
        let evidence = verify(&subjects, attestation, &bundle, &root)?;
        let expected = (&self.certificate_oidc_issuer, &self.certificate_identity);
        let (Some(issuer), Some(subject)) = expected else {
            return Err("no identity was asked for".into());
        };
        is_by(&evidence.signer, issuer, subject)
    }
}

fn is_by(signer: &Signer, issuer: &str, subject: &str) -> Result<()> {
    for (what, found, expected) in
        [("issuer", signer.issuer.as_str(), issuer), ("identity", &signer.subject, subject)]
    {
        if found != expected {
            return Err(format!("the {what} is `{found}`, expected `{expected}`").into());
        }
    }
    Ok(())
}

/// The digest that is meant: of the protocol's form, and no file's name; else
/// that of the file.
fn digest(artifact: &OsString) -> Result<Digest> {
    let path = Path::new(artifact);
    let stated = artifact.to_str().and_then(|text| text.strip_prefix("sha256:"));
    if let Some(digest) = stated.and_then(|hex| Digest::from_hex(hex).ok())
        && !path.exists()
    {
        return Ok(digest);
    }
    Ok(Digest::of(&read(path)?))
}
