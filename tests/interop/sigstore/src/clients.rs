//! The verifiers that others wrote: cosign and sigstore-python. Neither is given
//! a network: what they need is in the trusted root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpkg_test_support::sigstore::GITHUB_ISSUER;
use serde_json::{Value, json};

use crate::Result;
use crate::process::run;
use crate::services::Services;

/// A proxy that nobody listens at.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Who has to have signed.
pub(crate) const SIGNER: &str =
    "https://github.com/acme/weather/.github/workflows/release.yml@refs/tags/v1.2.0";

/// The other verifiers, with whom they trust.
pub(crate) struct Clients<'a> {
    cosign: PathBuf,
    python: PathBuf,
    trust_config: PathBuf,
    services: &'a Services,
    folder: &'a Path,
}

impl<'a> Clients<'a> {
    pub(crate) fn new(programs: &Path, services: &'a Services, folder: &'a Path) -> Result<Self> {
        let read = |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
        let mut trusted_root = read(&services.trusted_root)?;
        // Fulcio's test authority has no common name. cosign leaves the field out
        // then, and sigstore-python does not go without it.
        for kind in ["certificateAuthorities", "timestampAuthorities"] {
            for authority in trusted_root[kind].as_array_mut().into_iter().flatten() {
                if authority["subject"]["commonName"].is_null() {
                    authority["subject"]["commonName"] = json!("");
                }
            }
        }
        let config = json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": trusted_root,
            "signingConfig": read(&services.signing_config)?,
        });
        let trust_config = folder.join("trust_config.json");
        fs::write(&trust_config, config.to_string())?;
        let cosign = programs.join("cosign");
        let python = programs.join("python/bin/python");
        Ok(Self { cosign, python, trust_config, services, folder })
    }

    /// Each verifier by its name, with whether it accepts `bundle` for `artifact`.
    pub(crate) fn verify(&self, artifact: &Path, bundle: &Path) -> [(&'static str, Result<()>); 2] {
        let cosign = run(self
            .command(&self.cosign)
            .args(["verify-blob-attestation", "--type", "slsaprovenance1"])
            .args(["--certificate-identity", SIGNER, "--certificate-oidc-issuer", GITHUB_ISSUER])
            .arg("--trusted-root")
            .arg(&self.services.trusted_root)
            .arg("--bundle")
            .arg(bundle)
            .arg(artifact));
        let python = run(self
            .command(&self.python)
            .args(["-m", "sigstore", "--trust-config"])
            .arg(&self.trust_config)
            .args(["verify", "identity", "--offline"])
            .args(["--cert-identity", SIGNER, "--cert-oidc-issuer", GITHUB_ISSUER])
            .arg("--bundle")
            .arg(bundle)
            .arg(artifact));
        [("cosign", cosign), ("sigstore-python", python)]
    }

    /// Has cosign sign a statement, into `bundle`.
    pub(crate) fn attest(&self, statement: &Path, token: &str, bundle: &Path) -> Result<()> {
        // A token is too long for cosign to take it on the command line.
        let token_file = self.folder.join("token");
        fs::write(&token_file, token)?;
        run(Command::new(&self.cosign)
            .current_dir(self.folder)
            .env("HOME", self.folder)
            .args(["attest-blob", "--yes", "--identity-token"])
            .arg(&token_file)
            .arg("--signing-config")
            .arg(&self.services.signing_config)
            .arg("--trusted-root")
            .arg(&self.services.trusted_root)
            .arg("--statement")
            .arg(statement)
            .arg("--bundle")
            .arg(bundle))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder).env_clear();
        command.env("HOME", self.folder).env("PATH", "/usr/bin:/bin");
        command.env("HTTPS_PROXY", NOWHERE).env("HTTP_PROXY", NOWHERE);
        command
    }
}
