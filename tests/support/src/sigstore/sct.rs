//! The proof that a certificate was logged: a signed certificate timestamp,
//! embedded in the certificate itself (RFC 6962, sections 3.2 and 3.3).
//!
//! There is no certificate log behind it: clients only ever see the promise.

use der::{Decode as _, Encode as _, asn1::OctetString};
use jiff::Timestamp;
use rcgen::CustomExtension;
use x509_cert::Certificate;

use super::authorities::{CertificateAuthority, LogKey};

/// The X.509 extension that holds the list (section 3.3).
const SCT_LIST: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];

/// `Version.v1`.
const V1: u8 = 0;
/// `SignatureType.certificate_timestamp`.
const CERTIFICATE_TIMESTAMP: u8 = 0;
/// `LogEntryType.precert_entry`.
const PRECERT_ENTRY: [u8; 2] = [0, 1];
/// `CtExtensions`, which are empty.
const NO_EXTENSIONS: [u8; 2] = [0, 0];
/// `HashAlgorithm.sha256`, `SignatureAlgorithm.ecdsa` (RFC 5246, section 7.4.1.4.1).
const ECDSA_SHA256: [u8; 2] = [4, 3];

/// Makes the extension that belongs at the end of a certificate.
///
/// `precertificate` is the certificate in DER without the extension, which is
/// what the log signs. The timestamp names `log`, and is signed by `signer`:
/// the same, unless something is to be wrong.
pub(super) fn extension(
    precertificate: &[u8],
    issuer: &CertificateAuthority,
    log: &LogKey,
    signer: &LogKey,
) -> CustomExtension {
    let to_be_signed = Certificate::from_der(precertificate)
        .and_then(|certificate| certificate.tbs_certificate.to_der())
        .expect("our own certificate is DER");
    let milliseconds = Timestamp::now().as_millisecond().to_be_bytes();

    let mut entry = vec![V1, CERTIFICATE_TIMESTAMP];
    entry.extend(milliseconds);
    entry.extend(PRECERT_ENTRY);
    entry.extend(issuer.key_hash().as_bytes());
    entry.extend(&length(&to_be_signed)[1..]); // of 24 bits
    entry.extend(&to_be_signed);
    entry.extend(NO_EXTENSIONS);
    let signature = signer.sign(&entry);

    let mut timestamp = vec![V1];
    timestamp.extend(log.id().as_bytes());
    timestamp.extend(milliseconds);
    timestamp.extend(NO_EXTENSIONS);
    timestamp.extend(ECDSA_SHA256);
    timestamp.extend(with_length(&signature));

    // A list of one, and each element has its length too.
    let list = OctetString::new(with_length(&with_length(&timestamp)));
    let list = list.and_then(|list| list.to_der()).expect("the list is short");
    CustomExtension::from_oid_content(&SCT_LIST, list)
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("a certificate is shorter than 4 GiB").to_be_bytes()
}

/// `opaque<0..2^16-1>`: two bytes of length, and the bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes)[2..], bytes].concat()
}
