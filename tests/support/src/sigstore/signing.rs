//! The in-process signer, for tests that need a bundle and not a command.
//!
//! It is `sigstore-sign` over HTTP, as any client is. Three faults would make
//! that give up, because it compares what it gets with what it asked for. For
//! those the signer plays one that does not compare: it signs with a service
//! that hides the fault, then puts what the faulty one answers in its place.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use sigstore_sign::oidc::IdentityToken;
use sigstore_sign::reqwest;
use sigstore_sign::trust_root::SigningConfig;
use sigstore_sign::{Signer, SigningContext, SigningServices};

use super::faults::{Fault, Faults};
use super::services::{CARELESS, Services};
use super::{rekor, surgery, trust, tsa};

/// A signer for many identities; its connections are kept open.
pub(super) struct InProcessSigner(SigningContext);

impl InProcessSigner {
    /// Makes a signer for `services`, which need not answer yet.
    pub(super) fn new(services: &Services) -> Self {
        let config = trust::signing_config(services, CARELESS).to_string();
        let config = SigningConfig::from_json(&config).expect("our configuration is valid");
        let config =
            SigningServices::from_signing_config(&config).expect("our configuration is complete");
        let client = reqwest::Client::builder().no_proxy().build().expect("TLS can be set up");
        Self(SigningContext::new(config).with_http_client(client))
    }

    /// The signer for whoever holds `token`.
    pub(super) fn holder_of(&self, token: &str) -> Signer {
        self.0.signer(IdentityToken::from_jwt(token).expect("our tokens are tokens"))
    }
}

/// What is to be signed.
pub(super) enum Payload {
    /// An in-toto statement, in an envelope.
    Statement(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Signs, and answers with the bundle that the faults of the moment make of it.
pub(super) async fn sign(
    services: &Services,
    signer: &Signer,
    payload: Payload,
) -> sigstore_sign::Result<Value> {
    let bundle = match payload {
        Payload::Statement(statement) => signer.sign_raw_statement(&statement).await?,
        Payload::Blob(blob) => signer.sign(blob.as_slice()).await?,
    };
    let bundle = serde_json::to_value(bundle).expect("a bundle is JSON");
    Ok(finish(services, bundle, &services.faults()))
}

/// Does to `bundle` what a signer that compares nothing would have let happen.
fn finish(services: &Services, mut bundle: Value, faults: &Faults) -> Value {
    if faults.has(Fault::RekorEntryOfAnother) {
        let body = surgery::bytes(&bundle, surgery::BODY);
        let entry = rekor::Entry::again(&body)
            .map(|entry| rekor::append(services, entry, faults))
            .expect("the body is one that we wrote")
            .expect("the log was available for the first entry");
        *surgery::part(&mut bundle, surgery::LOG_ENTRY) = entry;
    }
    if faults.has(Fault::TimestampOfAnother) {
        let signature = surgery::bytes(&bundle, surgery::signature_path(&bundle));
        let stamp = tsa::stamp_signature(services, &signature, faults)
            .expect("the authority stamped the same signature before");
        *surgery::part(&mut bundle, surgery::TIMESTAMP) = BASE64.encode(stamp).into();
    }
    if faults.has(Fault::NoTimestamp) {
        surgery::remove_timestamps(&mut bundle);
    }
    bundle
}
