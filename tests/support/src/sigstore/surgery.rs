//! Changes to a bundle that was right, one at a time, for negative tests.
//!
//! Every function panics if the bundle lacks the part: a test that changes
//! nothing would pass for no reason.
//!
//! Source: `sigstore_bundle.proto` in [`protobuf-specs`][specs].
//!
//! [specs]: https://github.com/sigstore/protobuf-specs

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;

/// The signing certificate, in base64.
pub const CERTIFICATE: &str = "/verificationMaterial/certificate/rawBytes";
/// The only log entry.
pub const LOG_ENTRY: &str = "/verificationMaterial/tlogEntries/0";
/// What was entered into the log, in base64.
pub const BODY: &str = "/verificationMaterial/tlogEntries/0/canonicalizedBody";
/// The signed tree head, as text.
pub const CHECKPOINT: &str =
    "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
/// The only timestamp, in base64.
pub const TIMESTAMP: &str =
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
/// What the envelope holds, in base64.
pub const PAYLOAD: &str = "/dsseEnvelope/payload";
/// The media type of the payload.
pub const PAYLOAD_TYPE: &str = "/dsseEnvelope/payloadType";

const ENVELOPE_SIGNATURES: &str = "/dsseEnvelope/signatures";
const ENVELOPE_SIGNATURE: &str = "/dsseEnvelope/signatures/0/sig";
const MESSAGE_SIGNATURE: &str = "/messageSignature/signature";
const MATERIAL: &str = "/verificationMaterial";
const LOG_ENTRIES: &str = "/verificationMaterial/tlogEntries";
const TIMESTAMPS: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";

/// The part of a bundle at a JSON pointer (RFC 6901).
pub fn part<'a>(bundle: &'a mut Value, path: &str) -> &'a mut Value {
    bundle.pointer_mut(path).unwrap_or_else(|| panic!("the bundle has no `{path}`"))
}

/// The bytes that a part holds in base64.
pub fn bytes(bundle: &Value, path: &str) -> Vec<u8> {
    let text = bundle.pointer(path).and_then(Value::as_str);
    let text = text.unwrap_or_else(|| panic!("the bundle has no text at `{path}`"));
    BASE64.decode(text).unwrap_or_else(|err| panic!("`{path}` is not base64: {err}"))
}

/// Replaces the bytes that a part holds in base64.
pub fn replace_bytes(bundle: &mut Value, path: &str, bytes: &[u8]) {
    *part(bundle, path) = BASE64.encode(bytes).into();
}

/// Flips the lowest bit of the last byte that a part holds in base64.
pub fn flip_bit(bundle: &mut Value, path: &str) {
    let mut bytes = bytes(bundle, path);
    *bytes.last_mut().unwrap_or_else(|| panic!("`{path}` is empty")) ^= 1;
    replace_bytes(bundle, path, &bytes);
}

/// Where the signature is: in the envelope, or beside the message's digest.
pub fn signature_path(bundle: &Value) -> &'static str {
    let is_envelope = bundle.pointer(ENVELOPE_SIGNATURE).is_some();
    if is_envelope { ENVELOPE_SIGNATURE } else { MESSAGE_SIGNATURE }
}

/// Changes the signature of an envelope or a message.
pub fn flip_signature(bundle: &mut Value) {
    flip_bit(bundle, signature_path(bundle));
}

/// Adds `other`'s signature to the envelope, after the first.
pub fn add_signature(bundle: &mut Value, other: &Value) {
    let added = part(&mut other.clone(), ENVELOPE_SIGNATURES)[0].take();
    array(bundle, ENVELOPE_SIGNATURES).push(added);
}

/// Takes the certificate, the log entry and the timestamp of another bundle.
pub fn take_verification_material(bundle: &mut Value, other: &Value) {
    take(bundle, other, MATERIAL);
}

/// Takes one part of another bundle.
pub fn take(bundle: &mut Value, other: &Value, path: &str) {
    *part(bundle, path) = part(&mut other.clone(), path).take();
}

/// Leaves no proof that the signature was logged.
pub fn remove_log_entries(bundle: &mut Value) {
    array(bundle, LOG_ENTRIES).clear();
}

/// Leaves no timestamp.
pub fn remove_timestamps(bundle: &mut Value) {
    array(bundle, TIMESTAMPS).clear();
}

/// Repeats the log entry until there are `count`, to go past a verifier's limit.
pub fn repeat_log_entry(bundle: &mut Value, count: usize) {
    let entry = part(bundle, LOG_ENTRY).clone();
    array(bundle, LOG_ENTRIES).resize(count, entry);
}

fn array<'a>(bundle: &'a mut Value, path: &str) -> &'a mut Vec<Value> {
    part(bundle, path).as_array_mut().unwrap_or_else(|| panic!("`{path}` is not a list"))
}
