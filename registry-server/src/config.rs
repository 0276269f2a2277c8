//! How the server is set up.
//!
//! A value comes from the command line, else from the environment, else from
//! the file, else from the default here. The file is TOML, and a key that we do
//! not know is an error: a misspelt limit must not be the default in silence.

mod trust;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule};
use mcpkg_core::{Code, Coded};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::authority::AuthorityConfig;
use crate::limits::Limits;
use crate::log::{WitnessFile, beside, check_witnesses, origin_of};
use crate::trust::TrustConfig;

pub use trust::{TrustError, TrustFile, TrustKeyFile, TrustRootFile, TrustUpdate};

/// The address that is listened on unless another is named: this machine only.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8484);

/// The data folder unless another is named.
pub const DEFAULT_DATA: &str = "mcpkg-registry-data";

/// How long a witness may take, in seconds, unless the file says.
const DEFAULT_WITNESS_SECONDS: u64 = 5;

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
    /// What is too much.
    pub limits: Limits,
}

/// The log of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The file of the key that signs it.
    pub key: PathBuf,
    /// The file that remembers what was signed last. No backup may hold it.
    pub guard: PathBuf,
    /// What it is called if it is begun now; by default, after its key.
    pub origin: Option<String>,
    /// Witnesses that are asked to vouch for its checkpoints.
    pub witnesses: Vec<WitnessFile>,
    /// How many of them have to.
    pub witness_quorum: usize,
    /// How long each may take, in seconds.
    pub witness_seconds: u64,
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
    /// See [`Config::limits`].
    #[serde(default)]
    pub limits: Limits,
}

/// The log, as it stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// See [`LogConfig::key`]. Relative to the file. By default, beside the data.
    pub key: Option<PathBuf>,
    /// See [`LogConfig::guard`]. Relative to the file. By default, beside the data.
    pub guard: Option<PathBuf>,
    /// See [`LogConfig::origin`].
    pub origin: Option<String>,
    /// See [`LogConfig::witnesses`].
    #[serde(default)]
    pub witness: Vec<WitnessFile>,
    /// See [`LogConfig::witness_quorum`]. By default, all of them.
    pub witness_quorum: Option<usize>,
    /// See [`LogConfig::witness_seconds`].
    pub witness_seconds: Option<u64>,
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

/// Why the server cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration is not TOML of the expected shape.
    #[error("`{}` is not a valid configuration", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where, and what was expected there.
        source: Box<toml::de::Error>,
    },
    /// A value is of the right type, and still makes no sense.
    #[error("`{key}` is {found}, expected {expected}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A trust root or key cannot be used.
    #[error("the trust root or key {which} cannot be used")]
    Trust {
        /// Which one: a path, a key's name, or `public good`.
        which: String,
        /// Why not.
        source: TrustError,
    },
    /// There is no HTTP client, most likely for want of root certificates.
    #[error("the system has no HTTPS")]
    Client {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ConfigFile {
    /// Reads the file at `path`, whose relative paths become relative to it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut file: Self = read_toml(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.data = file.data.map(|data| folder.join(data));
        file.place_trust(folder);
        file.authority.ca = file.authority.ca.map(|ca| folder.join(ca));
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
        let public_url = overrides.public_url.clone().or_else(|| self.public_url.clone());
        let public_url = public_url.as_deref().map(check_url).transpose()?;
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
            limits: self.limits.clone(),
            data,
        })
    }
}

