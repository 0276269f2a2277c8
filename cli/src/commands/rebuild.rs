//! `mcpkg rebuild`: do the bytes of a release come from its source?

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use mcpkg_core::policy::Policy;
use mcpkg_core::statement::{PackageStatement, RebuildResult};
use serde_json::Value;

use super::{Context, announcing, judged};
use crate::args::{RebuildArgs, SigningArgs};
use crate::error::Result;
use crate::ops::log::Contact;
use crate::ops::rebuild::{Options, RebuildOutcome, Work, absolute, choose, rebuild};
use crate::ops::release::Terms;
use crate::ops::statement::announce::Announced;
use crate::{show, ui};

/// There is something to look at.
const DIFFERENT: u8 = 4;

pub(super) fn run(args: &RebuildArgs, context: &Context) -> Result<ExitCode> {
    let (name, version) = &args.release;
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;

    // Nothing that was not signed, logged and judged says what to build.
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let trust = context.trust(source)?;
    // Rebuilders look while others wait for a release to be old enough, and for them.
    let policy =
        Policy { min_age: jiff::SignedDuration::ZERO, rebuilds: Vec::new(), ..source.policy() };
    let terms = Terms { policy: &policy, locked: None, accepts_yanked: true, now: context.now };
    let release = judged::release(&mut contact, version, &trust, terms, context)?;
    context.ui.status("Verified", format!("{name}@{version}, by {}", release.publisher));
    let artifact = choose(&release, args.platform)?;

    let work = Work::make(args.keep.as_deref())?;
    let toolchains: Vec<PathBuf> =
        args.toolchain.iter().map(|path| absolute(path)).collect::<Result<_>>()?;
    let options = Options {
        source: args.source.as_deref(),
        toolchains: &toolchains,
        is_unconfined: args.unconfined,
        timeout: Duration::from_mins(u64::from(args.timeout)),
    };
    let (places, ui) = (&context.places, &context.ui);
    let outcome = rebuild(&release, artifact, &registry, work.path(), &options, places, ui)?;
    show::rebuild(ui, &outcome);
    let attested = if args.attest { attest(&outcome, &args.signing, context)? } else { None };
    show::rebuild_data(ui, &outcome, attested.as_ref())?;
    Ok(match outcome.result {
        RebuildResult::Identical => ExitCode::SUCCESS,
        RebuildResult::Different => ExitCode::from(DIFFERENT),
        RebuildResult::Failed => {
            let error = outcome.error();
            // Under `--json` the failure is in the data already.
            ui::report(&error, false);
            error.exit_code()
        }
    })
}

/// Signs and logs what came of a rebuild.
fn attest(
    outcome: &RebuildOutcome,
    signing: &SigningArgs,
    context: &Context,
) -> Result<Option<Value>> {
    let announced =
        announcing::announce(&outcome.name, signing, false, context, |_, builds_on| {
            Ok(outcome.statement(builds_on).map(PackageStatement::Rebuild))
        })?;
    if matches!(announced, Announced::Already) {
        context.ui.warn("nothing is attested: that it could not be built here says nothing yet");
        return Ok(None);
    }
    announcing::say_logged(&announced, context);
    Ok(Some(announcing::to_json(&announced)))
}
