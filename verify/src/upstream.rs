//! What other ecosystems publish beside their packages: who uploaded one, and who
//! built it.
//!
//! | statement | signed by | proves |
//! |---|---|---|
//! | npm, SLSA provenance v0.2 or v1 | the CI job | which workflow built it, from which commit |
//! | npm, publish v0.1 | one of npm's keys | that npm took these bytes under this name |
//! | PyPI, publish v1 (PEP 740) | the CI job | which workflow uploaded it |
//! | PyPI, SLSA provenance v1 | the CI job | which workflow built it, from which commit |
//!
//! A statement is about one package by name *and* digest, in one subject: the
//! provenance of one package over the bytes of another is refused, and so is one that
//! is over other bytes. Whether what is proved is enough is not decided here.
//!
//! Sources: npm, `attestation/specs/publish/v0.1`; PEP 740; purl-spec.

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::provenance::SLSA_V1;
use serde::Deserialize;
use sigstore_verify::types::SignatureContent;

use crate::bundle::ParsedBundle;
use crate::statement::{Attestation, Subject};
use crate::{TrustRoot, TrustedKey, VerifyError, verify_parsed, verify_parsed_with_key};

/// The predicate type of SLSA provenance before version 1, which npm used first.
const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";
/// The predicate type with which npm says that it took an upload.
const NPM_PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
/// The predicate type with which a workflow says that it uploads to PyPI.
const PYPI_PUBLISH: &str = "https://docs.pypi.org/attestations/publish/v1";
/// What npm's keys for these statements are marked with.
const ATTESTATIONS: &str = "npm:attestations";

/// A file of another ecosystem that has to be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamSubject<'a> {
    /// An npm package's tarball.
    Npm {
        /// The package, with its scope: `@acme/weather`.
        name: &'a str,
        /// The version.
        version: &'a str,
        /// The tarball's SHA-512.
        sha512: [u8; 64],
    },
    /// A file of a PyPI project.
    PyPi {
        /// The file's name: `weather-1.2.0-py3-none-any.whl`.
        file: &'a str,
        /// Its SHA-256.
        sha256: Digest,
    },
}

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpstreamKind {
    /// A CI job says what it built.
    Provenance,
    /// A CI job says what it uploads.
    Upload,
    /// The registry says what it took.
    Acceptance,
}

/// A statement about an upstream file, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamEvidence {
    /// What kind of statement it is.
    pub kind: UpstreamKind,
    /// What it proves.
    pub evidence: Evidence,
}

/// A key with which an ecosystem's registry signs.
#[derive(Clone, Debug)]
pub struct RegistryKey {
    id: String,
    key: TrustedKey,
}

#[derive(Deserialize)]
struct WireKeys {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    key_id: String,
    key_usage: String,
    public_key: WirePublicKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePublicKey {
    raw_bytes: String,
    valid_for: WireWindow,
}

#[derive(Deserialize)]
struct WireWindow {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl RegistryKey {
    /// Reads the keys for attestations in npm's `keys.json`, as its TUF repository has
    /// it, each with the window that it may be used in.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] if it is no such list, or one of the keys cannot be used.
    pub fn read_npm(json: &str) -> Result<Vec<Self>, VerifyError> {
        let wire: WireKeys =
            serde_json::from_str(json).map_err(|error| VerifyError::Key(Box::new(error)))?;
        let ours = wire.keys.into_iter().filter(|key| key.key_usage == ATTESTATIONS);
        ours.map(|wire| {
            let WireKey { key_id: id, public_key, .. } = wire;
            let pem = format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                public_key.raw_bytes
            );
            let window = public_key.valid_for;
            Ok(Self { id, key: TrustedKey::from_pem(&pem, Some(window.start), window.end)? })
        })
        .collect()
    }
}

impl UpstreamSubject<'_> {
    /// What a statement calls it.
    fn name(&self) -> String {
        match self {
            // The scope's `@` separates name from version in a purl, so it is escaped.
            Self::Npm { name, version, .. } => {
                format!("pkg:npm/{}@{version}", name.replace('@', "%40"))
            }
            Self::PyPi { file, .. } => (*file).to_owned(),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Npm { sha512, .. } => Subject::ArtifactSha512(*sha512),
            Self::PyPi { sha256, .. } => Subject::Artifact(*sha256),
        }
    }

