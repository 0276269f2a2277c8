//! Signing with a key of one's own, for companies without Fulcio.
//!
//! The key is ECDSA over P-256, in PKCS#8, and comes from a file, a variable of the
//! environment or a command's output: never from an argument, which every program on the
//! machine can read. Its use is logged in Rekor (version 2, whose entries take keys) and
//! timestamped, as that of a certificate is; who may use it, and until when, is for those
//! who trust it to say.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use mcpkg_core::Digest;
use mcpkg_core::provenance::PAYLOAD_TYPE;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use sigstore_bundle::{BundleV03, VerificationMaterialV03};
use sigstore_crypto::{KeyAlgorithm, KeyPair};
use sigstore_rekor::{HashedRekordV2, RekorV2Client, RekorV2KeyDetails};
use sigstore_trust_root::SigningConfig;
use sigstore_tsa::TimestampClient;
use sigstore_types::dsse::pae;
use sigstore_types::{
    Bundle, DerPublicKey, DsseEnvelope, DsseSignature, KeyId, PayloadBytes, SignatureContent,
};
use zeroize::Zeroizing;

use super::failed;
use crate::error::{Error, Result};
use crate::secrets;

/// The longest key, in bytes of PEM.
const MAX_BYTES: u16 = 16 * 1024;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a variable of the environment.
    Environment(String),
    /// In what a command prints. It is run as it is, by no shell.
    Command(Vec<String>),
}

/// Text that says nothing about where a key is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `file:<path>`, `env:<variable>` or `cmd:<program and arguments>`")]
pub struct KeySourceError;

impl FromStr for KeySource {
    type Err = KeySourceError;

    // What is not understood is not repeated: it may be the key.
    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        let (kind, rest) = text.split_once(':').ok_or(KeySourceError)?;
        match kind {
            "file" if !rest.is_empty() => Ok(Self::File(rest.into())),
            "env" if !rest.is_empty() => Ok(Self::Environment(rest.to_owned())),
            "cmd" => {
                let words = shell_words::split(rest).map_err(|_| KeySourceError)?;
                if words.is_empty() { Err(KeySourceError) } else { Ok(Self::Command(words)) }
            }
            _ => Err(KeySourceError),
        }
    }
}

impl KeySource {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>> {
        // Reserved at once, so that no copy is left behind as it grows.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES.into()));
        match self {
            Self::File(path) => {
                let failed = |source| Error::Read { path: path.clone(), source };
                let file = std::fs::File::open(path).map_err(failed)?;
                file.take(MAX_BYTES.into()).read_to_end(&mut text).map_err(failed)?;
            }
            Self::Environment(name) => {
                let value = std::env::var(name).map(Zeroizing::new);
                let value = value.map_err(|error| failed("read the key from a variable", error))?;
                text.extend_from_slice(value.as_bytes());
            }
            Self::Command(words) => {
                let run = |error| failed("run the command that prints the key", error);
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                return secrets::output(command, MAX_BYTES.into()).map_err(run);
            }
        }
        Ok(text)
    }
}

/// A key, and the services that log what it signs.
pub(super) struct KeySigner {
    pair: KeyPair,
    public: DerPublicKey,
    name: String,
    rekor_url: String,
    tsa_url: String,
}

impl KeySigner {
    pub(super) fn new(source: &KeySource, config: &SigningConfig) -> Result<Self> {
        let text = source.read()?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(&text)
            .map_err(|_| unusable("it is no `PRIVATE KEY` in PEM (PKCS#8)"))?;
        let pair = KeyPair::from_pkcs8_der(der.secret_pkcs8_der())
            .map_err(|_| unusable("it is no key in PKCS#8"))?;
        if pair.algorithm() != KeyAlgorithm::EcdsaP256 {
            return Err(unusable("it is of another kind than ECDSA over P-256"));
        }
        let public = pair.public_key_der().map_err(|error| failed("use the key", error))?;
        let service = |found: Option<String>, what: &'static str| {
            found.ok_or_else(|| failed("find the signing services", std::io::Error::other(what)))
        };
        let rekor = config.rekor_url(Some(2)).map(|it| it.url.clone());
        let tsa = config.tsa_url().map(|it| it.url.clone());
        Ok(Self {
            name: Digest::of(public.as_bytes()).to_string(),
            pair,
            public,
            rekor_url: service(rekor, "a key needs a Rekor of version 2, and there is none")?,
            tsa_url: service(tsa, "a key needs a timestamp authority, and there is none")?,
        })
    }

    /// The SHA-256 of its public key (SPKI), by which those who trust it know it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn sign(&self, statement: &[u8]) -> Result<Bundle> {
        let logged = "get the statement signed and logged";
        let message = pae(PAYLOAD_TYPE, statement);
        let signature = self.pair.sign(&message).map_err(|error| failed(logged, error))?;
        let request = HashedRekordV2::new_with_public_key(
            &sigstore_crypto::sha256(&message),
            &signature,
            &self.public,
            RekorV2KeyDetails::PkixEcdsaP256Sha256,
        );
        let rekor = RekorV2Client::new(&self.rekor_url).map_err(|error| failed(logged, error))?;
        let entry = rekor.create_entry(request).await.map_err(|error| failed(logged, error))?;
        let stamped = "get the signature timestamped";
        let tsa = TimestampClient::new(&self.tsa_url).map_err(|error| failed(stamped, error))?;
        let timestamp =
            tsa.timestamp_signature(&signature).await.map_err(|error| failed(stamped, error))?;
        let envelope = DsseEnvelope::new(
            PAYLOAD_TYPE.to_owned(),
            PayloadBytes::new(statement.to_vec()),
            DsseSignature::new(signature, KeyId::default()),
        );
        let material = VerificationMaterialV03::PublicKey { hint: self.name.clone() };
        Ok(BundleV03::new(material, SignatureContent::DsseEnvelope(envelope))
            .with_tlog_entry(entry)
            .with_rfc3161_timestamp(timestamp)
            .into_bundle())
    }
}

fn unusable(what: &'static str) -> Error {
    failed("use the key", std::io::Error::other(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_somewhere_and_never_itself_an_argument() {
        let words = |text: &[&str]| {
            Ok(KeySource::Command(text.iter().map(|&word| word.to_owned()).collect()))
        };
        for (text, expected) in [
            ("file:/keys/release.pem", Ok(KeySource::File("/keys/release.pem".into()))),
            ("env:RELEASE_KEY", Ok(KeySource::Environment("RELEASE_KEY".to_owned()))),
            ("cmd:vault read -field=key 'a b'", words(&["vault", "read", "-field=key", "a b"])),
            ("cmd:", Err(KeySourceError)),
            ("cmd:vault 'open", Err(KeySourceError)),
            ("file:", Err(KeySourceError)),
            ("release.pem", Err(KeySourceError)),
            ("-----BEGIN PRIVATE KEY-----\nMIGH: x", Err(KeySourceError)),
        ] {
            assert_eq!(text.parse::<KeySource>(), expected, "{text}");
        }
    }
}
