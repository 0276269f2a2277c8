//! Fulcio, the certificate authority: gives whoever holds a token a
//! certificate for ten minutes.
//!
//! Source: [`fulcio.proto`][proto], version 2 of the API.
//!
//! [proto]: https://github.com/sigstore/fulcio/blob/main/fulcio.proto

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyUsagePurpose, SerialNumber,
    SubjectPublicKeyInfo,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_crypto::SigningScheme;
use sigstore_types::{DerPublicKey, SignatureBytes};
use time::{Duration, OffsetDateTime};

use super::certificate::Subject;
use super::faults::{Fault, Faults};
use super::refusal::Refusal;
use super::sct;
use super::services::Services;

/// How long a certificate is valid.
const VALIDITY: Duration = Duration::minutes(10);

/// `CreateSigningCertificateRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    credentials: Credentials,
    public_key_request: PublicKeyRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    oidc_identity_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: PublicKey,
    proof_of_possession: SignatureBytes,
}

#[derive(Deserialize)]
struct PublicKey {
    /// PEM, which names its algorithm.
    content: String,
}

/// Issues a certificate, and answers with its chain.
///
/// Refuses a bad token with 401, and a proof of possession that is not the
/// key's signature over the token's subject with 400.
pub(super) fn issue(
    services: &Services,
    request: &Request,
    faults: &Faults,
) -> Result<Value, Refusal> {
    if faults.has(Fault::FulcioRefuses) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "no certificates today"));
    }
    let claims = services.issuer.check(&request.credentials.oidc_identity_token)?;
    let subject = Subject::from_claims(&claims)?;
    let key = DerPublicKey::from_pem(&request.public_key_request.public_key.content)
        .map_err(Refusal::bad_request)?;
    sigstore_crypto::verify_signature(
        &key,
        subject.challenge.as_bytes(),
        &request.public_key_request.proof_of_possession,
        SigningScheme::EcdsaP256Sha256,
    )
    .map_err(Refusal::bad_request)?;

    let leaf = certify(services, &key, subject, faults)?;
    let chain = [leaf, services.trusted.fulcio.certificate.clone()].map(|der| pem(&der));
    Ok(json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": chain } } }))
}

fn certify(
    services: &Services,
    key: &DerPublicKey,
    subject: Subject,
    faults: &Faults,
) -> Result<Vec<u8>, Refusal> {
    let authority = &services.signer(faults.has(Fault::CertificateFromStranger)).fulcio;
    let now = OffsetDateTime::now_utc();
    let start = if faults.has(Fault::CertificateExpired) { now - Duration::HOUR } else { now };

    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![subject.name];
    params.not_before = start;
    params.not_after = start + VALIDITY;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = subject.extensions;
    // Each request comes with a key of its own, so its hash is a number that is
    // used once. 0x40 makes it positive, and of the same length each time.
    let mut serial = sigstore_crypto::sha256(key.as_bytes()).as_bytes()[..16].to_vec();
    serial[0] = serial[0] & 0x3f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));

    let key = SubjectPublicKeyInfo::from_der(key.as_bytes()).map_err(Refusal::bad_request)?;
    let precertificate = params.signed_by(&key, &authority.issuer).map_err(Refusal::bad_request)?;
    params.custom_extensions.push(sct::extension(
        precertificate.der(),
        authority,
        &services.trusted.ct_log,
        &services.signer(faults.has(Fault::SctFromStranger)).ct_log,
    ));
    let certificate = params.signed_by(&key, &authority.issuer).map_err(Refusal::bad_request)?;
    Ok(certificate.der().to_vec())
}

fn pem(der: &[u8]) -> String {
    let lines: Vec<String> = BASE64
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
