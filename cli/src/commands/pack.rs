//! `mcpkg pack`: build, and make an artifact, the same bytes on every machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcpkg_core::project::{Project, Recipe};
use mcpkg_core::provenance::SERVER_JSON;
use mcpkg_core::server_json::ServerJson;
use serde_json::json;

use super::Context;
use crate::args::PackArgs;
use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::build::{self, BuiltInPlace, Output};
use crate::ops::{content, pack, source};

pub(super) fn run(args: &PackArgs, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let project = source::read_project(&args.folder)?.unwrap_or_default();
    let recipe = project.build.clone().filter(|_| !args.no_build);
    let built = recipe.as_ref().map(|recipe| build(recipe, args, context)).transpose()?;
    let folder = built.as_ref().map_or(args.folder.as_path(), |built| &built.folder);
    let server_json = server_json(args, &project, folder);
    let surface = args.surface.as_deref();
    if recipe.is_none()
        && let Some(metadata) = pack::metadata(folder, server_json.as_deref(), surface, &args.out)?
    {
        return write_metadata(&metadata, args, context);
    }
    let packed = pack::pack(folder, server_json.as_deref(), surface, args.platform, &args.out)?;
    if let Some(recipe) = &recipe
        && !recipe.is_for(packed.platform)
    {
        return Err(Error::Setting {
            message: format!("[build] in mcpkg.toml is not for {}", packed.platform),
            hint: "name the platform in `platforms`, or another with `--platform`",
        });
    }
    ui.warn_all(&packed.warnings);
    let path = args.out.join(packed.file_name());
    let summary = json!({
        "name": packed.server_json.name(),
        "version": packed.server_json.version(),
        "platform": packed.platform,
        "artifact": path,
        "digest": packed.digest,
        "tree": packed.tree,
        "sizeBytes": packed.size_bytes,
        "files": packed.file_count,
        "metadata": packed.server_json.digest(),
        "recipe": recipe,
    });
    let lines = format!(
        "artifact  {}\nsha256    {}\ntree      {}\nmetadata  {}\n",
        path.display(),
        packed.digest,
        packed.tree,
        packed.server_json.digest()
    );
    let what = format!(
        "{}@{} for {}: {} files, {} bytes",
        packed.server_json.name(),
        packed.server_json.version(),
        packed.platform,
        packed.file_count,
        packed.size_bytes
    );
    if args.dry_run {
        ui.status("Would pack", what);
    } else {
        let artifact = packed.digest;
        packed.write(&args.out)?;
        // What is signed is the recipe that was followed here.
        pack::write_record(&args.out, recipe.zip(built.map(|built| built.path)), artifact)?;
        ui.status("Packed", what);
    }
    ui.data(&summary, || lines)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes all there is of a release without an artifact: what is signed.
fn write_metadata(metadata: &ServerJson, args: &PackArgs, context: &Context) -> Result<ExitCode> {
    let pinned = content::elsewhere(metadata)?.pinned();
    let what = format!("{}@{}: {pinned}", metadata.name(), metadata.version());
    if args.dry_run {
        context.ui.status("Would pack", what);
    } else {
        atomic::create_folder(&args.out)?;
        atomic::write(&args.out.join(SERVER_JSON), metadata.canonical())?;
        context.ui.status("Packed", what);
    }
    let summary = json!({
        "name": metadata.name(),
        "version": metadata.version(),
        "elsewhere": pinned,
        "metadata": metadata.digest(),
    });
    context.ui.data(&summary, || format!("metadata  {}\n", metadata.digest()))?;
    Ok(ExitCode::SUCCESS)
}

fn build(recipe: &Recipe, args: &PackArgs, context: &Context) -> Result<BuiltInPlace> {
    let (ui, places) = (&context.ui, &context.places);
    let output = if ui.is_quiet() { Output::Nowhere } else { Output::Terminal };
    for step in recipe.steps() {
        ui.detail("step", step.join(" "));
    }
    let built = build::in_place(recipe, &args.folder, &places.home, &places.search, output)?;
    ui.status("Built", built.folder.display());
    Ok(built)
}

/// Where the `server.json` is: where the user says, where the project says, in
/// the folder that is packed, or beside `mcpkg.toml`.
fn server_json(args: &PackArgs, project: &Project, packed: &Path) -> Option<PathBuf> {
    let declared = project.package.server_json.as_ref();
    let declared = declared.map(|path| args.folder.join(path.as_str()));
    let beside = || {
        let is_missing = !packed.join(SERVER_JSON).exists();
        Some(args.folder.join(SERVER_JSON)).filter(|path| is_missing && path.exists())
    };
    args.server_json.clone().or(declared).or_else(beside)
}
