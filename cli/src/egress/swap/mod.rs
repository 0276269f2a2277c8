//! Secrets that stay outside: the server has a placeholder, and its host the secret.
//!
//! A secret that is tied to a host need not enter the sandbox at all. The server is
//! given a random placeholder in its place, which is worth nothing to anybody. Its
//! TLS connections to that host end here, and begin again to the real host, verified;
//! on the way, the placeholder in the headers of a request becomes the secret:
//!
//! ```text
//! server ── TLS, our certificate ──> swap ── TLS, the host's certificate ──> host
//!           Authorization: Bearer mcpkg-…     Authorization: Bearer sk-…
//! ```
//!
//! Our certificates are signed by an authority that is made for this launch, may sign
//! for these hosts alone, and is trusted by nobody but this server: see
//! [`Swap::trust`]. Its key is gone when they are signed; theirs stay in this memory.
//!
//! - **Only to its host.** The name in the TLS handshake, the `Host` header and the
//!   target of the request all have to be the host that was connected to, or nothing
//!   is sent on: a shared front end would otherwise hand the secret to a neighbour.
//! - **Only in headers for credentials**, by their names. Addresses are written into
//!   logs, and what is in bodies and other headers a host may keep and give back; a
//!   placeholder there arrives as it is. In `Authorization: Basic` it is found inside
//!   the encoding.
//! - **Only HTTP/1.1**, read and written anew by `hyper`: no header that frames a
//!   message is passed on, so that two readers cannot disagree on where one ends. A
//!   client that insists on HTTP/2 gets no connection; upgrades are not passed on.
//! - **Not back.** A host may repeat what it was sent, and a server may look for the
//!   page that does. Answers are asked for without compression, and the secret is
//!   masked in their headers and bodies; one that is compressed all the same is
//!   withheld. A host that answers with the secret in another spelling is not caught:
//!   the secret is tied to a host because that host is trusted with it.

mod authority;
mod mask;
mod placeholder;
mod request;
mod response;
mod serve;

use std::collections::BTreeMap;
use std::sync::Arc;

use mcpkg_core::permissions::{Host, HostPort, Port};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use self::authority::{Authority, to_pem};
pub use self::placeholder::{Brokered, Placeholder};
pub(super) use self::serve::serve;
use super::EgressError;
use super::inside::Destination;

/// The protocol that is spoken on both sides.
const HTTP_1_1: &[u8] = b"http/1.1";

/// Variables that name a file of authorities to trust besides those of the system.
const ADDITIONAL: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

/// Variables that name a file of all authorities to trust: OpenSSL's own, with Go,
/// Ruby and Python after it, and those of what does not ask OpenSSL.
const INSTEAD: [&str; 8] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CARGO_HTTP_CAINFO",
];

/// Whose word is taken for who the real host is.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The authorities that this system trusts.
    System,
    /// Those in this PEM text, as a company has them.
    Pem(String),
}

/// Puts the secrets of one launch into the requests to their hosts.
pub struct Swap {
    authority_pem: String,
    sites: BTreeMap<Destination, Arc<Site>>,
    roots: Vec<CertificateDer<'static>>,
}

/// One host that has secrets.
pub(super) struct Site {
    destination: Destination,
    secrets: Vec<Brokered>,
    /// How we are the host, to the server.
    inner: Arc<ServerConfig>,
    /// How we are a client of the host.
    outer: Arc<ClientConfig>,
}

/// What the server has to be given to trust our certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The content of `additional`: our authority alone.
    pub additional_pem: String,
    /// The content of `instead`: the authorities of `Roots`, and ours.
    pub instead_pem: String,
}

impl Trust {
    /// The variables that make common runtimes trust our authority, when its two
    /// texts are in files at these paths, as the server sees them.
    pub fn environment(additional: &str, instead: &str) -> Vec<(&'static str, String)> {
        let to = |path: &str, names: &[&'static str]| -> Vec<_> {
            names.iter().map(|name| (*name, path.to_owned())).collect()
        };
        [to(additional, &ADDITIONAL), to(instead, &INSTEAD)].concat()
    }
}

impl Swap {
    /// Makes an authority and certificates for the hosts of these secrets.
    ///
    /// # Errors
    ///
    /// [`EgressError::Authority`] if the certificates cannot be made, and
    /// [`EgressError::Roots`] if there is nobody to trust.
    pub fn new(secrets: Vec<Brokered>, roots: &Roots) -> Result<Self, EgressError> {
        let roots = match roots {
            Roots::System => rustls_native_certs::load_native_certs().certs,
            Roots::Pem(text) => CertificateDer::pem_slice_iter(text.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|_| EgressError::Roots)?,
        };
        let mut store = RootCertStore::empty();
        // Of the system's there may be some that nobody can read any more.
        store.add_parsable_certificates(roots.iter().cloned());
        if store.is_empty() {
            return Err(EgressError::Roots);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut outer = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(EgressError::authority)?
            .with_root_certificates(store)
            .with_no_client_auth();
        outer.alpn_protocols = vec![HTTP_1_1.to_vec()];
        let outer = Arc::new(outer);

        let mut by_host: BTreeMap<Destination, Vec<Brokered>> = BTreeMap::new();
        for secret in secrets {
            by_host.entry(secret.destination().clone()).or_default().push(secret);
        }
        let authority = Authority::new(by_host.keys().map(|destination| &destination.host))?;
        let mut sites = BTreeMap::new();
        for (destination, secrets) in by_host {
            let inner = Arc::new(authority.be(&destination.host, Arc::clone(&provider))?);
            let outer = Arc::clone(&outer);
            let site = Site { destination: destination.clone(), secrets, inner, outer };
            sites.insert(destination, Arc::new(site));
        }
        // Its key ends here.
        Ok(Self { authority_pem: authority.pem(), sites, roots })
    }

    /// What the server has to be given, for it to trust our certificates.
    pub fn trust(&self) -> Trust {
        let own = self.authority_pem.clone();
        let all: String = self.roots.iter().map(to_pem).collect();
        Trust { instead_pem: all + &own, additional_pem: own }
    }

    /// The secrets of `destination`, if it has any.
    pub(super) fn site(&self, destination: &Destination) -> Option<&Arc<Site>> {
        self.sites.get(destination)
    }
}

impl std::fmt::Debug for Swap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Swap").field("hosts", &self.sites.keys()).finish_non_exhaustive()
    }
}

/// The one host and port that `grant` is about.
fn destination(grant: &HostPort) -> Result<Destination, EgressError> {
    match (grant.host(), grant.port()) {
        (Host::Below(_), _) | (_, Port::Any) => Err(EgressError::NotOneHost(grant.clone())),
        (host, Port::One(port)) => Ok(Destination { host: host.clone(), port }),
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
