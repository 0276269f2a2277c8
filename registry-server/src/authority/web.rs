//! Fetching a domain's document.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use mcpkg_core::address::is_public;
use mcpkg_core::domain::MAX_WELL_KNOWN_BYTES;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, StatusCode};

use super::{AuthorityConfig, LookupError, TIMEOUT};
use crate::config::ConfigError;

/// A client for the documents of all domains.
#[derive(Debug)]
pub(super) struct Web {
    client: Client,
    port: Option<u16>,
}

/// The addresses of a host, without those that must not be asked. Connections are
/// made to what this answers, so that there is no second look to be lied to.
struct PublicAddresses {
    resolver: TokioResolver,
    is_private_allowed: bool,
}

/// A host has no address that may be asked.
#[derive(Debug, thiserror::Error)]
#[error("it has no address on the public internet")]
struct NotPublic;

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, is_private_allowed) = (self.resolver.clone(), self.is_private_allowed);
        Box::pin(async move {
            // A dot at the end, so that nothing of the system's is put behind it.
            let found = resolver.lookup_ip(format!("{}.", name.as_str())).await?;
            let addresses: Vec<SocketAddr> = found
                .iter()
                .filter(|address| is_private_allowed || is_public(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if addresses.is_empty() {
                return Err(Box::new(NotPublic) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Web {
    pub(super) fn new(
        config: &AuthorityConfig,
        resolver: TokioResolver,
    ) -> Result<Self, ConfigError> {
        let failed = |source: reqwest::Error| ConfigError::Client { source: Box::new(source) };
        let addresses = PublicAddresses { resolver, is_private_allowed: config.private_addresses };
        let mut client = Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .dns_resolver(addresses);
        if let Some(path) = &config.ca {
            let pem = fs::read(path)
                .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(failed)?;
            client = client.tls_certs_merge(certificates);
        }
        Ok(Self { client: client.build().map_err(failed)?, port: config.port })
    }

    /// The document of `domain` at `path`, or `None` if it says that it has none.
    pub(super) async fn document(
        &self,
        domain: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, LookupError> {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("https://{domain}{port}{path}");
        let mut response = self.client.get(url).send().await.map_err(LookupError::Http)?;
        match response.status() {
            StatusCode::OK => (),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            other => return Err(LookupError::Status(other.as_u16())),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(LookupError::Http)? {
            if bytes.len() + chunk.len() > MAX_WELL_KNOWN_BYTES {
                return Err(LookupError::TooLong(MAX_WELL_KNOWN_BYTES));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }
}
