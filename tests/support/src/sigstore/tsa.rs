//! The timestamp authority: signs that it has seen a digest, and when.
//!
//! Source: RFC 3161 for the messages, RFC 5652 for the signature around them,
//! RFC 5816 for the reference to the signer's certificate.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode as _, Encode, Sequence, Tag};
use jiff::{SignedDuration, Timestamp};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use super::authorities::TimestampAuthority;
use super::faults::{Fault, Faults};
use super::refusal::Refusal;
use super::services::Services;

/// Sigstore's policy for timestamps.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA256: AlgorithmIdentifierOwned = AlgorithmIdentifierOwned {
    oid: ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
    parameters: None,
};
const ECDSA_SHA256: AlgorithmIdentifierOwned = AlgorithmIdentifierOwned {
    oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
    parameters: None,
};

/// `MessageImprint` (RFC 3161, section 2.4.1): what is stamped.
#[derive(Clone, Sequence)]
struct Imprint {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

impl Imprint {
    fn of(bytes: &[u8]) -> der::Result<Self> {
        Ok(Self { algorithm: SHA256, digest: sha256(bytes)? })
    }
}

/// `TimeStampReq` (section 2.4.1), without extensions.
#[derive(Sequence)]
struct TimestampRequest {
    version: u8,
    imprint: Imprint,
    #[asn1(optional = "true")]
    policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "bool::default")]
    wants_certificate: bool,
}

/// `TSTInfo` (section 2.4.2), without what is optional and unused.
#[derive(Sequence)]
struct TimestampInfo {
    version: u8,
    policy: ObjectIdentifier,
    imprint: Imprint,
    serial_number: u64,
    generated_at: GeneralizedTime,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
}

/// Answers a `TimeStampReq` with a `TimeStampResp`, both in DER.
pub(super) fn answer(
    services: &Services,
    request: &[u8],
    faults: &Faults,
) -> Result<Vec<u8>, Refusal> {
    if faults.has(Fault::NoTimestamp) {
        return Err(Refusal::unavailable());
    }
    let request = TimestampRequest::from_der(request).map_err(Refusal::bad_request)?;
    stamp(services, request, faults).map_err(Refusal::bad_request)
}

/// Stamps `signature` for somebody who does not ask over HTTP.
pub(super) fn stamp_signature(
    services: &Services,
    signature: &[u8],
    faults: &Faults,
) -> der::Result<Vec<u8>> {
    let imprint = Imprint::of(signature)?;
    let (policy, nonce) = (None, None);
    let request = TimestampRequest { version: 1, imprint, policy, nonce, wants_certificate: true };
    stamp(services, request, faults)
}

fn stamp(services: &Services, request: TimestampRequest, faults: &Faults) -> der::Result<Vec<u8>> {
    let hours_late = i64::from(faults.has(Fault::TimestampOutsideValidity));
    let now = Timestamp::now() - SignedDuration::from_hours(hours_late);
    let now = u64::try_from(now.as_second()).map_err(|_| Tag::GeneralizedTime.value_error())?;
    let imprint = if faults.has(Fault::TimestampOfAnother) {
        Imprint::of(b"another signature")?
    } else {
        request.imprint
    };
    let info = TimestampInfo {
        version: 1,
        policy: POLICY,
        imprint,
        serial_number: services.next_serial_number(),
        generated_at: GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(now))?,
        nonce: request.nonce,
    };
    let authority = &services.signer(faults.has(Fault::TimestampFromStranger)).tsa;
    let token = sign(authority, &info.to_der()?, request.wants_certificate)?;
    // `PKIStatusInfo { status: granted(0) }`, and the token.
    sequence(&[sequence(&[0_u8.to_der()?])?, token])
}

/// Wraps `info` in a CMS `SignedData` (RFC 5652, section 5).
fn sign(authority: &TimestampAuthority, info: &[u8], with_chain: bool) -> der::Result<Vec<u8>> {
    let certificate = Certificate::from_der(&authority.certificate)?;
    // `SigningCertificateV2 { certs: [ESSCertIDv2 { certHash }] }`: RFC 5035, section 4.
    let reference = sequence(&[sha256(&authority.certificate)?.to_der()?])?;
    let attributes = SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, Any::from(TST_INFO))?,
        attribute(MESSAGE_DIGEST, Any::encode_from(&sha256(info)?)?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::from_der(&sequence(&[sequence(&[reference])?])?)?)?,
    ])?;
    let signature = authority.key.sign(&attributes.to_der()?);

    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: SHA256,
        signed_attrs: Some(attributes),
        signature_algorithm: ECDSA_SHA256,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let chain = || SetOfVec::try_from(vec![CertificateChoices::Certificate(certificate)]);
    let message = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![SHA256])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: TST_INFO,
            econtent: Some(Any::encode_from(&OctetString::new(info)?)?),
        },
        certificates: with_chain.then(chain).transpose()?.map(CertificateSet),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&message)? }.to_der()
}

fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

fn sequence(elements: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    Any::new(Tag::Sequence, elements.concat())?.to_der()
}

fn sha256(bytes: &[u8]) -> der::Result<OctetString> {
    OctetString::new(*sigstore_crypto::sha256(bytes).as_bytes())
}
