//! Fulcio with its certificate transparency log, Rekor v2, a timestamp authority,
//! and the two files that tell clients about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};
use pkcs8::PrivateKeyInfo;
use sec1::der::pem::LineEnding;
use sec1::der::{Decode as _, EncodePem as _};
use sec1::{EcParameters, EcPrivateKey};
use serde_json::Value;

use crate::Result;
use crate::issuer::Issuer;
use crate::process::{Server, free_port, run};

/// What Rekor calls itself in its checkpoints: its log's id depends on it, and
/// cosign expects the host of the log's address, without the port.
const ORIGIN: &str = "127.0.0.1";

/// A Sigstore of programs that others wrote, until it is dropped.
pub(crate) struct Services {
    /// What clients trust.
    pub(crate) trusted_root: PathBuf,
    /// Where clients sign.
    pub(crate) signing_config: PathBuf,
    _servers: [Server; 4],
    _issuer: Issuer,
}

impl Services {
    /// Starts all of them, with their files in `folder`. Fulcio takes GitHub's
    /// tokens, by the keys at the address `keys`.
    pub(crate) fn start(programs: &Path, folder: &Path, keys: &str) -> Result<Self> {
        let issuer = Issuer::start(keys)?;
        let ct_log_port = free_port()?;
        let ct_log_url = format!("http://127.0.0.1:{ct_log_port}");
        let (mut fulcio, fulcio_url) = start_fulcio(programs, folder, &issuer, &ct_log_url)?;
        let (mut rekor, rekor_url) = start_rekor(programs, folder)?;
        let (mut authority, authority_url) = start_authority(programs, folder)?;

        let bundle: Value =
            serde_json::from_str(&fulcio.answer(&format!("{fulcio_url}/api/v2/trustBundle"))?)?;
        let certificates = bundle["chains"][0]["certificates"].as_array();
        let chain: String = certificates.into_iter().flatten().filter_map(Value::as_str).collect();
        fs::write(folder.join("fulcio.pem"), chain)?;
        // It takes certificates of these authorities alone, so Fulcio comes first.
        let mut ct_log = start_ct_log(programs, folder, ct_log_port)?;
        ct_log.answer(&format!("{ct_log_url}/ct/v1/get-roots"))?;
        rekor.answer(&format!("{rekor_url}/healthz"))?;
        let chain = authority.answer(&format!("{authority_url}/certchain"))?;
        fs::write(folder.join("tsa.pem"), chain)?;

        // Before every key was made, so that only certificates' own times count.
        let start = (Timestamp::now() - 1.hour()).strftime("%Y-%m-%dT%H:%M:%SZ");
        let cosign = programs.join("cosign");
        let trusted_root = folder.join("trusted_root.json");
        run(Command::new(&cosign)
            .current_dir(folder)
            .env("HOME", folder)
            .args(["trusted-root", "create", "--no-default-fulcio", "--no-default-rekor"])
            .args(["--no-default-ctfe", "--no-default-tsa", "--out"])
            .arg(&trusted_root)
            .arg(format!("--fulcio=url={fulcio_url},certificate-chain=fulcio.pem"))
            .arg(format!(
                "--rekor=url={rekor_url},public-key=rekor.pub,start-time={start},origin={ORIGIN}"
            ))
            .arg(format!("--ctfe=url={ct_log_url},public-key=ct.pub,start-time={start}"))
            .arg(format!("--tsa=url={authority_url},certificate-chain=tsa.pem")))?;
        let signing_config = folder.join("signing_config.json");
        let service = |url: &str, version: u8| {
            format!("url={url},api-version={version},start-time={start},operator=mcpkg.test")
        };
        run(Command::new(&cosign)
            .current_dir(folder)
            .env("HOME", folder)
            .args(["signing-config", "create", "--no-default-fulcio", "--no-default-rekor"])
            .args(["--no-default-oidc", "--no-default-tsa"])
            .args(["--rekor-config=ANY", "--tsa-config=ANY", "--out"])
            .arg(&signing_config)
            .arg(format!("--fulcio={}", service(&fulcio_url, 1)))
            .arg(format!("--rekor={}", service(&rekor_url, 2)))
            .arg(format!("--tsa={}", service(&authority_url, 1))))?;
        let servers = [fulcio, ct_log, rekor, authority];
        Ok(Self { trusted_root, signing_config, _servers: servers, _issuer: issuer })
    }
}

