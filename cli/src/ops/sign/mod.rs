//! Signing: by an identity that the CI already has or that somebody logs in with, a
//! certificate for ten minutes, and a public log; or, where there is no such thing, by a
//! key of one's own, logged and timestamped all the same.
//!
//! No token is stored anywhere. A token is looked at before it is sent to anybody:
//! `token.rs` says what is wrong with one that could prove nothing.

mod claims;
mod key;
mod token;

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::evidence::{self, BuildClaims};
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::{Publisher, PublisherError};
use sigstore_oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::{SigningConfig, SigstoreInstance};

use crate::args::SigningArgs;
use crate::error::{Error, Result};

pub use self::key::{KeySource, KeySourceError};
pub(crate) use self::token::check as check_token;

/// The audience of a token that is for Sigstore.
const AUDIENCE: &str = "sigstore";

/// Somebody who can sign, and the services that log it.
pub struct Signer {
    who: Who,
    runtime: tokio::runtime::Runtime,
}

enum Who {
    /// By a token, for which Fulcio makes a certificate.
    Identity { token: Box<IdentityToken>, context: Box<SigningContext> },
    /// By a key.
    Key(key::KeySigner),
}

impl Signer {
    /// Finds somebody who can sign: the key or the token that is given; else the CI
    /// around us; else whoever sits at the terminal, by a browser.
    ///
    /// # Errors
    ///
    /// [`Error::NoIdentity`] where there is none to find. A token that could prove
    /// nothing, or that a stranger may have had made, is refused before anybody sees it.
    pub fn find(args: &SigningArgs) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("start", error))?;
        let config = match &args.signing_config {
            Some(path) => SigningConfig::from_file(path)
                .map_err(|error| failed("read the signing configuration", error))?,
            None => SigstoreInstance::PublicGood
                .embedded_signing_config()
                .map_err(|error| failed("read the signing configuration", error))?
                .ok_or(Error::NoIdentity)?,
        };
        if let Some(source) = &args.key {
            let who = Who::Key(key::KeySigner::new(source, &config)?);
            return Ok(Self { who, runtime });
        }
        let services = SigningServices::from_signing_config(&config)
            .map_err(|error| failed("find the signing services", error))?;
        let context = SigningContext::new(services);
        let token = match &args.identity_token {
            Some(path) => checked(&read_token(path)?)?,
            None => match runtime
                .block_on(IdentityToken::detect_ambient())
                .map_err(|error| failed("get a token from the CI", error))?
            {
                Some(token) => checked(token.expose_secret())?,
                None => runtime.block_on(log_in(&context))?,
            },
        };
        let signer = Self {
            who: Who::Identity { token: Box::new(token), context: Box::new(context) },
            runtime,
        };
        match signer.publisher() {
            // Nobody would accept the certificate: better not to have one made.
            Err(reason @ PublisherError::Event(_)) => {
                Err(Error::Refused(vec![Refusal::NoPublisher { reason }]))
            }
            _ => Ok(signer),
        }
    }

    /// Who signs: as the token's issuer calls them, or which key.
    pub fn identity(&self) -> &str {
        match &self.who {
            Who::Identity { token, .. } => token.identity(),
            Who::Key(key) => key.name(),
        }
    }

    /// What the token says about the build, for the statement.
    ///
    /// Only a claim at this point: the certificate that Fulcio makes from the
    /// same token is what verifiers compare the statement with.
    pub fn build_claims(&self) -> Option<BuildClaims> {
        match &self.who {
            Who::Identity { token, .. } => {
                let claims = token::claims(token.expose_secret())?;
                claims::build_claims(token.issuer(), &claims)
            }
            Who::Key(_) => None,
        }
    }

    /// The publisher that a statement would be signed by, as the token has it.
    ///
    /// Only a claim, as [`Self::build_claims`]; but whoever publishes with a token of the
    /// same job is this publisher.
    ///
    /// # Errors
    ///
    /// Why somebody with such a token is no publisher.
    pub fn publisher(&self) -> Result<Publisher, PublisherError> {
        let (issuer, subject) = match &self.who {
            Who::Identity { token, .. } => (token.issuer(), token.identity()),
            Who::Key(key) => (mcpkg_verify::key::ISSUER, key.name()),
        };
        Publisher::of(&evidence::Signer {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            build: self.build_claims(),
        })
    }

    /// Signs a statement. The bundle is what the services answered; nothing in
    /// it has been checked yet.
    pub fn sign(&self, statement: &[u8]) -> Result<Vec<u8>> {
        let bundle = match &self.who {
            Who::Identity { token, context } => {
                let signer = context.signer(IdentityToken::clone(token));
                self.runtime
                    .block_on(signer.sign_raw_statement(statement))
                    .map_err(|error| failed("get the statement signed and logged", error))?
            }
            Who::Key(key) => self.runtime.block_on(key.sign(statement))?,
        };
        let json = bundle.to_json().map_err(|error| failed("write the bundle", error))?;
        Ok(json.into_bytes())
    }
}

/// A token that may be sent to Fulcio.
fn checked(text: &str) -> Result<IdentityToken> {
    let text = text.trim();
    token::check(text, AUDIENCE, Timestamp::now())
        .map_err(Error::wrap("the identity token cannot be used"))?;
    IdentityToken::from_jwt(text).map_err(|error| failed("read the token", error))
}

/// Has whoever sits at the terminal log in with a browser.
///
/// OAuth 2.0 with PKCE (RFC 7636) at the issuer that the signing configuration names; the
/// code comes back to this machine alone, or is typed in.
async fn log_in(context: &SigningContext) -> Result<IdentityToken> {
    let is_person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let issuer = context.services().oidc_url().filter(|_| is_person).ok_or(Error::NoIdentity)?;
    let client = sigstore_oidc::OAuthClient::new(sigstore_oidc::OAuthConfig::dex(issuer))
        .map_err(|error| failed("log in", error))?;
    let token = client
        .authenticate(sigstore_oidc::DefaultAuthCallback)
        .await
        .map_err(|error| failed("log in", error))?;
    checked(token.expose_secret())
}

fn read_token(path: &Path) -> Result<String> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    // One byte more than a token may have, so that a longer one is seen to be.
    let limit = token::MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(limit).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

fn failed(step: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Sign { step, source: Box::new(source) }
}