impl LogFile {
    /// The log of the registry in `data`, which others reach at `public_url`.
    pub(crate) fn resolve(
        &self,
        data: &Path,
        public_url: Option<&str>,
    ) -> Result<LogConfig, ConfigError> {
        let quorum = self.witness_quorum.unwrap_or(self.witness.len());
        let seconds = self.witness_seconds.unwrap_or(DEFAULT_WITNESS_SECONDS);
        check_witnesses(&self.witness, quorum, seconds)?;
        Ok(LogConfig {
            key: self.key.clone().unwrap_or_else(|| beside(data, ".log-key")),
            guard: self.guard.clone().unwrap_or_else(|| beside(data, ".log-guard")),
            origin: self.origin.clone().or_else(|| public_url.map(origin_of)),
            witnesses: self.witness.clone(),
            witness_quorum: quorum,
            witness_seconds: seconds,
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

impl Coded for ConfigError {
    fn code(&self) -> Code {
        match self {
            Self::Trust { source, .. } => source.code(),
            _ => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Trust { source, .. } => source.hint(),
            Self::Toml { .. } | Self::Value { .. } => {
                Some("`mcpkg-registry.example.toml` shows every key and its default")
            }
            Self::Read { .. } | Self::Client { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../mcpkg-registry.example.toml");

    fn parse(text: &str) -> Result<ConfigFile, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_example_as_it_stands_is_the_default() {
        assert_eq!(parse(EXAMPLE).unwrap(), {
            ConfigFile {
                listen: Some(DEFAULT_LISTEN),
                data: Some(DEFAULT_DATA.into()),
                trust_public_good: Some(true),
                ..ConfigFile::default()
            }
        });
    }

    #[test]
    fn everything_in_the_example_can_be_uncommented() {
        // `#key = …` and `#[table]` are settings; `# Words` are explanations.
        let uncommented: String = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let file = parse(&uncommented).unwrap();
        assert_eq!(file.public_url.as_deref(), Some("https://mcp.acme.example"));
        assert_eq!((file.trust_root.len(), file.trust_key.len()), (1, 1));
        assert_eq!(file.trust, TrustFile::default());
        assert_eq!(file.namespace.len(), 1);
        assert_eq!(file.namespace[0].identities.len(), 2);
        assert_eq!(file.log.witness.len(), 1);
        assert_eq!(file.limits, Limits::default());
        assert_eq!(file.authority.resolver, Some("127.0.0.1:53".parse().unwrap()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "lisen = '127.0.0.1:1'",
            "listen = 'localhost'",
            "[limits]\nartefact_bytes = 1",
            "[limits]\nconnections = -1",
            "[[trust_root]]\nfile = 'x'",
            "[[namespace]]\npattern = 'com.acme'\nidentities = []",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in [
            "public_url = 'ftp://acme.example'",
            "public_url = 'https://acme.example/?x'",
            "[limits]\nconnections = 0",
            "[limits]\nidle_seconds = 0",
            "[[trust_root]]\nfile = 'x'\nnamespaces = []",
            "[[trust_root]]\nnamespaces = ['*']",
            "[[trust_root]]\nfile = 'x'\ntuf = 'https://tuf.example/'\nnamespaces = ['*']",
            "[[trust_root]]\ntuf = 'https://tuf.example/'\nnamespaces = ['*']",
            "[[trust_root]]\ntuf = 'http://tuf.example/'\ntuf_root = 'x'\nnamespaces = ['*']",
            "[[trust_key]]\nname = 'a'\nfile = 'x'\nnamespaces = []",
        ] {
            let file = parse(text).unwrap();
            let error = file.resolve(&Overrides::default()).unwrap_err();
            assert_eq!(error.code(), Code::Config, "{text}");
        }
    }

    #[test]
    fn the_command_line_and_the_environment_win_over_the_file() {
        let file = || parse("listen = '127.0.0.1:1'\ndata = 'a'").unwrap();
        let config = file().resolve(&Overrides::default()).unwrap();
        assert_eq!((config.listen.port(), config.data), (1, "a".into()));

        let overrides = Overrides {
            listen: Some("127.0.0.1:2".parse().unwrap()),
            data: Some("b".into()),
            public_url: Some("https://acme.example/mcp/".into()),
        };
        let config = file().resolve(&overrides).unwrap();
        assert_eq!((config.listen.port(), config.data), (2, "b".into()));
        assert_eq!(config.public_url.as_deref(), Some("https://acme.example/mcp"));
    }
}
