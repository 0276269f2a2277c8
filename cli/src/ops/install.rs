//! A release that is to be installed.

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::guard::{others_tools, without_shadows};
use mcpkg_core::lock::{Lock, LockedConfinement, LockedServer};
use mcpkg_core::permissions::Permissions;
use mcpkg_core::project::WantedServer;
use mcpkg_core::secret::{SecretReference, StoreName};

use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::content::{self, Content};
use crate::ops::given::Given;
use crate::ops::release::TrustedRelease;
use crate::ops::{pin, wanted};
use crate::places::Places;
use crate::settings;
use crate::store::Store;

/// What is approved as a whole, and then done as a whole.
pub struct Install {
    /// How it would be locked.
    pub server: LockedServer,
    release: TrustedRelease,
    brought: Content,
    added: Permissions,
    is_wanted: bool,
}

impl Install {
    /// What `release` of `registry`, which was judged and of which the files are in staging
    /// if it has some, would be in `lock`. `wanted` is what `mcpkg.toml` says of it.
    pub fn prepare(
        (release, brought): (TrustedRelease, Content),
        registry: &str,
        wanted: Option<&WantedServer>,
        confinement: Option<LockedConfinement>,
        lock: &Lock,
        store: &Store,
    ) -> Result<Self> {
        let (name, asked) = (&release.document.name, release.server_json.permissions());
        let locked = lock.get(name);
        let renewal = pin::renewal(asked, locked, store);
        let mut server = pin::server(&release, registry, locked, renewal.approved())?;
        server.confinement = confinement;
        if server.surface.is_empty() {
            let others = others_tools(lock, name);
            server.surface = without_shadows(release.server_json.surface(), &others, &server.tools);
        }
        if let Some(wanted) = wanted {
            wanted::apply(wanted, &mut server);
        }
        let (is_wanted, added) = (wanted.is_some(), renewal.added);
        Ok(Self { server, release, brought, added, is_wanted })
    }

    /// Whether what a project's `mcpkg.toml` brings in is as new as what a release asks for.
    pub fn brings_more(&self, locked: Option<&LockedServer>) -> bool {
        let is_new = |locked: &LockedServer| {
            locked.config != self.server.config || locked.secrets != self.server.secrets
        };
        self.is_wanted && locked.is_none_or(is_new)
    }

    /// Gives it what the user says, and refuses what could not be started here. The answer is
    /// what it will not get all the same.
    pub fn give(&mut self, given: Given, places: &Places) -> Result<Vec<String>> {
        given.apply(&mut self.server)?;
        default_to_store(&mut self.server, self.brought.settings())?;
        self.brought.check_installed(&self.server, places)?;
        let asked = self.release.server_json.permissions();
        Ok(self.brought.warnings(asked, &self.server, places))
    }

    /// What it would have beyond what was approved. What `mcpkg.toml` holds back is not there
    /// to be approved.
    pub fn added_to(&self, locked: &LockedServer) -> Permissions {
        let mut added = self.added.intersect(&self.server.granted);
        added.network.allow.extend(content::other_host(locked, &self.server));
        added
    }

    /// What its user may be asked for.
    pub fn settings(&self) -> &Settings {
        self.brought.settings()
    }

    /// Does it.
    pub fn commit(
        self,
        store: &Store,
        lock: &mut LockFile,
        plans: Vec<settings::Plan>,
    ) -> Result<()> {
        pin::commit(self.brought, store, &self.release, lock, self.server, plans)
    }
}

/// Has a server take its secrets from the key store, where nothing else was said.
fn default_to_store(server: &mut LockedServer, settings: &Settings) -> Result<()> {
    for (key, _) in settings.iter().filter(|(_, config)| config.is_sensitive) {
        if server.secrets.contains_key(key) {
            continue;
        }
        let name = StoreName::of(&server.name, key).map_err(|error| Error::Setting {
            message: format!("the secret `{key}` cannot be kept: {error}"),
            hint: "ask its author to give the setting a plainer name",
        })?;
        server.secrets.insert(key.clone(), SecretReference::Store(name));
    }
    Ok(())
}
