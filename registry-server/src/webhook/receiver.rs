//! Sending a message to where it belongs, and nowhere else.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use mcpkg_core::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client};
use url::Url;

use crate::config::{ConfigError, WebhookFile};

/// How long a receiver may take. One that has to think does so after its answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where messages of one webhook are sent to.
#[derive(Debug)]
pub(super) struct Receiver {
    client: Client,
    url: Url,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver has it.
    Taken,
    /// The receiver wants no more.
    Gone,
    /// It failed, for this reason.
    Failed(String),
}

/// The addresses of a host, without those that must not be sent to. Connections are
/// made to what this answers, so that there is no second look to be lied to.
struct Addresses {
    is_private_allowed: bool,
}

/// A host has no address that may be sent to.
#[derive(Debug, thiserror::Error)]
#[error("it has no address on the public internet")]
struct NotPublic;

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let is_private_allowed = self.is_private_allowed;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str().to_owned(), 0)).await?;
            let addresses: Vec<SocketAddr> =
                found.filter(|it| is_private_allowed || is_public(it.ip())).collect();
            if addresses.is_empty() {
                return Err(Box::new(NotPublic) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Receiver {
    pub(super) fn new(config: &WebhookFile) -> Result<Self, ConfigError> {
        let failed = |source: reqwest::Error| ConfigError::Client { source: Box::new(source) };
        let mut client = Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            .https_only(!config.private_addresses)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .dns_resolver(Addresses { is_private_allowed: config.private_addresses });
        if let Some(path) = &config.ca {
            let pem = fs::read(path)
                .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(failed)?;
            client = client.tls_certs_merge(certificates);
        }
        Ok(Self { client: client.build().map_err(failed)?, url: config.url.clone() })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, headers: [(&'static str, String); 3], body: &str) -> Attempt {
        let request = self.client.post(self.url.clone()).header("content-type", "application/json");
        let request = headers.into_iter().fold(request, |it, (name, value)| it.header(name, value));
        match request.body(body.to_owned()).send().await {
            Ok(answer) if answer.status().is_success() => Attempt::Taken,
            Ok(answer) if answer.status() == reqwest::StatusCode::GONE => Attempt::Gone,
            Ok(answer) => Attempt::Failed(format!("it answered {}", answer.status().as_u16())),
            Err(error) => {
                // Without the address, which may have a secret in its path.
                let error = error.without_url();
                let causes = std::iter::successors(error.source(), |&cause| cause.source());
                let last = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
                Attempt::Failed(last.chars().take(200).collect())
            }
        }
    }
}
