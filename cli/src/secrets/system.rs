//! The key store of the system: Secret Service, Keychain, Credential Manager.
//!
//! On Linux it is spoken to over the session bus, whose address agents do not always
//! hand on: without `DBUS_SESSION_BUS_ADDRESS` it is looked for at
//! `$XDG_RUNTIME_DIR/bus`, and else at `/run/user/<uid>/bus`. Where there is no bus,
//! that is known at once. `keyctl` of the kernel is no such store: it forgets.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};
use mcpkg_core::secret::StoreName;

use super::stores::Drawer;
use super::{Secret, SecretError, SecretStore, StoreError, StoreKind};

/// What all that is in a drawer is filed under.
const fn service(drawer: Drawer) -> &'static str {
    match drawer {
        Drawer::Secrets => "mcpkg",
        Drawer::Logins => "mcpkg logins",
    }
}

/// How long a key store may take: somebody may have to type a password.
const LIMIT: Duration = Duration::from_mins(1);

/// The key store of the system.
pub(super) struct SystemStore {
    store: Arc<CredentialStore>,
    drawer: Drawer,
}

impl SystemStore {
    /// Connects to the key store.
    ///
    /// # Errors
    ///
    /// Why there is none, at once.
    pub(super) fn open(drawer: Drawer) -> Result<Self, StoreError> {
        within(move || Ok(Self { store: connect()?, drawer }))
    }

    fn entry(&self, name: &StoreName) -> Result<Entry, SecretError> {
        let service = service(self.drawer);
        self.store.build(service, name.as_str(), None).map_err(|error| failed(in_words(&error)))
    }
}

#[cfg(target_os = "linux")]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    Err(Error::NotSupportedByStore("this system has no key store that we know".to_owned()))
}

impl SecretStore for SystemStore {
    fn get(&self, name: &StoreName) -> Result<Option<Secret>, SecretError> {
        let entry = self.entry(name)?;
        let found = within(move || match entry.get_secret() {
            Ok(bytes) => Ok(Some(zeroize::Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        });
        let Some(bytes) = found.map_err(failed)? else { return Ok(None) };
        let what = || format!("`{name}` in the key store");
        let secret = Secret::read(&bytes);
        secret.map(Some).map_err(|reason| SecretError::NotASecret { what: what(), reason })
    }

    fn set(&self, name: &StoreName, secret: &Secret) -> Result<(), SecretError> {
        let entry = self.entry(name)?;
        let bytes = zeroize::Zeroizing::new(secret.expose().as_bytes().to_vec());
        within(move || entry.set_secret(&bytes)).map_err(failed)
    }

    fn remove(&self, name: &StoreName) -> Result<bool, SecretError> {
        let entry = self.entry(name)?;
        let removed = within(move || match entry.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(error),
        });
        removed.map_err(failed)
    }
}

fn failed(reason: StoreError) -> SecretError {
    SecretError::Store { kind: StoreKind::System, reason }
}

/// Does something with the key store, on a thread of its own: neither the bus nor a
/// prompt that nobody sees has a limit, and the thread ends with the process.
fn within<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more if it took too long.
        let _ = sender.send(work().map_err(|error| in_words(&error)));
    });
    receiver.recv_timeout(LIMIT).unwrap_or(Err(StoreError::Silent))
}

/// An error without what was in the store, which some of them hold.
fn in_words(error: &Error) -> StoreError {
    StoreError::System(match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it holds is damaged".to_owned(),
        Error::Ambiguous(_) => "it holds several secrets of this name".to_owned(),
        other => other.to_string(),
    })
}
