//! The keys and certificates of one Sigstore.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyUsagePurpose, SubjectPublicKeyInfo,
};
use sigstore_crypto::KeyPair;
use sigstore_types::{DerPublicKey, Sha256Hash};
use time::{Duration, OffsetDateTime};
use x509_cert::der::{Decode as _, Encode as _};

/// The organisation that every certificate and service names.
pub(super) const ORGANIZATION: &str = "mcpkg.test";

/// `ExtKeyUsage`, with `timeStamping` alone: the object identifier, and the value.
const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
const TIME_STAMPING: [u8; 12] = [0x30, 0x0a, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];

/// Everything that signs: what a trusted root describes.
pub(super) struct Authorities {
    /// Fulcio's certificate authority.
    pub(super) fulcio: CertificateAuthority,
    /// The certificate transparency log.
    pub(super) ct_log: LogKey,
    /// The signature transparency log.
    pub(super) rekor: LogKey,
    /// The timestamp authority.
    pub(super) tsa: TimestampAuthority,
}

impl Authorities {
    /// Makes fresh keys. The names are always the same.
    pub(super) fn generate() -> Self {
        Self {
            fulcio: CertificateAuthority::generate("fulcio"),
            ct_log: LogKey::generate(),
            rekor: LogKey::generate(),
            tsa: TimestampAuthority::generate(),
        }
    }
}

/// The key of a log, ECDSA over P-256.
pub(super) struct LogKey {
    pair: KeyPair,
    public: DerPublicKey,
}

impl LogKey {
    fn generate() -> Self {
        let pair = KeyPair::generate_ecdsa_p256().expect("the system has randomness");
        let public = pair.public_key_der().expect("a key that was just made encodes");
        Self { pair, public }
    }

    /// The public key.
    pub(super) fn public(&self) -> &DerPublicKey {
        &self.public
    }

    /// What the log is known by: the SHA-256 of its key (RFC 6962, section 3.2).
    pub(super) fn id(&self) -> Sha256Hash {
        sigstore_crypto::sha256(self.public.as_bytes())
    }

    /// Signs; the result is an ASN.1 `Ecdsa-Sig-Value`.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).expect("a key that was just made signs").into_bytes()
    }
}

/// A self-signed certificate authority.
pub(super) struct CertificateAuthority {
    /// Its name and key, as `rcgen` wants them.
    pub(super) issuer: Issuer<'static, rcgen::KeyPair>,
    /// Its certificate, in DER.
    pub(super) certificate: Vec<u8>,
}

impl CertificateAuthority {
    fn generate(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().expect("the system has randomness");
        let mut params = long_lived(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("the parameters are complete");
        Self { certificate: certificate.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    /// The SHA-256 of its public key, which SCTs name it by (RFC 6962, section 3.2).
    pub(super) fn key_hash(&self) -> Sha256Hash {
        let certificate = x509_cert::Certificate::from_der(&self.certificate)
            .and_then(|certificate| certificate.tbs_certificate.subject_public_key_info.to_der())
            .expect("our own certificate is DER");
        sigstore_crypto::sha256(&certificate)
    }
}

/// A timestamp authority: a signing key, certified by a root of its own.
pub(super) struct TimestampAuthority {
    /// The key that signs timestamps.
    pub(super) key: LogKey,
    /// The certificate of that key, in DER.
    pub(super) certificate: Vec<u8>,
    /// The certificate of the root, in DER.
    pub(super) root: Vec<u8>,
}

impl TimestampAuthority {
    fn generate() -> Self {
        let root = CertificateAuthority::generate("tsa-root");
        let key = LogKey::generate();
        let mut params = long_lived("tsa");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        // RFC 3161, section 2.3: the extended key usage must be critical, which
        // `rcgen` would not make it.
        let mut usage =
            CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, TIME_STAMPING.to_vec());
        usage.set_criticality(true);
        params.custom_extensions.push(usage);
        let certificate = SubjectPublicKeyInfo::from_der(key.public().as_bytes())
            .and_then(|public| params.signed_by(&public, &root.issuer))
            .expect("the parameters are complete");
        Self { key, certificate: certificate.der().to_vec(), root: root.certificate }
    }
}

/// The certificate of a service: valid since last month, and for a year.
fn long_lived(name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::days(30);
    params.not_after = now + Duration::days(365);
    params
}
