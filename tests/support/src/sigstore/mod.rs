//! A real Sigstore, inside the test: nothing leaves the machine, and nothing is
//! pretended.
//!
//! A [`TestSigstore`] signs with real keys and checks with real code. Tokens are
//! JSON Web Tokens whose signature, audience and times Fulcio checks; its
//! certificates come with a proof of logging; Rekor keeps a Merkle tree; the
//! timestamp authority speaks RFC 3161. `sigstore-verify` accepts the bundles
//! under [`TestSigstore::trusted_root_json`], and under no other root.
//!
//! ```
//! use mcpkg_test_support::sigstore::{Identity, TestSigstore};
//!
//! let sigstore = TestSigstore::start();
//! let bundle = sigstore.sign_blob(&Identity::github("acme/weather"), b"hello");
//! assert!(bundle.contains("messageSignature"));
//! ```
//!
//! # Reading order
//!
//! 1. `identity.rs` and `github.rs` say who signs; `oidc.rs` gives them a token.
//! 2. `fulcio.rs` turns the token into a certificate, with the extensions of
//!    `certificate.rs` and the promise of `sct.rs`.
//! 3. `rekor.rs` logs the signature in the tree of `merkle.rs`; `tsa.rs` says
//!    when. `services.rs` is the HTTP in front of all of them.
//! 4. `trust.rs` is what clients are told; `signing.rs` is such a client.
//! 5. [`Fault`] lists how each can be wrong, and [`surgery`] changes a bundle.
//!
//! # What is left out
//!
//! There is no certificate log behind the promises, no tiles to read Rekor by,
//! no Rekor of version 1 (recorded bundles cover it), and no TUF repository.

mod authorities;
mod certificate;
mod faults;
mod fulcio;
mod github;
mod identity;
mod managed;
mod merkle;
mod oidc;
mod refusal;
mod rekor;
mod sct;
mod services;
mod signing;
pub mod surgery;
mod trust;
mod tsa;

use std::future::Future;
use std::sync::{Arc, mpsc};

pub use faults::Fault;
pub use github::{GITHUB_ISSUER, GitHub, REUSABLE_WORKFLOW_COMMIT, RUN_ID};
pub use identity::{Email, GITLAB_ISSUER, GitLab, Identity, Provider};
pub use managed::ManagedKey;

use crate::background::Background;
use services::Services;
use signing::{InProcessSigner, Payload};

/// A Sigstore of one's own: an issuer of tokens, Fulcio, Rekor and a timestamp
/// authority, all at one URL on the loopback interface.
///
/// It runs on a thread of its own until it is dropped, and its methods block,
/// so it serves tests with and without a runtime. Each has fresh keys: what one
/// signs, another does not trust.
pub struct TestSigstore {
    services: Arc<Services>,
    signer: Arc<InProcessSigner>,
    server: Background,
}

impl TestSigstore {
    /// Starts one. It answers when this returns.
    pub fn start() -> Self {
        let mut made = None;
        let server = Background::serve(|url| {
            let services = made.insert(Arc::new(Services::generate(url.to_owned())));
            services::router(services)
        });
        let services = made.expect("the router was made of them");
        let signer = Arc::new(InProcessSigner::new(&services));
        Self { services, signer, server }
    }

    /// The same, with a fault.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        self.break_with(fault);
        self
    }

    /// Turns a fault on, from the next request on.
    pub fn break_with(&self, fault: Fault) {
        self.services.break_with(fault);
    }

    /// Turns all faults off.
    pub fn repair(&self) {
        self.services.repair();
    }

    /// Where all services are, without a slash at the end. Also the issuer of
    /// e-mail identities.
    pub fn url(&self) -> &str {
        &self.services.url
    }

    /// What to trust: a `trusted_root.json`.
    pub fn trusted_root_json(&self) -> String {
        trust::trusted_root(&self.services).to_string()
    }

    /// Where to sign: a `signing_config.json` of version 0.2.
    pub fn signing_config_json(&self) -> String {
        trust::signing_config(&self.services, "").to_string()
    }

    /// A token for Fulcio, valid for five minutes.
    pub fn token<P: Provider>(&self, identity: &Identity<P>) -> String {
        let issuer = &self.services.issuer;
        issuer.token(identity.claims(issuer.url()), oidc::AUDIENCE)
    }

    /// The environment of a GitHub Actions job that may ask for tokens
    /// (`id-token: write`), for a child process.
    pub fn github_environment(&self, identity: &Identity) -> Vec<(String, String)> {
        let issuer = &self.services.issuer;
        let url = format!("{}/github/token?api-version=2.0", self.url());
        let mut variables = identity.environment_variables();
        variables.push(("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), url));
        variables.push((
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(),
            issuer.admit(identity.claims(issuer.url())),
        ));
        variables
    }

    /// Signs an in-toto statement; the bundle holds an envelope.
    ///
    /// Panics if a fault prevents that, or the statement is none.
    pub fn sign_statement<P: Provider>(&self, identity: &Identity<P>, statement: &[u8]) -> String {
        self.try_sign_statement(identity, statement).expect("the statement can be signed")
    }

    /// Signs an in-toto statement, or reports which service refused.
    pub fn try_sign_statement<P: Provider>(
        &self,
        identity: &Identity<P>,
        statement: &[u8],
    ) -> sigstore_sign::Result<String> {
        self.sign(identity, Payload::Statement(statement.to_vec()))
    }

    /// Signs an in-toto statement with a key; the bundle has no certificate, and
    /// `hint` for the key.
    pub fn sign_statement_with_key(
        &self,
        key: &ManagedKey,
        statement: &[u8],
        hint: &str,
    ) -> String {
        key.sign(&self.services, statement, hint)
    }

    /// Signs bytes; the bundle holds a message signature.
    ///
    /// Panics if a fault prevents that.
    pub fn sign_blob<P: Provider>(&self, identity: &Identity<P>, blob: &[u8]) -> String {
        self.try_sign_blob(identity, blob).expect("bytes can be signed")
    }

    /// Signs bytes, or reports which service refused.
    pub fn try_sign_blob<P: Provider>(
        &self,
        identity: &Identity<P>,
        blob: &[u8],
    ) -> sigstore_sign::Result<String> {
        self.sign(identity, Payload::Blob(blob.to_vec()))
    }

    fn sign<P: Provider>(
        &self,
        identity: &Identity<P>,
        payload: Payload,
    ) -> sigstore_sign::Result<String> {
        let signer = self.signer.holder_of(&self.token(identity));
        let services = Arc::clone(&self.services);
        let bundle = self.wait_for(async move { signing::sign(&services, &signer, payload).await });
        Ok(bundle?.to_string())
    }

    /// Runs `work` on our thread, and blocks until it is done.
    ///
    /// Not `Handle::block_on`, which panics in a test that is asynchronous.
    fn wait_for<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        self.server.runtime().spawn(async move { done.send(work.await) });
        result.recv().expect("the thread outlives us, and the work does not panic")
    }
}
