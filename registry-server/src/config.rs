//! How the server is set up.
//!
//! A value comes from the command line, else from the environment, else from
//! the file, else from the default here. The file is TOML, and a key that we do
//! not know is an error: a misspelt limit must not be the default in silence.

mod access;
mod admission;
mod audit;
mod error;
mod import;
mod log;
mod official;
mod policy;
mod proxy;
mod registry;
mod source;
mod tls;
mod trust;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::authority::AuthorityConfig;
use crate::limits::Limits;
use crate::official::NamedRegistry;
use crate::trust::TrustConfig;

pub use access::{
    AccessFile, Anonymous, Dpop, IssuerFile, LoginFile, ProofNonce, RoleFile, TokenAlgorithm,
};
pub(crate) use access::{bare, is_safe};
pub use admission::{
    AdmissionFile, EventKind, EventKindError, Judged, QuotaFile, RetentionFile, WebhookFile,
};
pub use audit::{AuditFile, SyslogAddress, SyslogAddressError};
pub use error::ConfigError;
pub use import::{ImportConfig, ImportConfigError};
pub use log::{LogConfig, LogFile};
pub use official::{IssuerConfig, OfficialConfig};
pub(crate) use official::{is_guarded, own_patterns};
pub use policy::{PolicyDefaults, PolicyFile};
pub use proxy::{ForwardedHeader, ProxyFile};
pub use source::{SourceConfig, SourceFile, SourceMode};
pub use tls::{ClientCertificates, TlsFile, TlsVersion};
pub use trust::{TrustError, TrustFile, TrustKeyFile, TrustRootFile, TrustUpdate};

/// The address that is listened on unless another is named: this machine only.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8484);

/// The data folder unless another is named.
pub const DEFAULT_DATA: &str = "mcpkg-registry-data";

/// Everything that the server needs to know.
#[derive(Debug)]
pub struct Config {
    /// The address to listen on. Port 0 is any free one.
    pub listen: SocketAddr,
    /// The folder that holds everything. It is made if missing.
    pub data: PathBuf,
    /// How others reach this registry, without a slash at the end.
    pub public_url: Option<String>,
    /// Whose signatures count, and for which names.
    pub trust: TrustConfig,
    /// Who may publish in namespaces that no forge vouches for.
    pub namespaces: Vec<NamespaceRule>,
    /// External parameters of builds that are known beyond those of the build types
    /// that we know.
    pub build_parameters: BTreeSet<String>,
    /// Whose word on rebuilds is taken; anybody's, if nobody is listed.
    pub rebuilders: Vec<AllowedIdentity>,
    /// How domains are asked who may publish in theirs.
    pub authority: AuthorityConfig,
    /// Where the log's parts are, and who vouches for it.
    pub log: LogConfig,
    /// Whose tokens count; without it, reading is for everybody.
    pub access: Option<AccessFile>,
    /// Who may do what.
    pub policy: PolicyFile,
    /// Whose word on who asks is taken.
    pub proxy: ProxyFile,
    /// Where what is audited goes.
    pub audit: AuditFile,
    /// The registries that this one mirrors.
    pub sources: Vec<SourceConfig>,
    /// What TLS is spoken with; plain HTTP, if this is absent.
    pub tls: Option<TlsFile>,
    /// Registries for audiences of their own, at `/registry/{name}/…`.
    pub registries: Vec<NamedRegistry>,
    /// Who may publish through the MCP registry's API, without a signature.
    pub official: OfficialConfig,
    /// What is too much.
    pub limits: Limits,
    /// Whose releases policy has to admit.
    pub admission: AdmissionFile,
    /// What is kept of sources; everything, if it does not say.
    pub retention: Option<RetentionFile>,
    /// How much a namespace may have.
    pub quotas: Vec<QuotaFile>,
    /// Who is told what happens.
    pub webhooks: Vec<WebhookFile>,
}