    fn kind(&self, predicate_type: &str) -> Result<UpstreamKind, VerifyError> {
        match (self, predicate_type) {
            (_, SLSA_V1) | (Self::Npm { .. }, SLSA_V02) => Ok(UpstreamKind::Provenance),
            (Self::Npm { .. }, NPM_PUBLISH) => Ok(UpstreamKind::Acceptance),
            (Self::PyPi { .. }, PYPI_PUBLISH) => Ok(UpstreamKind::Upload),
            _ => Err(VerifyError::Kind {
                what: "predicate type",
                found: predicate_type.chars().take(120).collect(),
                expected: "one that this ecosystem publishes",
            }),
        }
    }
}

/// Verifies that `bundle` is a statement about `subject`: by a CI job under any of
/// `roots`, or by the ecosystem's registry with one of `keys`, logged under one of the
/// roots within that key's window.
///
/// # Errors
///
/// As [`verify`](crate::verify); [`VerifyError::OtherRelease`] if it is about the same
/// bytes under another name; [`VerifyError::NoTrustKey`] and [`VerifyError::KeyWindow`]
/// for keys that may not sign this.
pub fn verify_upstream(
    subject: UpstreamSubject<'_>,
    bundle: &[u8],
    roots: &[TrustRoot],
    keys: &[RegistryKey],
) -> Result<UpstreamEvidence, VerifyError> {
    let parsed = ParsedBundle::read(bundle)?;
    let incomplete = VerifyError::Incomplete;
    let statement = parsed.statement(Attestation::Ecosystem)?.ok_or(incomplete)?;
    let kind = subject.kind(statement.predicate_type())?;
    let wanted = subject.subject();
    let named = statement.names_of(&wanted.digest());
    let name = subject.name();
    if named.is_empty() {
        return Err(wanted.missing());
    }
    if !named.contains(&name.as_str()) {
        let stated = named.join(", ").chars().take(200).collect();
        return Err(VerifyError::OtherRelease { stated, expected: name });
    }
    if let (UpstreamKind::Acceptance, UpstreamSubject::Npm { name, version, .. }) = (kind, subject)
    {
        check_publish(&parsed, name, version)?;
    }
    let subjects = [wanted];
    let evidence = match (kind, parsed.key_hint()) {
        (UpstreamKind::Acceptance, Some(hint)) => {
            let key = keys.iter().find(|key| key.id == hint);
            let key = key.ok_or_else(|| VerifyError::NoTrustKey {
                hint: hint.chars().take(80).collect::<String>().escape_debug().to_string(),
                name,
            })?;
            under_any(roots, |root| {
                verify_parsed_with_key(&subjects, Attestation::Ecosystem, &parsed, &key.key, root)
            })
        }
        (UpstreamKind::Provenance | UpstreamKind::Upload, None) => {
            under_any(roots, |root| verify_parsed(&subjects, Attestation::Ecosystem, &parsed, root))
        }
        (UpstreamKind::Acceptance, None) => Err(signer("a certificate", "the registry's key")),
        (_, Some(_)) => Err(signer("a key", "a certificate")),
    }?;
    Ok(UpstreamEvidence { kind, evidence })
}

fn signer(found: &str, expected: &'static str) -> VerifyError {
    VerifyError::Kind { what: "signer", found: found.to_owned(), expected }
}

/// The first success, else the last failure.
fn under_any(
    roots: &[TrustRoot],
    verify: impl Fn(&TrustRoot) -> Result<Evidence, VerifyError>,
) -> Result<Evidence, VerifyError> {
    let mut last = Err(VerifyError::NoTrustRoot("what is upstream".to_owned()));
    for root in roots {
        last = verify(root);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Checks that npm's own words are about the package that its subject names.
fn check_publish(parsed: &ParsedBundle, name: &str, version: &str) -> Result<(), VerifyError> {
    #[derive(Deserialize)]
    struct Statement {
        predicate: Predicate,
    }
    #[derive(Deserialize)]
    struct Predicate {
        name: String,
        version: String,
    }

    let SignatureContent::DsseEnvelope(envelope) = &parsed.bundle.content else {
        return Err(VerifyError::Incomplete);
    };
    let Statement { predicate } =
        serde_json::from_slice(envelope.payload.as_bytes()).map_err(VerifyError::Statement)?;
    if predicate.name == name && predicate.version == version {
        return Ok(());
    }
    let stated = format!("{}@{}", predicate.name, predicate.version).chars().take(200).collect();
    Err(VerifyError::OtherRelease { stated, expected: format!("{name}@{version}") })
}
