//! `mcpkg publish`: sign what `mcpkg pack` made, verify the signature, upload.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use mcpkg_core::evidence::Evidence;
use mcpkg_core::log::Publish;
use mcpkg_core::provenance::{Provenance, SERVER_JSON};
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, Platform, TreeDigest};
use mcpkg_verify::{ReleaseSubjects, verify_release};
use serde_json::json;

use super::Context;
use crate::args::PublishArgs;
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::ops::log::{Anchor, Distrust, receipt};
use crate::ops::{content, folders, pack, sign};
use crate::registry::{Published, Registry, Upload};
use crate::ui::Ui;

type Artifact = (PathBuf, Platform, Digest, TreeDigest);

pub(super) fn run(args: &PublishArgs, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let server_json = read_server_json(&args.folder)?;
    let (name, version) = (server_json.name().clone(), server_json.version().clone());
    let (artifacts, unasked) = read_artifacts(&args.folder, &server_json)?;
    ui.warn_all(&unasked.iter().collect::<Vec<_>>());
    if artifacts.is_empty() {
        // Then it is the metadata that says what runs, and it has to say it.
        content::elsewhere(&server_json)?;
    }
    let config = context.config()?;
    let registry = config.registry_for(context.registry.as_deref(), Some(&name))?;
    let mut log = context.log(&config, registry)?;

    let bundles = if args.bundle.is_empty() {
        let bundle = sign(args, context, &server_json, &artifacts)?;
        vec![bundle]
    } else {
        args.bundle.iter().map(|path| read(path)).collect::<Result<_>>()?
    };
    // What the signing services answered, or somebody else's bundle, is checked
    // before it is uploaded: a release that cannot be installed is no use.
    let failed = "the evidence does not verify, so nothing was uploaded";
    let evidence = verify(&server_json, &artifacts, &bundles, registry, context, failed)?;
    for evidence in &evidence {
        ui.detail("log entry", format!("{} in {}", evidence.log.index, evidence.log.log_id));
    }
    let seen = places_to_look(&evidence);
    for place in &seen {
        ui.detail("to be seen at", place);
    }
    if args.dry_run {
        ui.status("Would publish", format!("{name}@{version} to {}", registry.url));
        return Ok(ExitCode::SUCCESS);
    }

    let paths: Vec<&Path> = artifacts.iter().map(|(path, ..)| path.as_path()).collect();
    let upload =
        Upload { server_json: server_json.canonical(), bundles: &bundles, artifacts: &paths };
    let client = context.client(&config, registry)?;
    let published = upload_patiently(&client, &upload, *ui)?;
    // The registry has it now, whatever comes of this: but only what is logged is
    // published for good, and only this proves that it is.
    let document = &published.document;
    ui.warn_all(log.learn_signer(document, &client)?.as_slice());
    // A release that exists keeps the evidence it came with.
    let kept: Vec<_> =
        document.evidence.iter().map(|it| it.bundle.get().as_bytes().to_vec()).collect();
    let failed = "the evidence that the registry has for it does not verify";
    let kept = verify(&server_json, &artifacts, &kept, registry, context, failed)?;
    let logged = receipt::check(document, &kept, Anchor::Known(&log))?;
    is_what_was_sent(&logged.publish, &server_json, &artifacts)?;
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

/// How long to wait before the same is sent again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Uploads, and uploads the same again where the registry could not answer or its answer
/// was lost: it takes a release once, however often it comes.
fn upload_patiently(client: &Registry, upload: &Upload<'_>, ui: Ui) -> Result<Published> {
    for wait in WAITS {
        match client.publish(upload, &ui) {
            Err(error) if error.is_passing() => {
                ui.warn(format!("{error}; sending it again in {} s", wait.as_secs()));
                std::thread::sleep(wait);
            }
            result => return result,
        }
    }
    client.publish(upload, &ui)
}

/// The log of the public-good Rekor (version 1), which has a page for each entry.
///
/// Source: its `trusted_root.json`, `tlogs[0].logId`.
const PUBLIC_REKOR: &str = "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d";

/// Where people can look at what was signed, and at the build that it was signed in.
fn places_to_look(evidence: &[Evidence]) -> Vec<String> {
    let runs = evidence.iter().filter_map(|it| it.signer.build.as_ref()?.run_uri.clone());
    let entries = evidence.iter().filter(|it| it.log.log_id == PUBLIC_REKOR);
    let entries =
        entries.map(|it| format!("https://search.sigstore.dev/?logIndex={}", it.log.index));
    runs.chain(entries).collect()
}

fn sign(
    args: &PublishArgs,
    context: &Context,
    server_json: &ServerJson,
    artifacts: &[Artifact],
) -> Result<Vec<u8>> {
    let digests: Vec<_> = artifacts.iter().map(|(_, _, digest, _)| *digest).collect();
    let record = pack::read_record(&args.folder, &digests)?;
    let import = pack::read_import(&args.folder, &digests)?;
    let signer = sign::Signer::find(&args.signing)?;
    let claims = signer.build_claims();
    let subjects: Vec<_> =
        artifacts.iter().map(|(_, platform, digest, tree)| (*platform, *digest, *tree)).collect();
    let provenance = Provenance {
        name: server_json.name(),
        version: server_json.version(),
        metadata: server_json.digest(),
        artifacts: &subjects,
        build: claims.as_ref(),
        recipe: record.as_ref().map(|record| &record.recipe),
        path: record.as_ref().and_then(|record| record.path.as_ref()),
    };
    let statement = match &import {
        Some(import) => import.statement(&provenance),
        None => provenance.statement(),
    };
    let bundle = signer.sign(statement.to_string().as_bytes())?;
    context.ui.status("Signed", format!("as {}", signer.identity()));
    Ok(bundle)
}

fn verify(
    server_json: &ServerJson,
    artifacts: &[Artifact],
    bundles: &[Vec<u8>],
    registry: &RegistryConfig,
    context: &Context,
    failed: &str,
) -> Result<Vec<Evidence>> {
    let trust = context.trust(registry)?;
    let roots = trust.for_name(server_json.name()).map_err(Error::wrap(failed))?;
    let subjects = ReleaseSubjects {
        name: server_json.name().clone(),
        version: server_json.version().clone(),
        metadata: server_json.digest(),
        artifacts: artifacts.iter().map(|(_, _, digest, tree)| (*digest, Some(*tree))).collect(),
    };
    let bundles: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
    verify_release(&subjects, &bundles, &roots).map_err(Error::wrap(failed))
}

/// Checks that what was logged is what was sent, and not only what was answered.
fn is_what_was_sent(
    publish: &Publish,
    server_json: &ServerJson,
    artifacts: &[Artifact],
) -> Result<()> {
    let mut sent: Vec<_> =
        artifacts.iter().map(|(_, platform, digest, tree)| (*platform, *digest, *tree)).collect();
    let mut logged: Vec<_> = publish
        .artifacts
        .iter()
        .map(|artifact| (artifact.platform, artifact.digest, artifact.tree))
        .collect();
    sent.sort_unstable();
    logged.sort_unstable();
    let part = if publish.name != *server_json.name() || publish.version != *server_json.version() {
        "name"
    } else if publish.metadata != server_json.digest() {
        "server.json"
    } else if sent != logged {
        "artifact"
    } else {
        return Ok(());
    };
    Err(Error::wrap("the registry logged something else than was sent")(Distrust::Subject(part)))
}

fn read_server_json(folder: &Path) -> Result<ServerJson> {
    let path = folder.join(SERVER_JSON);
    ServerJson::read_strict(&read(&path)?)
        .map_err(Error::wrap(format!("`{}` cannot be published", path.display())))
}

/// The artifacts in `folder`, by file name, and what their users will miss.
fn read_artifacts(
    folder: &Path,
    server_json: &ServerJson,
) -> Result<(Vec<Artifact>, BTreeSet<String>)> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let (mut artifacts, mut unasked) = (Vec::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "mcpb") {
            let file =
                File::open(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            let inspected = pack::inspect(file, &path)?;
            unasked.extend(folders::unasked(&inspected.manifest, server_json.permissions()));
            artifacts.push((path, inspected.platform, inspected.digest, inspected.tree));
        }
    }
    artifacts.sort();
    Ok((artifacts, unasked))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
