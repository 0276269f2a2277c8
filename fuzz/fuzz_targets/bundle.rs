//! Any bytes, as a Sigstore bundle.
//!
//! - Reading and verifying do not panic.
//! - Nothing verifies under a trust root whose keys did not sign it.
//! - Under the root that signed the seeds, only what the seeds signed verifies:
//!   the same payload under the same signature, and the evidence says of it
//!   what it says of the seed.
//!
//! Bytes that are changed at random are rarely JSON, and text that is, is rarely
//! base64. So half of the changes are made inside the base64 of a bundle, where
//! the certificates, timestamps and log entries are.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use mcpkg_core::evidence::Evidence;
use mcpkg_core::{Digest, TreeDigest, TreeHasher};
use mcpkg_verify::{
    Attestation, ReleaseSubjects, Subject, TrustRoot, VerifyError, verify, verify_release,
};
use serde_json::Value;

// `verify/tests/fuzz_seeds.rs` signs these.
const ARTIFACT: Digest = Digest::from_bytes([1; 32]);
const METADATA: Digest = Digest::from_bytes([3; 32]);
const BLOB: &[u8] = b"bytes";

const SEEDS: [&[u8]; 3] = [
    include_bytes!("../seeds/bundle/blob.json"),
    include_bytes!("../seeds/bundle/build.json"),
    include_bytes!("../seeds/bundle/person.json"),
];

/// The longest text in base64 that is changed, in bytes.
const MAX_DECODED: usize = 16 * 1024;

/// Reads base64 at least as forgivingly as any verifier does: two spellings of
/// the same bytes are the same signature.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is signed, and the signature.
type Signed = (Vec<u8>, Vec<u8>);

struct World {
    own: TrustRoot,
    public_good: TrustRoot,
    release: ReleaseSubjects,
    seeds: BTreeMap<Signed, Vec<Evidence>>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut world = World {
        own: TrustRoot::from_json(include_str!("../trusted_root.json")).expect("it is ours"),
        public_good: TrustRoot::public_good().expect("it is embedded"),
        release: ReleaseSubjects {
            name: "io.github.acme/weather".parse().expect("it is a name"),
            version: "1.2.0".parse().expect("it is a version"),
            metadata: METADATA,
            artifacts: vec![(ARTIFACT, Some(tree()))],
        },
        seeds: BTreeMap::new(),
    };
    for seed in SEEDS {
        let evidence = world.evidence(seed, &world.own).into_iter().flatten().collect::<Vec<_>>();
        assert!(!evidence.is_empty(), "the seeds verify");
        world.seeds.insert(signed(seed), evidence);
    }
    world
});

impl World {
    /// All that `bundle` proves under `root`, asked in each way there is.
    fn evidence(&self, bundle: &[u8], root: &TrustRoot) -> [Result<Evidence, VerifyError>; 4] {
        let blob = Subject::Artifact(Digest::of(BLOB));
        let artifact = Subject::Artifact(ARTIFACT);
        let release = verify_release(&self.release, &[bundle], &root.into());
        [
            release.map(|mut evidence| evidence.remove(0)),
            verify(&[artifact], Attestation::Provenance, bundle, root),
            verify(&[artifact], Attestation::Ecosystem, bundle, root),
            verify(&[blob], Attestation::Blob, bundle, root),
        ]
    }
}

fn tree() -> TreeDigest {
    let mut tree = TreeHasher::default();
    tree.add("a", ARTIFACT, false);
    tree.finish()
}

/// The payload of an envelope, or the digest of a blob, and the signature.
fn signed(bundle: &[u8]) -> Signed {
    let bundle: Value = serde_json::from_slice(bundle).expect("what verifies is JSON");
    let bytes = |path: &str| {
        let text = bundle.pointer(path).and_then(Value::as_str);
        text.map(|text| FORGIVING.decode(text).expect("what verifies is base64"))
    };
    let content =
        bytes("/dsseEnvelope/payload").or(bytes("/messageSignature/messageDigest/digest"));
    let signature =
        bytes("/dsseEnvelope/signatures/0/sig").or(bytes("/messageSignature/signature"));
    (content.unwrap_or_default(), signature.expect("what verifies is signed"))
}

fuzz_target!(|bytes: &[u8]| {
    for result in WORLD.evidence(bytes, &WORLD.public_good) {
        assert!(result.is_err(), "nobody signed this under the public root");
    }
    for mut evidence in WORLD.evidence(bytes, &WORLD.own).into_iter().flatten() {
        let known = WORLD.seeds.get(&signed(bytes)).expect("only the seeds are signed");
        // The digest of the bundle's own text differs where white space does.
        evidence.bundle = known[0].bundle;
        assert!(known.contains(&evidence), "it says more than was proved: {evidence:#?}");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let changed = if seed % 2 == 0 { change_decoded(&data[..size], seed / 2) } else { None };
    match changed {
        Some(text) if text.len() <= max_size => {
            data[..text.len()].copy_from_slice(&text);
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

/// The bundle with the bytes of one of its base64 texts changed.
fn change_decoded(bundle: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut bundle: Value = serde_json::from_slice(bundle).ok()?;
    let mut texts = Vec::new();
    collect_base64(&mut bundle, &mut texts);
    let index = (seed as usize).checked_rem(texts.len())?;
    let (text, mut bytes) = texts.swap_remove(index);
    let size = bytes.len();
    bytes.resize(MAX_DECODED, 0);
    let size = fuzzer_mutate(&mut bytes, size, MAX_DECODED);
    *text = BASE64_STANDARD.encode(&bytes[..size]);
    serde_json::to_vec(&bundle).ok()
}

/// Every text below `value` that is base64, with its bytes.
fn collect_base64<'a>(value: &'a mut Value, texts: &mut Vec<(&'a mut String, Vec<u8>)>) {
    match value {
        Value::String(text) => {
            let bytes = BASE64_STANDARD.decode(&*text).ok();
            texts.extend(
                bytes.filter(|bytes| bytes.len() <= MAX_DECODED).map(|bytes| (text, bytes)),
            );
        }
        Value::Array(items) => items.iter_mut().for_each(|item| collect_base64(item, texts)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| collect_base64(field, texts));
        }
        _ => (),
    }
}
