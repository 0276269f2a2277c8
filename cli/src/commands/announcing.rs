//! What the commands that state something have in common.

use mcpkg_core::PackageName;
use mcpkg_core::statement::{BuildsOn, PackageStatement};
use serde_json::{Value, json};

use super::Context;
use crate::args::SigningArgs;
use crate::error::Result;
use crate::ops::log::Contact;
use crate::ops::sign::Signer;
use crate::ops::statement::announce::{Announced, Announcer};

/// States something about `name`, signed by whoever is found only if there is something
/// to sign.
pub(super) fn announce(
    name: &PackageName,
    signing: &SigningArgs,
    dry_run: bool,
    context: &Context,
    make: impl FnMut(&mut Contact<'_>, BuildsOn) -> Result<Option<PackageStatement>>,
) -> Result<Announced> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;
    let trust = context.trust(source)?;
    let mut found: Option<Signer> = None;
    let mut sign = |statement: &[u8]| {
        let signer = match found.take() {
            Some(signer) => signer,
            None => find(signing)?,
        };
        let bundle = signer.sign(statement)?;
        context.ui.status("Signed", format!("as {}", signer.identity()));
        found = Some(signer);
        Ok(bundle)
    };
    let mut announcer = Announcer {
        config: &config,
        source,
        registry: &registry,
        places: &context.places,
        trust: &trust,
        now: context.now,
        dry_run,
        sign: &mut sign,
        warnings: Vec::new(),
    };
    let outcome = announcer.announce(name, make);
    context.ui.warn_all(&announcer.warnings);
    outcome
}

/// Whoever signs here.
pub(super) fn find(signing: &SigningArgs) -> Result<Signer> {
    Signer::find(signing)
}

/// Says where something was logged.
pub(super) fn say_logged(announced: &Announced, context: &Context) {
    if let Announced::Logged { stated, .. } = announced {
        context.ui.status("Logged", format!("as entry {}", stated.index));
    }
}

/// What came of it, for `--json`.
pub(super) fn to_json(announced: &Announced) -> Value {
    match announced {
        Announced::Already => json!({ "logged": false, "reason": "already" }),
        Announced::Planned(statement) => {
            let predicate = match &**statement {
                PackageStatement::Status(it) => json!(it),
                PackageStatement::Binding(it) => json!(it),
                PackageStatement::Rebuild(it) => json!(it),
            };
            json!({ "logged": false, "reason": "dryRun", "statement": predicate })
        }
        Announced::Logged { stated, signer } => {
            json!({ "logged": true, "entry": stated.index, "signer": signer.reference() })
        }
    }
}
