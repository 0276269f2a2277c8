//! Secrets: where they are kept, and how they get to the one server that is to
//! have them.
//!
//! No secret is ever an argument, a line of a lock or of settings, or a word of
//! an error; it goes from the place where it is kept into the environment of one
//! child. Locks hold references alone ([`SecretReference`]), and [`resolve`] is
//! the one function that makes a secret of a reference.
//!
//! | module | does |
//! |---|---|
//! | `secret` | holds a secret, wiped when it is dropped and never shown |
//! | `process` | keeps this process out of core dumps and others' sight |
//! | `read` | reads variables, files, what programs print, and 1Password |
//! | `system` | keeps secrets in the system's key store |
//! | `age_file` | keeps them in a file, encrypted with a passphrase |
//! | `index` | remembers the names of what is kept, and in which of the two |
//! | `stores` | chooses between the two, and says why |
//! | `approval` | remembers which servers of which projects the user approved |
//!
//! What is left: the operating system hands a child its environment in the clear,
//! so programs of the same user can read it in `/proc` while the server runs, unless
//! the server is confined.

mod age_file;
pub mod approval;
mod error;
mod index;
mod process;
mod read;
mod secret;
mod stores;
mod system;

use mcpkg_core::secret::{SecretReference, StoreName};

pub use self::error::{SecretError, StoreError};
pub use self::index::Index;
pub(crate) use self::read::output;
pub use self::secret::{MAX_BYTES, NotASecret, Secret};
pub use self::stores::{Choice, StoreKind, Stores, Why};

/// A place where secrets are kept by their names.
pub trait SecretStore {
    /// The secret of this name, if there is one.
    fn get(&self, name: &StoreName) -> Result<Option<Secret>, SecretError>;

    /// Keeps a secret under this name, in place of the one that was there.
    fn set(&self, name: &StoreName, secret: &Secret) -> Result<(), SecretError>;

    /// Forgets the secret of this name. Says whether there was one.
    fn remove(&self, name: &StoreName) -> Result<bool, SecretError>;
}

/// The secret that `reference` leads to; `None` if there is nothing.
///
/// # Errors
///
/// A [`SecretError`] if something is there that cannot be used, such as a file that
/// others can read, or a key store that is locked.
pub fn resolve(
    reference: &SecretReference,
    stores: &Stores<'_>,
) -> Result<Option<Secret>, SecretError> {
    process::protect()?;
    match reference {
        SecretReference::Store(name) => stores.get(name),
        SecretReference::Environment(name) => read::variable(name),
        SecretReference::File(path) => read::file(path),
        SecretReference::Command(words) => read::command(words).map(Some),
        SecretReference::OnePassword(reference) => read::one_password(reference).map(Some),
    }
}
