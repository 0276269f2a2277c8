//! The key store of machines that have none: a file, encrypted with a passphrase.
//!
//! The file is [age](https://age-encryption.org/v1) with one scrypt recipient, and
//! `age --decrypt` reads it. In it is one JSON object, from names to secrets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::iter;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use mcpkg_core::secret::{SecretReference, StoreName};
use zeroize::Zeroizing;

use super::{Secret, SecretError, SecretStore, StoreError, StoreKind, read};
use crate::{atomic, ui};

/// What a guess at the passphrase costs: 2^17 rounds of scrypt, 128 MiB and about a
/// third of a second, as OWASP's password storage cheat sheet has it at the least.
const WORK_FACTOR: u8 = 17;

/// The most work that we do for a file, eight times as much.
const MAX_WORK_FACTOR: u8 = 20;

/// The longest file, in bytes: hundreds of secrets.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// An encrypted file of secrets.
pub(super) struct AgeFile {
    path: PathBuf,
    passphrase_from: Option<SecretReference>,
    // Deriving a key takes a while: once for all the secrets of a launch, as long as no
    // other process has written the file.
    opened: RefCell<Option<Opened>>,
}

struct Opened {
    passphrase: SecretString,
    /// The file that they were read from, as it was.
    encrypted: Vec<u8>,
    secrets: BTreeMap<StoreName, Secret>,
}

impl AgeFile {
    pub(super) fn new(path: PathBuf, passphrase_from: Option<SecretReference>) -> Self {
        Self { path, passphrase_from, opened: RefCell::new(None) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Does something with what is in the file, which is nothing if there is no file.
    fn opened<T>(
        &self,
        work: impl FnOnce(&mut Opened) -> Result<T, StoreError>,
    ) -> Result<T, SecretError> {
        let mut opened = self.opened.borrow_mut();
        let current = match opened.take() {
            Some(before) => self.again(before),
            None => self.open(),
        };
        let result = current.and_then(|current| work(opened.insert(current)));
        result.map_err(|reason| SecretError::Store { kind: StoreKind::File, reason })
    }

    fn open(&self) -> Result<Opened, StoreError> {
        let Some(bytes) = self.read()? else {
            let passphrase = self.passphrase(ui::ask_new_secret)?;
            return Ok(Opened { passphrase, encrypted: Vec::new(), secrets: BTreeMap::new() });
        };
        let passphrase = self.passphrase(ui::ask_secret)?;
        let secrets = self.decrypt(&bytes, &passphrase)?;
        Ok(Opened { passphrase, encrypted: bytes, secrets })
    }

    /// What is in the file now, by the passphrase that it was opened with before.
    fn again(&self, before: Opened) -> Result<Opened, StoreError> {
        let encrypted = self.read()?.unwrap_or_default();
        if encrypted == before.encrypted {
            return Ok(before);
        }
        let secrets = self.decrypt(&encrypted, &before.passphrase)?;
        Ok(Opened { encrypted, secrets, ..before })
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |source| StoreError::File { path: self.path.clone(), source };
        let file = match std::fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    fn passphrase(
        &self,
        ask: fn(&str) -> io::Result<Option<Zeroizing<String>>>,
    ) -> Result<SecretString, StoreError> {
        let wrong = |error| StoreError::Passphrase(Box::new(error));
        let found = match &self.passphrase_from {
            None => {
                let asked = ask("Passphrase of mcpkg's secrets").map_err(|source| {
                    wrong(SecretError::Unreadable { what: "the terminal".to_owned(), source })
                })?;
                return asked
                    .map(|text| SecretString::from(text.as_str()))
                    .ok_or(StoreError::NoPassphrase);
            }
            Some(SecretReference::Store(_)) => return Err(StoreError::Circular),
            Some(SecretReference::Environment(name)) => read::variable(name),
            Some(SecretReference::File(path)) => read::file(path),
            Some(SecretReference::Command(words)) => read::command(words).map(Some),
            Some(SecretReference::OnePassword(text)) => read::one_password(text).map(Some),
        };
        let found = found.map_err(wrong)?.ok_or(StoreError::NoPassphrase)?;
        Ok(SecretString::from(found.expose()))
    }

    fn decrypt(
        &self,
        bytes: &[u8],
        passphrase: &SecretString,
    ) -> Result<BTreeMap<StoreName, Secret>, StoreError> {
        let damaged = |reason| StoreError::Damaged { path: self.path.clone(), reason };
        let mut identity = age::scrypt::Identity::new(passphrase.clone());
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        let no_age = |_| damaged("it is no age file");
        let decryptor = age::Decryptor::new_buffered(bytes).map_err(no_age)?;
        let identity: &dyn age::Identity = &identity;
        let reader = decryptor.decrypt(iter::once(identity));
        let mut reader = reader.map_err(|error| match error {
            age::DecryptError::DecryptionFailed => StoreError::WrongPassphrase,
            _ => damaged("its header is not as we write it"),
        })?;
        // What is in it is shorter than the file, so no copy is left as this grows.
        let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len()));
        reader.read_to_end(&mut plain).map_err(|_| damaged("it was cut off or changed"))?;
        let texts: BTreeMap<StoreName, String> =
            serde_json::from_slice(&plain).map_err(|_| damaged("it holds no list of secrets"))?;
        texts
            .into_iter()
            .map(|(name, text)| {
                let secret = Secret::of(Zeroizing::new(text));
                Ok((name, secret.map_err(|_| damaged("it holds what is no secret"))?))
            })
            .collect()
    }

    fn write(&self, opened: &mut Opened) -> Result<(), StoreError> {
        let failed = |source| StoreError::File { path: self.path.clone(), source };
        let texts: BTreeMap<&StoreName, &str> =
            opened.secrets.iter().map(|(name, secret)| (name, secret.expose())).collect();
        let plain = serde_json::to_vec(&texts).map_err(|error| failed(error.into()))?;
        let plain = Zeroizing::new(plain);
        let mut recipient = age::scrypt::Recipient::new(opened.passphrase.clone());
        recipient.set_work_factor(WORK_FACTOR);
        let encrypted = age::encrypt(&recipient, &plain).map_err(io::Error::other);
        let encrypted = encrypted.map_err(failed)?;
        atomic::write_private(&self.path, &encrypted)
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        opened.encrypted = encrypted;
        Ok(())
    }
}

impl SecretStore for AgeFile {
    fn get(&self, name: &StoreName) -> Result<Option<Secret>, SecretError> {
        // Nobody is asked to open what is not there.
        if self.opened.borrow().is_none() && !self.path.exists() {
            return Ok(None);
        }
        self.opened(|opened| Ok(opened.secrets.get(name).map(Secret::copy)))
    }

    fn set(&self, name: &StoreName, secret: &Secret) -> Result<(), SecretError> {
        self.opened(|opened| {
            opened.secrets.insert(name.clone(), secret.copy());
            self.write(opened)
        })
    }

    fn remove(&self, name: &StoreName) -> Result<bool, SecretError> {
        if !self.path.exists() {
            return Ok(false);
        }
        self.opened(|opened| match opened.secrets.remove(name) {
            None => Ok(false),
            Some(_) => self.write(opened).map(|()| true),
        })
    }
}
