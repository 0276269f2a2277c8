//! A company's certificate authority.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority of the test's own.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, both as PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl TestCa {
    /// An authority with a fresh key.
    pub fn generate(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("the system has randomness");
        let pem = params.self_signed(&key).expect("the authority signs itself").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server that is called `names`, and is on this machine.
    pub fn server(&self, names: &[&str]) -> Pair {
        self.sign(&server(names))
    }

    /// The same, of which the last day was yesterday.
    pub fn expired_server(&self, names: &[&str]) -> Pair {
        self.sign(&expired(server(names)))
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str) -> Pair {
        self.sign(&client(name))
    }

    /// The same, of which the last day was yesterday.
    pub fn expired_client(&self, name: &str) -> Pair {
        self.sign(&expired(client(name)))
    }

    /// What a server called `names` accepts connections with.
    pub fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let pair = self.server(names);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("the certificate is PEM");
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("the key is PEM");
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate belong together");
        TlsAcceptor::from(Arc::new(config))
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("the system has randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn server(names: &[&str]) -> CertificateParams {
    let mut params = named("server");
    let name = |name: &&str| SanType::DnsName((*name).try_into().expect("the name is one"));
    params.subject_alt_names = names.iter().map(name).collect();
    params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn client(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(30);
    params.not_after = now - Duration::days(1);
    params
}