/// A configuration as it stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// See [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Config::data`]. Relative to the file.
    pub data: Option<PathBuf>,
    /// See [`Config::public_url`].
    pub public_url: Option<String>,
    /// Whether the public-good Sigstore may vouch for names. True if absent.
    pub trust_public_good: Option<bool>,
    /// Further Sigstore instances.
    #[serde(default)]
    pub trust_root: Vec<TrustRootFile>,
    /// Keys that a company manages itself.
    #[serde(default)]
    pub trust_key: Vec<TrustKeyFile>,
    /// How trust is kept current.
    #[serde(default)]
    pub trust: TrustFile,
    /// See [`Config::namespaces`].
    #[serde(default)]
    pub namespace: Vec<NamespaceRule>,
    /// See [`Config::build_parameters`].
    #[serde(default)]
    pub build_parameters: BTreeSet<String>,
    /// See [`Config::rebuilders`].
    #[serde(default)]
    pub rebuilder: Vec<AllowedIdentity>,
    /// See [`Config::authority`].
    #[serde(default)]
    pub authority: AuthorityConfig,
    /// See [`Config::log`].
    #[serde(default)]
    pub log: LogFile,
    /// See [`Config::access`].
    pub access: Option<AccessFile>,
    /// See [`Config::policy`].
    #[serde(default)]
    pub policy: PolicyFile,
    /// See [`Config::proxy`].
    #[serde(default)]
    pub proxy: ProxyFile,
    /// See [`Config::audit`].
    #[serde(default)]
    pub audit: AuditFile,
    /// See [`Config::sources`].
    #[serde(default)]
    pub source: Vec<SourceFile>,
    /// See [`Config::tls`].
    pub tls: Option<TlsFile>,
    /// See [`Config::registries`].
    #[serde(default)]
    pub registry: Vec<NamedRegistry>,
    /// See [`Config::official`].
    #[serde(default)]
    pub official: OfficialConfig,
    /// See [`Config::limits`].
    #[serde(default)]
    pub limits: Limits,
    /// See [`Config::admission`].
    #[serde(default)]
    pub admission: AdmissionFile,
    /// See [`Config::retention`].
    pub retention: Option<RetentionFile>,
    /// See [`Config::quotas`].
    #[serde(default)]
    pub quota: Vec<QuotaFile>,
    /// See [`Config::webhooks`].
    #[serde(default)]
    pub webhook: Vec<WebhookFile>,
    /// How packages of other ecosystems are imported.
    #[serde(default)]
    pub import: ImportConfig,
}

/// What the command line and the environment say, over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// See [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Config::data`].
    pub data: Option<PathBuf>,
    /// See [`Config::public_url`].
    pub public_url: Option<String>,
}

impl Config {
    /// The named registries that are read without a token.
    pub(crate) fn open_registries(&self) -> BTreeSet<String> {
        let open = self.registries.iter().filter(|registry| registry.anonymous);
        open.map(|registry| registry.name.clone()).collect()
    }

    /// How this registry is reached: by others, or else at the address that it listens on.
    pub(crate) fn own_address(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

impl ConfigFile {
    /// Reads the file at `path`, whose relative paths become relative to it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut file: Self = read_toml(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.data = file.data.map(|data| folder.join(data));
        trust::place_trust(&mut file.trust_root, &mut file.trust_key, folder);
        file.source.iter_mut().for_each(|source| source.place(folder));
        file.import.place(folder);
        file.authority.ca = file.authority.ca.map(|ca| folder.join(ca));
        file.access.iter_mut().for_each(|access| access.place(folder));
        file.policy.place(folder);
        file.audit.place(folder);
        file.webhook.iter_mut().for_each(|webhook| webhook.place(folder));
        file.tls.iter_mut().for_each(|tls| tls.place(folder));
        for path in [&mut file.log.key, &mut file.log.guard].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        Ok(file)
    }

    /// Where the data are, for a command that needs nothing else.
    pub fn data_folder(self, overrides: &Overrides) -> PathBuf {
        overrides.data.clone().or(self.data).unwrap_or_else(|| DEFAULT_DATA.into())
    }

    /// The configuration that file and `overrides` make together. Reads the
    /// trust roots, so that a broken one is found now and not at a publish.
    pub fn resolve(self, overrides: &Overrides) -> Result<Config, ConfigError> {
        self.limits.check()?;
        admission::check_webhooks(&self.webhook)?;
        admission::check_quotas(&self.quota)?;
        self.tls.as_ref().map_or(Ok(()), TlsFile::check)?;
        self.audit.check()?;
        let public_url = overrides.public_url.clone().or_else(|| self.public_url.clone());
        let public_url = public_url.as_deref().map(check_url).transpose()?;
        self.access.as_ref().map_or(Ok(()), |access| access.check(public_url.as_deref()))?;
        let data = self.clone().data_folder(overrides);
        Ok(Config {
            listen: overrides.listen.or(self.listen).unwrap_or(DEFAULT_LISTEN),
            log: self.log.resolve(&data, public_url.as_deref())?,
            public_url,
            trust: self.trust()?,
            namespaces: self.namespace.clone(),
            build_parameters: self.build_parameters.clone(),
            rebuilders: self.rebuilder.clone(),
            authority: self.authority.clone(),
            access: self.access.clone(),
            policy: self.policy.clone(),
            proxy: self.proxy.clone(),
            audit: self.audit.clone(),
            sources: self.sources()?,
            tls: self.tls.clone(),
            registries: registry::check(self.registry.clone())?,
            official: official::check(self.official.clone())?,
            limits: self.limits.clone(),
            admission: self.admission.clone(),
            retention: self.retention.clone(),
            quotas: self.quota.clone(),
            webhooks: self.webhook.clone(),
            data,
        })
    }
}

/// Reads a configuration of some kind.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) })
}

/// Checks a URL that others are sent to, and drops the slash at its end.
fn check_url(url: &str) -> Result<String, ConfigError> {
    let is_http = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_http && is_plain && !url.contains(['?', '#', '@']) {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(ConfigError::Value {
            key: "public_url",
            found: format!("`{}`", url.escape_debug()),
            expected: "an http or https URL without a query",
        })
    }
}

#[cfg(test)]
mod tests;
