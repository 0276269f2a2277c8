//! Asking a domain who may publish in its namespace.
//!
//! Asked once for a name, when it is bound or its binding changes. Either place
//! suffices: a TXT record at `_mcpkg.<domain>`, or the document at
//! `https://<domain>/.well-known/mcpkg.json`; see [`mcpkg_core::domain`] for both.
//!
//! What is found is what this machine's resolver and the web's certificate
//! authorities say at that moment: a domain that is taken over, or a resolver that
//! is lied to, binds a name to the wrong publisher. So the log's entry says what
//! was found, and a name that is bound stays bound. DNS answers are not checked
//! with DNSSEC here; a resolver that validates does that, and answers with an
//! error, which counts as no answer.
//!
//! Anybody may name any domain, so asking must not be a way to reach into this
//! network: addresses that are not on the public internet are refused, whatever
//! the name, at the moment of connecting. No redirect is followed and no proxy
//! used; sizes, times and the number of questions at once are bounded.

mod proof;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use mcpkg_core::domain::{
    DomainError, DomainMethod, DomainProof, TXT_LABEL, WELL_KNOWN_PATH, domain_of, parse_txt,
    parse_well_known,
};
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::official::ProofKeyError;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Coded, PackageName};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::config::ConfigError;
use web::Web;

/// How long one question may take, with all its attempts.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many domains are asked at once.
const MAX_QUESTIONS: usize = 8;
/// The most TXT records that are looked at.
const MAX_RECORDS: usize = 64;

/// Where domains are asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthorityConfig {
    /// Whether TXT records count.
    pub dns: bool,
    /// Whether `/.well-known/mcpkg.json` counts.
    pub well_known: bool,
    /// The name server to ask; by default, the system's.
    pub resolver: Option<SocketAddr>,
    /// Whether domains in this network may be asked.
    pub private_addresses: bool,
    /// Further certificate authorities for `https`, PEM. Relative to the file.
    pub ca: Option<PathBuf>,
    /// The port of `https`; another one than 443 is for tests.
    #[serde(skip)]
    pub port: Option<u16>,
}

impl Default for AuthorityConfig {
    fn default() -> Self {
        Self {
            dns: true,
            well_known: true,
            resolver: None,
            private_addresses: false,
            ca: None,
            port: None,
        }
    }
}

/// Asks domains.
#[derive(Debug)]
pub(crate) struct Authority {
    dns: Option<TokioResolver>,
    web: Option<Web>,
    questions: Semaphore,
}

/// Why a domain lets nobody publish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// It could not be asked, so that nothing is known.
    #[error("could not ask {domain} who may publish in its namespace ({})", place(*method))]
    Lookup {
        /// The domain.
        domain: String,
        /// Where it was asked.
        method: DomainMethod,
        /// What went wrong.
        source: LookupError,
    },
    /// What it says is malformed.
    #[error("what {domain} says about who may publish is malformed ({})", place(*method))]
    Malformed {
        /// The domain.
        domain: String,
        /// Where it says it.
        method: DomainMethod,
        /// What is wrong with it.
        source: DomainError,
    },
    /// The record of a key there is malformed.
    #[error("the key that {domain} lists for publishing is malformed ({})", place(*method))]
    MalformedKey {
        /// The domain.
        domain: String,
        /// Where it lists it.
        method: DomainMethod,
        /// What is wrong with it.
        source: ProofKeyError,
    },
    /// It does not list the publisher.
    #[error("{domain} does not list {publisher} among those who may publish")]
    NotListed {
        /// The domain.
        domain: String,
        /// Who signed.
        publisher: String,
    },
}

/// Why a domain could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// By DNS.
    #[error("the name server did not answer")]
    Dns(#[source] NetError),
    /// There are more records than anybody needs.
    #[error("there are more than {MAX_RECORDS} records")]
    TooMany,
    /// Over https.
    #[error("the document cannot be fetched")]
    Http(#[source] reqwest::Error),
    /// The server answered something else.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The document is too long.
    #[error("the document is longer than {0} bytes")]
    TooLong(usize),
    /// It took too long.
    #[error("it took longer than {} s", TIMEOUT.as_secs())]
    Slow,
}

fn place(method: DomainMethod) -> &'static str {
    match method {
        DomainMethod::Dns => "DNS",
        DomainMethod::WellKnown => "https",
    }
}

/// An identity that a domain lists, and how it is written there.
type Listed = (AllowedIdentity, String);

impl Authority {
    /// Prepares to ask. Nobody is asked yet.
    pub(crate) fn new(config: &AuthorityConfig) -> Result<Self, ConfigError> {
        let resolver = if config.dns || config.well_known {
            let resolver = resolver(config.resolver);
            Some(resolver.map_err(|source| ConfigError::Client { source: Box::new(source) })?)
        } else {
            None
        };
        let web = match &resolver {
            Some(resolver) if config.well_known => Some(Web::new(config, resolver.clone())?),
            _ => None,
        };
        let dns = resolver.filter(|_| config.dns);
        Ok(Self { dns, web, questions: Semaphore::new(MAX_QUESTIONS) })
    }

