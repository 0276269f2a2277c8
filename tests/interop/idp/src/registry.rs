//! The registry that one logs in for: the real program, which checks the tokens itself.
//!
//! It speaks TLS with a certificate of the company's authority, and reaches the identity
//! provider, whose certificate is of that authority too, by the company's proxy alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpkg_core::log::{SigningKey, VerifierKey};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Binaries, Draft, Http, RegistryProcess, TestCa};

use crate::Result;
use crate::provider::ISSUER;

/// What it is called.
pub(crate) const REGISTRY: &str = "https://mcp.acme.example";

/// The package that it has.
pub(crate) const NAME: &str = "io.github.acme/weather";

/// A registry with one package, which `ada` may read and nobody else.
pub(crate) struct Registry {
    pub(crate) sigstore: TestSigstore,
    pub(crate) process: RegistryProcess,
    program: PathBuf,
    folder: PathBuf,
}

impl Registry {
    /// Starts it. It lets in whoever has a token of [`ISSUER`] for [`REGISTRY`] that is tied
    /// to a key, and shows with each request that they have the key. What it needs is in
    /// `folder`; `proxy` is its way to the issuer.
    pub(crate) fn start(
        binaries: &Binaries,
        folder: PathBuf,
        ca: &TestCa,
        proxy: &str,
    ) -> Result<Self> {
        let sigstore = TestSigstore::start();
        fs::create_dir_all(&folder)?;
        let pair = ca.server(&["mcp.acme.example"]);
        fs::write(folder.join("trusted_root.json"), sigstore.trusted_root_json())?;
        fs::write(folder.join("server.pem"), pair.certificate)?;
        fs::write(folder.join("server-key.pem"), pair.key)?;
        fs::write(folder.join("ca.pem"), ca.pem())?;
        fs::write(folder.join("registry.toml"), configuration(proxy))?;
        let program = binaries.program("mcpkg-registry");
        let process = RegistryProcess::launch_configured(&program, &folder)?.listening()?;
        let registry = Self { sigstore, process, program, folder };
        registry.publish(ca)?;
        Ok(registry)
    }

    /// Publishes the package. A signature decides about that, and no token is needed.
    fn publish(&self, ca: &TestCa) -> Result<()> {
        let author = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
        let release = Draft::new(NAME, "1.2.0").sign(&self.sigstore, &author);
        let http = Http::trusting(format!("https://{}", self.process.address()), ca, None);
        let reply = http.publish(&release);
        if reply.status == 201 { Ok(()) } else { Err(format!("not published: {reply}").into()) }
    }

    /// The key of its log.
    pub(crate) fn log_key(&self) -> Result<VerifierKey> {
        let text = fs::read_to_string(self.folder.join("data.log-key"))?;
        Ok(text.trim_end().parse::<SigningKey>()?.verifier())
    }

    /// Ends it. Gives all that it said, and what it has remembered of who did what.
    pub(crate) fn stop(self) -> Result<(String, String)> {
        let said = self.process.stop()?;
        Ok((said, audited(&self.program, &self.folder)?))
    }
}

fn audited(program: &Path, folder: &Path) -> Result<String> {
    let mut command = Command::new(program);
    let output = command.args(["audit", "export", "--config", "registry.toml"]);
    let output = output.current_dir(folder).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn configuration(proxy: &str) -> String {
    format!(
        r#"
        listen = "127.0.0.1:0"
        data = "data"
        public_url = "{REGISTRY}"
        trust_public_good = false

        [[trust_root]]
        file = "trusted_root.json"
        namespaces = ["io.github.acme/*"]

        [authority]
        dns = false
        well_known = false

        [tls]
        certificate = "server.pem"
        key = "server-key.pem"

        [access]
        ca = "ca.pem"
        proxy = "{proxy}"
        dpop = "required"
        dpop_nonce = "required"

        [[access.issuer]]
        name = "sso"
        url = "{ISSUER}"
        login = {{ client_id = "mcpkg", scopes = ["read"] }}

        [[access.role]]
        role = "reader"
        issuer = "sso"
        subjects = ["ada"]
        "#
    )
}
