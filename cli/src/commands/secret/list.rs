//! `mcpkg secret list`: names and references, and who uses them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::lock::SecretReference;
use mcpkg_core::secret::StoreName;
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::secrets::{StoreKind, Stores};

pub(super) fn run(stores: &Stores<'_>, context: &Context) -> Result<ExitCode> {
    let index = stores.index()?;
    let mut references: BTreeMap<String, (Option<StoreKind>, Vec<String>)> = BTreeMap::new();
    for (name, kind) in index.iter() {
        references
            .insert(SecretReference::Store(name.clone()).to_string(), (Some(kind), Vec::new()));
    }
    for (reference, user) in uses(context)? {
        references.entry(reference.to_string()).or_default().1.push(user);
    }
    let mut text = String::new();
    let mut data = Vec::new();
    for (reference, (kind, users)) in references {
        let is_named =
            reference.strip_prefix("store:").is_some_and(|it| it.parse::<StoreName>().is_ok());
        let place = match kind {
            Some(StoreKind::System) => "system",
            Some(StoreKind::File) => "file",
            None if is_named => "not set",
            None => "-",
        };
        let used = if users.is_empty() { "-".to_owned() } else { users.join(", ") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{reference:<44} {place:<8} {used}");
        data.push(json!({ "reference": reference, "store": kind, "usedBy": users }));
    }
    if data.is_empty() {
        context.ui.detail("none", "no secret is kept, and no server takes one");
    }
    context.ui.data(&data, || text)?;
    Ok(ExitCode::SUCCESS)
}

/// The servers that take a secret from this place.
pub(super) fn users(reference: &SecretReference, context: &Context) -> Result<Vec<String>> {
    let uses = uses(context)?;
    Ok(uses.into_iter().filter(|(used, _)| used == reference).map(|(_, user)| user).collect())
}

/// Every place that a secret is taken from, and by which server.
fn uses(context: &Context) -> Result<Vec<(SecretReference, String)>> {
    let mut uses = Vec::new();
    for scope in [Scope::User, Scope::Project] {
        let lock = LockFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            for (key, reference) in &server.secrets {
                let scope = link::scope_word(scope);
                uses.push((reference.clone(), format!("{} `{key}` ({scope})", server.name)));
            }
        }
    }
    Ok(uses)
}
