//! Secrets that the user types, or that come in.

use std::io::{IsTerminal as _, Read as _};

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::lock::{LockedServer, SecretReference};
use mcpkg_core::secret::StoreName;
use zeroize::Zeroizing;

use crate::commands::Context;
use crate::error::{Error, Result};
use crate::secrets::{MAX_BYTES, Secret, SecretError, Stores};
use crate::ui::{self, Ui};

/// The secret that the user types, or that comes in.
pub(super) fn entered(name: &StoreName) -> Result<Secret> {
    let what = || "what was entered".to_owned();
    let unreadable = |source| SecretError::Unreadable { what: "the secret".to_owned(), source };
    let wrong = |reason| SecretError::NotASecret { what: what(), reason };
    if std::io::stdin().is_terminal() {
        let text = ui::ask_secret(&format!("`{name}`")).map_err(unreadable)?;
        return Ok(Secret::of(text.ok_or(Error::NoTerminal)?).map_err(wrong)?);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    let most = u64::try_from(MAX_BYTES + 2).unwrap_or(u64::MAX);
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Secret::read(&bytes).map_err(wrong)?)
}

/// Offers to set the secrets that a server takes from the key store and that are not
/// there, or says how.
pub(in crate::commands) fn offer(
    server: &LockedServer,
    settings: &Settings,
    ui: Ui,
    context: &Context,
) -> Result<()> {
    let stores = Stores::new(&context.places, &context.config()?.secrets);
    let index = stores.index()?;
    for (key, reference) in &server.secrets {
        let SecretReference::Store(name) = reference else { continue };
        let Some(config) = settings.get(key) else { continue };
        if index.get(name).is_some() {
            continue;
        }
        let unreadable = |source| SecretError::Unreadable { what: "the secret".to_owned(), source };
        let asked = if ui.yes || ui.is_quiet() || ui.json {
            None
        } else {
            let prompt = format!("{} (`{key}`; empty for later)", config.title);
            ui::ask_optional_secret(&prompt).map_err(unreadable)?
        };
        let Some(text) = asked else {
            let need = if config.is_required { "it needs" } else { "it may have" };
            ui.detail("secret", format!("{need} `{key}`: `mcpkg secret set {name}` sets it"));
            continue;
        };
        let what = "what was entered".to_owned();
        let secret = Secret::of(text).map_err(|reason| SecretError::NotASecret { what, reason })?;
        let kind = stores.set(name, &secret)?;
        ui.status("Kept", format!("`{name}` in {kind}"));
    }
    Ok(())
}
