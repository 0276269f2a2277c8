//! TLS, and its files, which change under a running server.
//!
//! The pair of certificate and key is made anew by whoever runs the company's
//! authority, often every few weeks, and nobody should have to restart a registry for
//! that. So the files are looked at every few seconds, and at once after a SIGHUP; by
//! their content, since a copied file may keep its old time. What is read is used if it
//! is a whole: a key that belongs to the certificate, which is valid now. Else the old
//! pair stays in force and the reason is logged, once. The two files need not be replaced
//! at the same moment: half of a change is such a broken pair, until the other half is
//! there.
//!
//! A new pair is for new connections. Those that are open go on, and tickets from before
//! are worth nothing: what clients are asked for may have changed.
//!
//! HTTP/1.1 is the only protocol that is offered (RFC 7301); [`super`] says why.

mod error;

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use mcpkg_core::Digest;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::blobs::blocking;
use crate::config::{ClientCertificates, TlsFile, TlsVersion};
use crate::hangup::Hangups;

pub use error::TlsError;

/// The longest file, in bytes: hundreds of authorities.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The only protocol that is spoken inside.
const HTTP_1_1: &[u8] = b"http/1.1";

/// What new connections are served with. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    file: Arc<TlsFile>,
    current: Arc<RwLock<Loaded>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// Of the files that it was made of.
    made_of: Digest,
}

impl Tls {
    /// Reads the files. A pair that cannot be used is an error here: there is no old one.
    pub(crate) async fn open(file: TlsFile) -> Result<Self, TlsError> {
        let file = Arc::new(file);
        let reading = Arc::clone(&file);
        let loaded = blocking(move || {
            let files = Files::read(&reading)?;
            let config = Arc::new(files.config(&reading, SystemTime::now())?);
            Ok::<_, TlsError>(Loaded { config, made_of: files.digest() })
        })
        .await?;
        Ok(Self { file, current: Arc::new(RwLock::new(loaded)) })
    }

    /// What the next connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().config)
    }

    fn current(&self) -> Loaded {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again, and uses them if they are others and good.
    fn reload_now(&self) -> Result<Reloaded, TlsError> {
        let files = Files::read(&self.file)?;
        let made_of = files.digest();
        if made_of == self.current().made_of {
            return Ok(Reloaded::Same);
        }
        let config = Arc::new(files.config(&self.file, SystemTime::now())?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Loaded { config, made_of };
        Ok(Reloaded::Other)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Reloaded {
    Same,
    Other,
}

/// Looks at the files for as long as the server runs: every few seconds, and when the
/// process is sent a SIGHUP.
pub(crate) async fn reload_for_ever(tls: Tls, mut hangups: Hangups) {
    let mut ticks = tokio::time::interval(Duration::from_secs(tls.file.reload_seconds));
    // What is wrong is told once, and not every few seconds.
    let mut told = String::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            () = hangups.next() => tracing::info!("asked to look at the certificate"),
        }
        let reloading = tls.clone();
        match blocking(move || reloading.reload_now()).await {
            Ok(Reloaded::Same) => told.clear(),
            Ok(Reloaded::Other) => {
                told.clear();
                tracing::info!("a new certificate is in use");
            }
            Err(error) => {
                let now = error.to_string();
                if told != now {
                    tracing::error!(
                        error = &error as &dyn Error,
                        "the new certificate cannot be used; the old one stays"
                    );
                    told = now;
                }
            }
        }
    }
}

/// The bytes of all files, read once, so that what is judged is what is used.
struct Files {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(file: &TlsFile) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&file.certificate)?,
            key: read(&file.key)?.into(),
            client_ca: file.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn digest(&self) -> Digest {
        let parts = [&self.certificate, &*self.key, self.client_ca.as_deref().unwrap_or_default()];
        // Of digests, so that bytes cannot move from one file to the next unnoticed.
        let digests: Vec<u8> =
            parts.iter().flat_map(|part| Digest::of(part).to_hex().into_bytes()).collect();
        Digest::of(&digests)
    }

    fn config(&self, file: &TlsFile, now: SystemTime) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate, &file.certificate)?;
        check_time(&chain[0], &file.certificate, now)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            path: file.key.clone(),
            expected: "private key",
            source,
        })?;
        let pair = |source| TlsError::Pair { path: file.certificate.clone(), source };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(file.min_version))
            .map_err(pair)?;
        let builder = match (&file.client_ca, &self.client_ca) {
            (Some(path), Some(bytes)) => builder.with_client_cert_verifier(clients(
                bytes,
                path,
                file.client_certificates,
                provider,
            )?),
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The certificates in a file; at least one.
fn certificates(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = |source| TlsError::Pem { path: path.to_owned(), expected: "certificate", source };
    let found = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(none)?;
    if found.is_empty() { Err(none(pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// Refuses a certificate that every client would refuse.
fn check_time(
    certificate: &CertificateDer<'_>,
    path: &Path,
    now: SystemTime,
) -> Result<(), TlsError> {
    let wrong = |what| TlsError::Time { path: path.to_owned(), what };
    let certificate = Certificate::from_der(certificate).map_err(|_| TlsError::Pair {
        path: path.to_owned(),
        source: rustls::CertificateError::BadEncoding.into(),
    })?;
    let validity = &certificate.tbs_certificate.validity;
    if now < validity.not_before.to_system_time() {
        return Err(wrong("is not valid yet"));
    }
    if now > validity.not_after.to_system_time() {
        return Err(wrong("has expired"));
    }
    Ok(())
}

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    const ALL: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    match oldest {
        TlsVersion::V1_2 => ALL,
        TlsVersion::V1_3 => &ALL[..1],
    }
}

fn clients(
    bytes: &[u8],
    path: &Path,
    wanted: ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let unusable = |source| TlsError::Authorities { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(bytes, path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Pair { path: path.to_owned(), source })?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match wanted {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(unusable)
}
