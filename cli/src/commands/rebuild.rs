//! `mcpkg rebuild`: do the bytes of a release come from its source?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use mcpkg_core::api::Artifact;
use mcpkg_core::policy::Policy;
use mcpkg_core::statement::{PackageStatement, RebuildResult};
use mcpkg_core::{Code, Platform};
use serde_json::Value;

use super::{Context, announcing, judged};
use crate::args::{RebuildArgs, SigningArgs};
use crate::error::{Error, Result};
use crate::ops::log::Contact;
use crate::ops::rebuild::{Options, RebuildOutcome, rebuild};
use crate::ops::release::{Terms, TrustedRelease};
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
            let error = failed(&outcome);
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

fn failed(outcome: &RebuildOutcome) -> Error {
    let message = outcome.failure.as_ref().map(|failure| failure.message.clone());
    Error::Failed {
        context: format!("{}@{} could not be built", outcome.name, outcome.version),
        code: Code::Build,
        hint: Some("that says nothing of the release yet: the log tells why it failed here"),
        source: message.unwrap_or_default().into(),
    }
}

fn choose(release: &TrustedRelease, wanted: Option<Platform>) -> Result<&Artifact> {
    let artifacts = &release.document.artifacts;
    let found = match wanted {
        Some(wanted) => artifacts.iter().find(|artifact| artifact.platform == wanted),
        None => Platform::choose(artifacts, |artifact| artifact.platform, Platform::current()),
    };
    found.ok_or_else(|| {
        let platforms: Vec<_> =
            artifacts.iter().map(|artifact| artifact.platform.to_string()).collect();
        Error::NoArtifact {
            name: release.document.name.clone(),
            version: release.document.version.clone(),
            available: if platforms.is_empty() { "none".to_owned() } else { platforms.join(", ") },
        }
    })
}

/// Where a rebuild happens.
enum Work {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Work {
    fn make(keep: Option<&Path>) -> Result<Self> {
        let Some(folder) = keep else {
            let failed = |source| Error::Write { path: std::env::temp_dir(), source };
            return tempfile::Builder::new()
                .prefix("mcpkg-rebuild-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(failed);
        };
        // Into a folder with something in it we would write among somebody's files.
        fs::create_dir(folder)
            .map_err(|source| Error::Write { path: folder.to_owned(), source })?;
        absolute(folder).map(Self::Kept)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
