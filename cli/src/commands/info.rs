//! `mcpkg info`: what is known of a package, and what of that was verified.

use std::process::ExitCode;

use mcpkg_core::Platform;
use serde_json::json;

use super::Context;
use crate::args::InfoArgs;
use crate::error::Result;
use crate::ops::release;
use crate::registry::Registry;
use crate::show;

pub(super) fn run(args: &InfoArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let name = &args.package.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = Registry::new(&source.url)?;
    let index = registry.index(name)?;
    let version = args.package.choose(&index, Platform::current())?.version.clone();
    let document = registry.release(name, &version)?;
    let trust = source.trust(&context.places)?;
    // What is shown as verified has been. Age is no reason to show less here.
    let policy =
        mcpkg_core::policy::Policy { min_age: jiff::SignedDuration::ZERO, ..source.policy() };
    let release = release::check(document, (name, &version), &trust, &policy, None, context.now)?;
    let data = json!({
        "name": name,
        "version": version,
        "publisher": release.publisher,
        "signedAt": release.signed_at,
        "serverJson": release.server_json.value(),
        "artifacts": release.document.artifacts,
        "evidence": release.evidence,
        "releases": index.releases,
    });
    context.ui.data(&data, || show::info(&release, &index, context.now))?;
    Ok(ExitCode::SUCCESS)
}
