//! `mcpkg info`: what is known of a package, and what of that was verified.

use std::process::ExitCode;

use jiff::SignedDuration;
use mcpkg_core::policy::Policy;
use mcpkg_core::{Platform, Version};
use serde_json::json;

use super::{Context, judged};
use crate::args::InfoArgs;
use crate::error::{Error, Result};
use crate::ops::log::Contact;
use crate::ops::release::Terms;
use crate::ops::statement::release::Rebuilt;
use crate::show;

pub(super) fn run(args: &InfoArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let name = &args.package.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let version = chosen(args, &contact)?;
    let trust = context.trust(source)?;
    // What is shown as verified has been. Its age, its status, who else built it, and
    // what is installed here are no reasons to show less of it.
    let policy = Policy { min_age: SignedDuration::ZERO, rebuilds: Vec::new(), ..source.policy() };
    let (accepts_yanked, now) = (true, context.now);
    let terms = Terms { policy: &policy, locked: None, accepts_yanked, now };
    let release = judged::release(&mut contact, &version, &trust, terms, context)?;
    let locked = judged::installed(name, source, context)?;
    if let Some(locked) = &locked {
        judged::compare(&release, locked, &mut contact, &trust, context)?;
    }
    let announced = release
        .bindings
        .last()
        .filter(|(_, change)| change.publisher.difference(&release.publisher).is_some());
    let data = json!({
        "name": name,
        "version": version,
        "status": release.since.status,
        "reason": release.since.reason(),
        "publisher": release.publisher,
        "reference": release.publisher.reference(),
        "announced": announced.map(|(entry, change)| json!({
            "publisher": change.publisher,
            "reference": change.publisher.reference(),
            "by": change.signer.reference(),
            "effective": change.effective,
            "entry": entry,
        })),
        "unverifiedRebuilds": release.since.unverified.iter().map(|(entry, reason)| json!({
            "entry": entry,
            "reason": reason,
        })).collect::<Vec<_>>(),
        "rebuilds": release.since.rebuilds.iter().map(|Rebuilt { index, rebuild, platforms }| json!({
            "rebuilder": rebuild.rebuilder,
            "result": rebuild.result,
            "time": rebuild.time,
            "platforms": platforms,
            "entry": index,
        })).collect::<Vec<_>>(),
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

/// The release to show: that which would be installed, or the newest of those that
/// would not because they were withdrawn.
fn chosen(args: &InfoArgs, contact: &Contact<'_>) -> Result<Version> {
    match args.package.choose(&contact.index, Platform::current()) {
        Ok(line) => Ok(line.version.clone()),
        Err(Error::Yanked { versions, name, wanted }) => {
            let newest = versions.iter().max().cloned();
            newest.ok_or(Error::Yanked { versions, name, wanted })
        }
        Err(error) => Err(error),
    }
}
