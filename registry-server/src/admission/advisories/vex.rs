//! Taking in what publishers and the operator say of advisories.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::vex::Document;
use mcpkg_core::{PackageName, Version};
use mcpkg_verify::{VerifyError, claimed_vex, verify_vex};
use serde::Serialize;

use super::{ImportError, read_bounded, second};
use crate::admission::stock::database_of;
use crate::blobs::blocking;
use crate::config::Config;
use crate::mirror::SourceName;
use crate::store::Store;
use crate::trust::Trust;

/// What somebody was believed to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The package.
    pub name: PackageName,
    /// Of which release; of all, if none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Who says it.
    pub by: String,
    /// How many statements there are.
    pub statements: usize,
}

/// Takes what the operator says of advisories of the package `name`, in an `OpenVEX`
/// document. Whoever can write the data folder is the operator. `source` is where the
/// package comes from, unless it is the registry's own.
///
/// # Errors
///
/// Nothing was taken.
pub async fn import_vex(
    config: &Config,
    source: Option<&SourceName>,
    name: &PackageName,
    path: &Path,
) -> Result<Said, ImportError> {
    let bytes = read_bounded(path)?;
    let unusable = |source| ImportError::Vex { path: path.to_owned(), source };
    let document = Document::parse(&bytes).map_err(unusable)?;
    let store = open(config, source, path).await?;
    if store.package_index(name).await?.is_none() {
        return Err(ImportError::Nothing(path.to_owned()));
    }
    store.add_vex(name, None, &bytes, None, second(Timestamp::now())).await?;
    store.close().await;
    let by = "the operator".to_owned();
    Ok(Said { name: name.clone(), version: None, by, statements: document.statements.len() })
}

/// Takes what a publisher says of advisories, in an `OpenVEX` document that they signed
/// over an artifact or the `server.json` of the release. Only the publisher that the name
/// is bound to is believed.
///
/// # Errors
///
/// Nothing was taken.
pub async fn import_signed_vex(
    mut config: Config,
    source: Option<&SourceName>,
    path: &Path,
) -> Result<Said, ImportError> {
    let bundle = read_bounded(path)?;
    let unbelieved = |source| ImportError::Verify { path: path.to_owned(), source };
    let claimed = claimed_vex(&bundle).map_err(unbelieved)?;
    let store = open(&config, source, path).await?;
    let mut subject = None;
    for &digest in &claimed.subjects {
        let releases = store.releases_with(digest).await?;
        if let [(name, version)] = &releases[..] {
            subject = Some((digest, name.clone(), version.clone()));
            break;
        }
    }
    let (digest, name, version) = subject.ok_or_else(|| ImportError::Nothing(path.to_owned()))?;
    let trust = std::mem::take(&mut config.trust);
    let unusable = |source: crate::config::ConfigError| ImportError::File {
        action: "use what is trusted for",
        path: path.to_owned(),
        source: std::io::Error::other(source),
    };
    let trust = Trust::open(trust, &config.data).map_err(unusable)?;
    let (signer, canonical, statements) = {
        let name = name.clone();
        let verified: Result<_, VerifyError> = blocking(move || {
            let roots = trust.for_name(&name)?;
            verify_vex(&bundle, digest, &roots)
        })
        .await;
        let (evidence, claimed) = verified.map_err(unbelieved)?;
        (evidence.signer, claimed.canonical, claimed.document.statements.len())
    };
    let by = Publisher::of(&signer)
        .map_err(|source| ImportError::Signer { path: path.to_owned(), source })?;
    let bound = store.bound_publisher(&name, Timestamp::now()).await?;
    let bound = bound.ok_or_else(|| ImportError::Nothing(path.to_owned()))?;
    if bound.difference(&by).is_some() {
        let (bound, signer) = (Box::new(bound), Box::new(by));
        return Err(ImportError::Stranger { name, bound, signer });
    }
    let now = second(Timestamp::now());
    store.add_vex(&name, Some(&version), &canonical, Some(&by), now).await?;
    store.close().await;
    Ok(Said { name, version: Some(version), by: by.to_string(), statements })
}

/// The database of the registry itself, or of a source of it.
async fn open(
    config: &Config,
    source: Option<&SourceName>,
    path: &Path,
) -> Result<Store, ImportError> {
    let database = database_of(config, source);
    if !database.exists() {
        return Err(ImportError::Nothing(path.to_owned()));
    }
    let wait = config.limits.database();
    Ok(match source {
        None => Store::open(&database, wait).await?,
        Some(_) => Store::open_source(&database, wait).await?,
    })
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} said {} things of {}", self.by, self.statements, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}
