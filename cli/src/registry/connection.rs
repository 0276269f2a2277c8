//! How a registry is reached: whom its certificate is from, by which proxy, and with
//! which certificate of one's own.
//!
//! A registry that has a `ca` is believed with a certificate of that authority *alone*.
//! Adding it to the system's would let any of a hundred public authorities speak for a
//! company's registry, which the company has no reason to want. Its issuer may be another
//! company's service, so for that the authority is added to the system's; and so it is for
//! the remote servers that it has, and for those of no other registry.
//!
//! The proxy is the registry's own `proxy`, or `HTTPS_PROXY`, which `NO_PROXY` has
//! exceptions from. It sees the names of hosts, and of what is inside TLS nothing. This
//! machine is never asked for by one: there, `localhost` would be another.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Identity, NoProxy, Proxy};
use url::Url;
use zeroize::Zeroizing;

use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::secrets::{self, Stores};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What no proxy is asked for.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// A client of a registry.
pub(crate) fn to_registry(source: &RegistryConfig, places: &Places) -> Result<ClientBuilder> {
    let mut builder = proxied(source, places)?;
    if let Some(authorities) = authorities(source, places)? {
        builder = builder.tls_certs_only(authorities);
    }
    if let Some(certificate) = &source.client_certificate {
        let path = places.config.join(&certificate.file);
        let unusable = |reason: &dyn Display| setting(source, "client certificate", reason);
        let chain = read(path)?;
        let config = crate::config::Config::read(places)?;
        let stores = Stores::new(places, &config.secrets);
        let key = secrets::resolve(&certificate.key, &stores)?
            .ok_or_else(|| unusable(&"there is no key where it should be"))?;
        let mut pem = Zeroizing::new(Vec::with_capacity(chain.len() + key.expose().len() + 1));
        for part in [&chain, "\n".as_bytes(), key.expose().as_bytes()] {
            pem.extend_from_slice(part);
        }
        let identity = Identity::from_pem(&pem).map_err(|error| unusable(&error))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// A client of whoever lets people into a registry. It is shown no certificate.
pub(crate) fn to_issuer(source: &RegistryConfig, places: &Places) -> Result<ClientBuilder> {
    let builder = proxied(source, places)?;
    Ok(match authorities(source, places)? {
        Some(authorities) => builder.tls_certs_merge(authorities),
        None => builder,
    })
}

/// A client of a server that is no registry: one that an agent speaks to through us. The
/// system says whose certificates are believed, and so does the registry that it is from,
/// if that has an authority of its own.
pub(crate) fn to_remote(source: Option<&RegistryConfig>, places: &Places) -> Result<ClientBuilder> {
    let authorities = source.map(|source| authorities(source, places)).transpose()?.flatten();
    let builder = match &places.proxies.https {
        None => direct(),
        Some(address) => by_proxy(&with_scheme(address), places.proxies.except.as_deref())
            .map_err(|_| Error::Setting {
                message: "the address in HTTPS_PROXY is none".to_owned(),
                hint: "set it to the address of a proxy, or unset it",
            })?,
    };
    Ok(match authorities {
        Some(authorities) => builder.tls_certs_merge(authorities),
        None => builder,
    })
}

fn proxied(source: &RegistryConfig, places: &Places) -> Result<ClientBuilder> {
    let (address, except) = match (&source.proxy, &places.proxies.https) {
        (Some(url), _) => {
            check_proxy(url)?;
            (url.to_string(), None)
        }
        (None, Some(address)) => (with_scheme(address), places.proxies.except.as_deref()),
        (None, None) => return Ok(direct()),
    };
    // Without its words: there may be a password in the address.
    by_proxy(&address, except).map_err(|_| setting(source, "proxy", "its address is none"))
}

fn direct() -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("mcpkg/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .no_proxy()
}

fn by_proxy(address: &str, except: Option<&str>) -> reqwest::Result<ClientBuilder> {
    let except = [except.unwrap_or_default(), THIS_MACHINE].join(",");
    let proxy = Proxy::https(address)?;
    Ok(direct().proxy(proxy.no_proxy(NoProxy::from_string(&except))))
}

/// Refuses a proxy's address that could not be kept in a file that others may read.
pub(crate) fn check_proxy(url: &Url) -> Result<()> {
    let has_secret = !url.username().is_empty() || url.password().is_some();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && !has_secret {
        return Ok(());
    }
    Err(Error::Setting {
        message: "the address of a proxy is http or https, with no password in it".to_owned(),
        hint: "a proxy that wants a password can be named by the variable HTTPS_PROXY",
    })
}

fn with_scheme(address: &str) -> String {
    if address.contains("://") { address.to_owned() } else { format!("http://{address}") }
}

fn authorities(source: &RegistryConfig, places: &Places) -> Result<Option<Vec<Certificate>>> {
    let Some(ca) = &source.ca else { return Ok(None) };
    let bytes = read(places.config.join(ca))?;
    let unusable = |reason: &dyn Display| setting(source, "certificate authority", reason);
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| unusable(&error))?;
    // An empty list would be nobody, or everybody, depending on who reads it.
    if found.is_empty() {
        return Err(unusable(&"there is no certificate in the file"));
    }
    Ok(Some(found))
}

fn read(path: PathBuf) -> Result<Vec<u8>> {
    fs::read(&path).map_err(|source| Error::Read { path, source })
}

fn setting(source: &RegistryConfig, what: &str, reason: impl Display) -> Error {
    Error::Setting {
        message: format!("the {what} of the registry `{}` cannot be used: {reason}", source.name),
        hint: "`mcpkg registry remove` it, and add it again with the right one",
    }
}
