//! `mcpkg info`: what is known of a package, and what of that was verified.

use std::process::ExitCode;

use mcpkg_core::Platform;
use serde_json::json;

use super::Context;
use crate::args::InfoArgs;
use crate::error::Result;
use crate::ops::log::{Anchor, Contact};
use crate::ops::release;
use crate::registry::Registry;
use crate::show;

pub(super) fn run(args: &InfoArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let name = &args.package.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = Registry::new(&source.url)?;
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let version = args.package.choose(&contact.index, Platform::current())?.version.clone();
    let document = contact.release(&version)?;
    context.ui.warn_all(&contact.warnings);
    let trust = source.trust(&context.places)?;
    // What is shown as verified has been. Age is no reason to show less here.
    let policy =
        mcpkg_core::policy::Policy { min_age: jiff::SignedDuration::ZERO, ..source.policy() };
    let anchor = Anchor::Contact(&contact);
    let asked = (name, &version);
    let release = release::check(document, asked, &trust, &policy, None, anchor, context.now)?;
    let data = json!({
        "name": name,
        "version": version,
        "publisher": release.publisher,
        "signedAt": release.signed_at,
        "serverJson": release.server_json.value(),
        "artifacts": release.document.artifacts,
        "evidence": release.evidence,
        "log": { "entry": release.log.index, "time": release.log.publish.time },
        "releases": contact.index.releases,
    });
    context.ui.data(&data, || show::info(&release, &contact.index, context.now))?;
    Ok(ExitCode::SUCCESS)
}
