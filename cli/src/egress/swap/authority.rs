//! The certificate authority of one launch.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_core::permissions::Host;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType, DnValue,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::HTTP_1_1;
use crate::egress::EgressError;

/// An authority that may sign for some hosts. Its key is nowhere but here, and ends
/// with it.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new authority for these hosts.
    pub(super) fn new<'a>(hosts: impl Iterator<Item = &'a Host>) -> Result<Self, EgressError> {
        let permitted: Vec<_> = hosts.map(subtree).collect();
        let is_address = |subtree: &GeneralSubtree| matches!(subtree, GeneralSubtree::IpAddress(_));
        // A kind of name that is not mentioned would not be constrained.
        let excluded = if permitted.iter().any(is_address) {
            Vec::new()
        } else {
            let all = [CidrSubnet::V4([0; 4], [0; 4]), CidrSubnet::V6([0; 16], [0; 16])];
            all.map(GeneralSubtree::IpAddress).into()
        };
        let mut params = named("mcpkg, for one launch of one server");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
        let key = KeyPair::generate().map_err(EgressError::authority)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(EgressError::authority)
    }

    /// The authority's certificate.
    pub(super) fn pem(&self) -> String {
        to_pem(self.0.der())
    }

    /// What it takes to be `host`, to those who trust this authority.
    pub(super) fn be(
        &self,
        host: &Host,
        provider: Arc<CryptoProvider>,
    ) -> Result<ServerConfig, EgressError> {
        let mut params = named("mcpkg");
        params.subject_alt_names = vec![match host {
            Host::V4(address) => SanType::IpAddress(IpAddr::V4(*address)),
            Host::V6(address) => SanType::IpAddress(IpAddr::V6(*address)),
            Host::Name(name) | Host::Below(name) => {
                SanType::DnsName(name.as_str().try_into().map_err(EgressError::authority)?)
            }
        }];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(EgressError::authority)?;
        let certificate = params.signed_by(&key, &self.0).map_err(EgressError::authority)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(EgressError::authority)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key.into())
            .map_err(EgressError::authority)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(config)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
    params
}

fn subtree(host: &Host) -> GeneralSubtree {
    match host {
        Host::V4(address) => GeneralSubtree::IpAddress(CidrSubnet::V4(address.octets(), [255; 4])),
        Host::V6(address) => GeneralSubtree::IpAddress(CidrSubnet::V6(address.octets(), [255; 16])),
        Host::Name(name) | Host::Below(name) => GeneralSubtree::DnsName(name.clone()),
    }
}

/// A certificate as text.
pub(super) fn to_pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
