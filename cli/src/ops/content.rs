//! What a release brings: files, which were unpacked into staging; or, without an
//! artifact, an image or an address, of which there is nothing to unpack.

use mcpkg_core::Code;
use mcpkg_core::elsewhere::{Elsewhere, Pinned, RemoteUrl, Settings};
use mcpkg_core::lock::LockedServer;
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::{HostPort, Permissions};
use mcpkg_core::server_json::ServerJson;

use crate::error::{Error, Result};
use crate::ops::fetch::Unpacked;
use crate::ops::{folders, launch};
use crate::places::Places;
use crate::store::Store;

/// What there is to install of a release.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Content {
    /// Its files.
    Files(Unpacked),
    /// What its signed metadata names instead.
    Elsewhere(Elsewhere),
}

impl From<Unpacked> for Content {
    fn from(unpacked: Unpacked) -> Self {
        Self::Files(unpacked)
    }
}

/// What a release without an artifact names instead.
///
/// # Errors
///
/// If it names nothing that could be used.
pub fn elsewhere(server_json: &ServerJson) -> Result<Elsewhere> {
    let (name, version) = (server_json.name(), server_json.version());
    Elsewhere::of(server_json).map_err(Error::wrap(format!("{name}@{version} cannot be used")))
}

impl Content {
    /// What to ask the user for.
    pub fn settings(&self) -> &Settings {
        match self {
            Self::Files(unpacked) => unpacked.manifest.config_keys(),
            Self::Elsewhere(elsewhere) => elsewhere.settings(),
        }
    }

    /// Its files, if it has some.
    pub fn files(&self) -> Option<&Unpacked> {
        match self {
            Self::Files(unpacked) => Some(unpacked),
            Self::Elsewhere(_) => None,
        }
    }

    /// Its manifest, if it has files.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.files().map(|unpacked| &unpacked.manifest)
    }

    /// What there is instead of files.
    pub fn place(&self) -> Option<&Elsewhere> {
        match self {
            Self::Files(_) => None,
            Self::Elsewhere(elsewhere) => Some(elsewhere),
        }
    }

    /// Moves its files into the content store.
    pub fn keep(self, store: &Store) -> Result<()> {
        match self {
            Self::Files(unpacked) => unpacked.keep(store),
            Self::Elsewhere(_) => Ok(()),
        }
    }

    /// What `server` will not get of what it is given here, a sentence each.
    pub fn warnings(
        &self,
        asked: &Permissions,
        server: &LockedServer,
        places: &Places,
    ) -> Vec<String> {
        let Some(manifest) = self.manifest() else { return Vec::new() };
        let unasked = folders::unasked(manifest, asked);
        let mut warnings = if unasked.is_empty() {
            folders::unseen(manifest, &server.config, &server.granted, &places.home)
        } else {
            unasked
        };
        if manifest.has_sensitive_args(places.system) {
            warnings.push(format!(
                "{} takes a secret as an argument, where others see it: it is not started with one",
                server.name
            ));
        }
        warnings
    }

    /// Refuses what could not be started here as it would be pinned, before it is.
    pub fn check_installed(&self, server: &LockedServer, places: &Places) -> Result<()> {
        let Some(elsewhere) = self.place() else { return Ok(()) };
        let given = launch::given(server, elsewhere.settings())?;
        let unfit = || format!("{}@{} cannot be started so", server.name, server.version);
        elsewhere.check(&given).map_err(Error::wrap(unfit()))?;
        if let Some(key) = server.brokered.keys().next() {
            return Err(Error::Setting {
                message: format!(
                    "`{key}` cannot be brokered: no connection of this server is ours"
                ),
                hint: match elsewhere {
                    Elsewhere::Remote(_) => {
                        "leave `--broker` out: mcpkg itself sends the secret, to that host alone"
                    }
                    Elsewhere::Image(_) => "leave `--broker` out",
                },
            });
        }
        match elsewhere {
            Elsewhere::Image(_) => launch::elsewhere::check_image(server, places),
            Elsewhere::Remote(remote) => check_remote(server, remote.url()),
        }
    }
}

/// Nothing here could be granted to a server that runs elsewhere, but its secrets.
fn check_remote(server: &LockedServer, url: &RemoteUrl) -> Result<()> {
    let mut granted = server.granted.clone();
    granted.secrets.clear();
    // It names its own host, as it would if it ran here.
    granted.network.allow.remove(url.host());
    if granted.is_empty() {
        return Ok(());
    }
    Err(Error::Failed {
        context: format!("{} runs elsewhere, and asks for what is here", server.name),
        code: Code::Confinement,
        hint: Some("ask its author to ask for nothing: nothing here can be given to it"),
        source: granted.describe().join(", ").into(),
    })
}

/// The host that `next` sends everything to and `locked` does not, as what it would be
/// granted. Asking for it keeps `--yes` from agreeing to it.
pub fn other_host(locked: &LockedServer, next: &LockedServer) -> Option<HostPort> {
    let host = |server: &LockedServer| match &server.elsewhere {
        Some(Pinned::Remote(url)) => Some(url.host().clone()),
        _ => None,
    };
    host(next).filter(|now| host(locked).as_ref() != Some(now))
}
