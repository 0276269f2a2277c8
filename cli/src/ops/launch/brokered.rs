//! The secrets that a server never has.
//!
//! It gets a placeholder, and whoever carries its connections puts the secret into its
//! requests to one host: see [`crate::egress`]. That takes level strong, since nobody
//! carries its connections otherwise, and a grant of that host.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::permissions::{HostPort, Network, Permissions};

use crate::atomic;
use crate::egress::swap::{Brokered, Roots, Swap, Trust};
use crate::error::{Error, Result};
use crate::places::Places;
use crate::sandbox::{Swapping, Wanted};

/// Refuses a secret for a host that the server may not connect to, and one for a server
/// whose connections nobody carries.
pub fn check(server: &LockedServer, wanted: Wanted) -> Result<()> {
    for (key, host) in &server.brokered {
        if wanted == Wanted::None {
            return Err(Error::Setting {
                message: format!("`{key}` is for {host} alone, and the server is not confined"),
                hint: "install it without `--unconfined`, or without `--broker`",
            });
        }
        let allow = std::iter::once(host.clone()).collect();
        let asked = Permissions { network: Network { allow }, ..Permissions::default() };
        if !asked.is_subset_of(&server.granted) {
            return Err(Error::Setting {
                message: format!("`{key}` is for {host}, which the server may not connect to"),
                hint: "name a host that it was granted: `mcpkg permissions show`",
            });
        }
    }
    Ok(())
}

/// Ties `value` to `host`.
pub(super) fn tie(key: &str, value: &str, host: &HostPort) -> Result<Brokered> {
    Brokered::new(value, host).map_err(Error::wrap(format!("the secret `{key}` cannot be kept")))
}

/// What puts the secrets in, and its files; nothing if there are none.
pub(super) fn swapping(secrets: Vec<Brokered>, places: &Places) -> Result<Option<Arc<Swapping>>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let failed = || "secrets cannot be put into requests".to_owned();
    let swap = Swap::new(secrets, &Roots::System).map_err(Error::wrap(failed()))?;
    let Trust { additional_pem, instead_pem } = swap.trust();
    atomic::create_folder(&places.state)?;
    let made = |source| Error::Write { path: places.state.clone(), source };
    let files =
        tempfile::Builder::new().prefix("trust-").tempdir_in(&places.state).map_err(made)?;
    for (name, text) in [(ADDITIONAL, additional_pem), (INSTEAD, instead_pem)] {
        let path = files.path().join(name);
        fs::write(&path, text).map_err(|source| Error::Write { path, source })?;
    }
    Ok(Some(Arc::new(Swapping { swap: Arc::new(swap), files })))
}

const ADDITIONAL: &str = "authority.pem";
const INSTEAD: &str = "authorities.pem";

/// The variables that make a server trust what is in `files`.
pub(super) fn environment(files: &Path) -> BTreeMap<String, String> {
    let path = |name: &str| files.join(name).to_string_lossy().into_owned();
    let variables = Trust::environment(&path(ADDITIONAL), &path(INSTEAD));
    variables.into_iter().map(|(name, path)| (name.to_owned(), path)).collect()
}