fn start_fulcio(
    programs: &Path,
    folder: &Path,
    issuer: &Issuer,
    ct_log_url: &str,
) -> Result<(Server, String)> {
    fs::write(folder.join("fulcio.yaml"), include_str!("fulcio.yaml"))?;
    fs::write(folder.join("issuer.pem"), &issuer.certificate)?;
    let (port, grpc, metrics) = (free_port()?, free_port()?, free_port()?);
    let server = Server::start(
        "fulcio",
        folder,
        Command::new(programs.join("fulcio"))
            .env("HTTPS_PROXY", &issuer.proxy)
            .env("SSL_CERT_FILE", folder.join("issuer.pem"))
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .args(["serve", "--ca", "ephemeralca", "--config-path", "fulcio.yaml"])
            .args(["--host", "127.0.0.1", "--grpc-host", "127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--grpc-port={grpc}"))
            .arg(format!("--metrics-port={metrics}"))
            .arg(format!("--legacy-unix-domain-socket={}", folder.join("fulcio.sock").display()))
            .arg(format!("--ct-log-url={ct_log_url}")),
    )?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// Tesseract, the certificate transparency log that the public instance runs. What it
/// logs is in its tree before it answers.
fn start_ct_log(programs: &Path, folder: &Path, port: u16) -> Result<Server> {
    let key = rcgen::KeyPair::generate()?;
    fs::write(folder.join("ct.pem"), sec1_pem(&key)?)?;
    fs::write(folder.join("ct.pub"), key.public_key_pem())?;
    Server::start(
        "tesseract",
        folder,
        Command::new(programs.join("tesseract"))
            .args(["--private_key", "ct.pem", "--origin", "mcpkg.test/ct"])
            .args(["--storage_dir", "ct", "--roots_pem_file", "fulcio.pem"])
            .args(["--ext_key_usages", "CodeSigning", "--checkpoint_interval", "100ms"])
            .arg(format!("--http_endpoint=127.0.0.1:{port}")),
    )
}

/// A P-256 key as `EC PRIVATE KEY` (RFC 5915), which names its curve itself: the one
/// form that tesseract reads.
fn sec1_pem(key: &rcgen::KeyPair) -> Result<String> {
    let pkcs8 = key.serialize_der();
    let info = PrivateKeyInfo::from_der(&pkcs8)?;
    let mut private = EcPrivateKey::from_der(info.private_key)?;
    private.parameters = Some(EcParameters::NamedCurve(info.algorithm.parameters_oid()?));
    Ok(private.to_pem(LineEnding::LF)?)
}

fn start_rekor(programs: &Path, folder: &Path) -> Result<(Server, String)> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    fs::write(folder.join("rekor.pem"), key.serialize_pem())?;
    fs::write(folder.join("rekor.pub"), key.public_key_pem())?;
    let (port, grpc, metrics) = (free_port()?, free_port()?, free_port()?);
    let server = Server::start(
        "rekor",
        folder,
        Command::new(programs.join("rekor-server"))
            .args(["serve", "--hostname", ORIGIN, "--storage-dir", "log"])
            .args(["--signer-filepath", "rekor.pem", "--checkpoint-interval", "1s"])
            .arg(format!("--http-port={port}"))
            .arg(format!("--grpc-port={grpc}"))
            .arg(format!("--http-metrics-port={metrics}")),
    )?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// The timestamp authority. Its metrics are at port 2112, whatever one says.
fn start_authority(programs: &Path, folder: &Path) -> Result<(Server, String)> {
    let port = free_port()?;
    let server = Server::start(
        "timestamp-server",
        folder,
        Command::new(programs.join("timestamp-server"))
            .args(["serve", "--host", "127.0.0.1", "--timestamp-signer", "memory"])
            .args(["--scheme", "http", "--disable-ntp-monitoring"])
            .arg(format!("--port={port}")),
    )?;
    Ok((server, format!("http://127.0.0.1:{port}/api/v1/timestamp")))
}
