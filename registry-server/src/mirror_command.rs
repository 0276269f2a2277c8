//! `mcpkg-registry mirror`, `export`, `import` and `takedown`.

use std::path::Path;

use mcpkg_core::Digest;
use mcpkg_registry_server::{
    Overrides, SourceName, export, fetches, import, release_claim, source_statuses, sync, take_down,
};

use super::args::{ExportArgs, MirrorArgs, MirrorCommand, PlaceArgs, TakedownArgs};
use super::{Config, ExitCode, Failure, config_file, offline, print, runtime};

pub(super) fn mirror(args: &MirrorArgs) -> Result<ExitCode, Failure> {
    let json = args.place.json;
    match &args.action {
        MirrorCommand::Status => {
            let config = trusting(&args.place)?;
            print(json, &runtime()?.block_on(source_statuses(&config))?)?;
        }
        MirrorCommand::Sync { source } => {
            let config = trusting(&args.place)?;
            print(json, &runtime()?.block_on(sync(config, source.as_ref()))?)?;
        }
        MirrorCommand::Release { package } => {
            let config = offline(&args.place)?;
            print(json, &runtime()?.block_on(release_claim(&config, package))?)?;
        }
        MirrorCommand::Fetches { digest } => {
            let config = offline(&args.place)?;
            print(json, &runtime()?.block_on(fetches(&config, *digest))?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn export_file(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let config = trusting(&args.place)?;
    let (source, since) = (args.source.as_ref(), args.since.as_deref());
    let exported = runtime()?.block_on(export(config, source, since, &args.file))?;
    print(args.place.json, &exported)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import_file(
    from: &Path,
    source: &SourceName,
    vouched: Option<Digest>,
    place: &PlaceArgs,
) -> Result<ExitCode, Failure> {
    let config = trusting(place)?;
    let imported = runtime()?.block_on(import(config, source, from, vouched))?;
    print(place.json, &imported)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn takedown(args: &TakedownArgs) -> Result<ExitCode, Failure> {
    let config = offline(&args.place)?;
    let (package, version, source) = (&args.package, &args.version, args.source.as_ref());
    let taken = take_down(&config, source, package, version, &args.reason);
    print(args.place.json, &runtime()?.block_on(taken)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration for a command that verifies what it takes.
fn trusting(place: &PlaceArgs) -> Result<Config, Failure> {
    let overrides = Overrides { data: place.data.clone(), ..Overrides::default() };
    Ok(config_file(place.config.as_deref())?.resolve(&overrides)?)
}