    /// What the domain of `name` says that lets `publisher` publish it. `None` if
    /// the name has no domain, or no domain is ever asked.
    ///
    /// # Errors
    ///
    /// [`AuthorityError::NotListed`] and [`AuthorityError::Malformed`]
    /// (`E_NAMESPACE`) if the domain has answered; [`AuthorityError::Lookup`]
    /// (`E_UNAVAILABLE`) if it has not everywhere, and says nothing that suffices.
    pub(crate) async fn vouches(
        &self,
        name: &PackageName,
        publisher: &Publisher,
    ) -> Result<Option<DomainProof>, AuthorityError> {
        let Some(domain) = domain_of(name.namespace()) else { return Ok(None) };
        if self.dns.is_none() && self.web.is_none() {
            return Ok(None);
        }
        // Only closing it makes this fail, and nobody does.
        let _permit = self.questions.acquire().await;
        let mut failure = None;
        for method in [DomainMethod::Dns, DomainMethod::WellKnown] {
            match self.ask(method, &domain).await {
                Ok(listed) => {
                    let mut listed = listed.into_iter();
                    if let Some((_, record)) = listed.find(|(identity, _)| identity.is(publisher)) {
                        return Ok(Some(DomainProof { domain, method, record }));
                    }
                }
                // What is malformed is the owner's to mend, and known; what could
                // not be asked may yet have been the answer.
                Err(error @ AuthorityError::Lookup { .. }) => failure = Some(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let publisher = publisher.to_string();
        Err(failure.unwrap_or(AuthorityError::NotListed { domain, publisher }))
    }

    /// Whom `domain` lists in one place. Nobody, if that place is never asked.
    async fn ask(&self, method: DomainMethod, domain: &str) -> Result<Vec<Listed>, AuthorityError> {
        let question = async {
            match (method, &self.dns, &self.web) {
                (DomainMethod::Dns, Some(resolver), _) => {
                    Ok(identities(texts(resolver, &format!("{TXT_LABEL}.{domain}.")).await?))
                }
                (DomainMethod::WellKnown, _, Some(web)) => {
                    let document = web.document(domain, WELL_KNOWN_PATH).await?;
                    Ok(document.map_or(Ok(Vec::new()), |json| parse_well_known(&json)))
                }
                _ => Ok(Ok(Vec::new())),
            }
        };
        let answer = tokio::time::timeout(TIMEOUT, question).await;
        let domain = || domain.to_owned();
        answer
            .unwrap_or(Err(LookupError::Slow))
            .map_err(|source| AuthorityError::Lookup { domain: domain(), method, source })?
            .map_err(|source| AuthorityError::Malformed { domain: domain(), method, source })
    }
}

/// A resolver that asks `server`, or whom the system asks.
fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        // A machine without one, such as one that is offline, still has a registry.
        None => TokioResolver::builder_tokio().unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "there is no name server to ask domains with");
            let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
        }),
        Some(server) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = server.port();
                connection
            });
            let server = NameServerConfig::new(server.ip(), true, connections.into());
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    bound(builder.options_mut());
    builder.build()
}

fn bound(options: &mut ResolverOpts) {
    options.timeout = TIMEOUT / 3;
    options.attempts = 2;
    // Asked once for a name: whoever has just mended a record need not wait.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
}

/// The TXT records at `name`, each in one piece.
async fn texts(resolver: &TokioResolver, name: &str) -> Result<Vec<String>, LookupError> {
    let found = match resolver.lookup(name, RecordType::TXT).await {
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            return Ok(Vec::new());
        }
        other => other.map_err(LookupError::Dns)?,
    };
    let records: Vec<String> = found
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        })
        // What is no text is not for us.
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .collect();
    if records.len() > MAX_RECORDS { Err(LookupError::TooMany) } else { Ok(records) }
}

/// The identities in TXT records. One that is for us and malformed spoils them all.
fn identities(texts: Vec<String>) -> Result<Vec<Listed>, DomainError> {
    let mut listed = Vec::new();
    for text in texts {
        if let Some(identity) = parse_txt(&text)? {
            listed.push((identity, text));
        }
    }
    Ok(listed)
}

impl Coded for AuthorityError {
    fn code(&self) -> Code {
        match self {
            Self::Lookup { .. } => Code::Unavailable,
            Self::Malformed { .. } | Self::MalformedKey { .. } | Self::NotListed { .. } => {
                Code::Namespace
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Lookup { .. } => "try again later; the domain's owner may have to mend it",
            Self::Malformed { .. } => {
                "correct the TXT record at `_mcpkg.<domain>`, or `/.well-known/mcpkg.json` there"
            }
            Self::MalformedKey { .. } => {
                "correct the record: `v=MCPv1; k=<ed25519 or ecdsap384>; p=<base64>`"
            }
            Self::NotListed { .. } => {
                "list the publisher in a TXT record at `_mcpkg.<domain>`, or in \
                 `/.well-known/mcpkg.json` there"
            }
        })
    }
}

#[cfg(test)]
mod tests;
