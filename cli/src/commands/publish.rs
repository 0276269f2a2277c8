//! `mcpkg publish`: sign what `mcpkg pack` made, verify the signature, upload.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::args::PublishArgs;
use crate::error::Result;
use crate::ops::log::{Anchor, receipt};
use crate::ops::publish::{self, Packed};
use crate::ops::sign::Signer;

pub(super) fn run(args: &PublishArgs, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let packed = Packed::read(&args.folder)?;
    let (name, version) = (packed.server_json.name(), packed.server_json.version());
    ui.warn_all(&packed.unasked.iter().collect::<Vec<_>>());
    packed.check()?;
    let config = context.config()?;
    let registry = config.registry_for(context.registry.as_deref(), Some(name))?;
    let mut log = context.log(&config, registry)?;

    let bundles = if args.bundle.is_empty() {
        let signer = Signer::find(&args.signing)?;
        let bundle = packed.sign(&signer)?;
        ui.status("Signed", format!("as {}", signer.identity()));
        vec![bundle]
    } else {
        args.bundle.iter().map(|path| publish::read(path)).collect::<Result<_>>()?
    };
    // What the signing services answered, or somebody else's bundle, is checked
    // before it is uploaded: a release that cannot be installed is no use.
    let failed = "the evidence does not verify, so nothing was uploaded";
    let evidence = packed.verify(&bundles, &context.trust(registry)?, failed)?;
    for evidence in &evidence {
        ui.detail("log entry", format!("{} in {}", evidence.log.index, evidence.log.log_id));
    }
    let seen = publish::places_to_look(&evidence);
    for place in &seen {
        ui.detail("to be seen at", place);
    }
    if args.dry_run {
        ui.status("Would publish", format!("{name}@{version} to {}", registry.url));
        return Ok(ExitCode::SUCCESS);
    }

    let client = context.client(&config, registry)?;
    let published = packed.upload(&bundles, &client, *ui)?;
    // The registry has it now, whatever comes of this: but only what is logged is
    // published for good, and only this proves that it is.
    let document = &published.document;
    ui.warn_all(log.learn_signer(document, &client)?.as_slice());
    // A release that exists keeps the evidence it came with.
    let kept: Vec<_> =
        document.evidence.iter().map(|it| it.bundle.get().as_bytes().to_vec()).collect();
    let failed = "the evidence that the registry has for it does not verify";
    let kept = packed.verify(&kept, &context.trust(registry)?, failed)?;
    let logged = receipt::check(document, &kept, Anchor::Known(&log))?;
    packed.check_logged(&logged.publish)?;
    let verb = if published.existed { "Exists" } else { "Published" };
    ui.status(verb, format!("{name}@{version} at {}", registry.url));
    ui.status("Logged", format!("as entry {} of {}", logged.index, log.trust().origin()));
    let summary = json!({
        "name": name,
        "version": version,
        "registry": registry.url,
        "existed": published.existed,
        "publisher": logged.publish.publisher,
        "log": {
            "origin": log.trust().origin(),
            "entry": logged.index,
            "time": logged.publish.time,
            "receipt": logged.receipt,
        },
        "evidence": evidence,
        "seenAt": seen,
    });
    ui.data(&summary, String::new)?;
    Ok(ExitCode::SUCCESS)
}
