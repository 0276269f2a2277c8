//! `mcpkg trust`: who may vouch for which names.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcpkg_core::namespace::NamePattern;
use mcpkg_verify::{TrustStore, TrustedKey};
use serde_json::json;
use url::Url;

use super::Context;
use crate::args::{TrustAddArgs, TrustCommand, TrustRemoveArgs, TrustUpdateArgs};
use crate::atomic;
use crate::config::{Config, NamedKey, NamedRoot, check_name};
use crate::error::{Error, Result};
use crate::ops::trust::{CurrentRoot, PUBLIC_GOOD, Tuf, Update, read, read_root};
use crate::ui;

pub(super) fn run(command: &TrustCommand, context: &Context) -> Result<ExitCode> {
    match command {
        TrustCommand::List => list::run(context),
        TrustCommand::Update(args) => update(args, context),
        TrustCommand::Add(args) => add(args, context),
        TrustCommand::Remove(args) => remove(args, context),
    }
}

/// Refreshes what can be refreshed. One that fails does not keep the others from it.
fn update(args: &TrustUpdateArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let is_wanted = |name: &str| args.name.is_empty() || args.name.iter().any(|it| it == name);
    let mut tufs = Vec::new();
    if is_wanted(PUBLIC_GOOD) {
        tufs.push((PUBLIC_GOOD.to_owned(), Tuf::public_good(&context.places)?));
    }
    for named in config.trust_roots.iter().filter(|named| is_wanted(&named.name)) {
        if let Some(tuf) = Tuf::of(named, &context.places)? {
            tufs.push((named.name.clone(), tuf));
        }
    }
    for wanted in &args.name {
        if !tufs.iter().any(|(name, _)| name == wanted) {
            return Err(Error::UnknownTrust(wanted.clone()));
        }
    }
    let mut data = Vec::new();
    let mut failure = None;
    for (name, tuf) in tufs {
        match tuf.update(context.now, false) {
            Ok(update) => data.push(show_update(&name, &update, context)),
            Err(error) => {
                if let Some(earlier) = failure.replace(error) {
                    ui::report(&earlier, false);
                }
            }
        }
    }
    context.ui.data(&data, String::new)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn show_update(
    name: &str,
    Update { before, after }: &Update,
    context: &Context,
) -> serde_json::Value {
    let fingerprint = |current: &CurrentRoot| current.root.fingerprint();
    let is_changed = before.as_ref().map(fingerprint) != Some(fingerprint(after));
    let verb = if is_changed { "Updated" } else { "Unchanged" };
    context.ui.status(verb, name);
    let versions = |current: &CurrentRoot| {
        current.status.map(|status| (status.root_version, status.targets_version))
    };
    let found = versions(after);
    if let Some((root, targets)) = found {
        let was = before.as_ref().and_then(versions).filter(|was| Some(*was) != found);
        let was = was.map(|(root, targets)| format!(", was {root} and {targets}"));
        context
            .ui
            .detail("version", format!("{root}, targets {targets}{}", was.unwrap_or_default()));
    }
    if is_changed {
        if let Some(before) = before {
            context.ui.detail("was", fingerprint(before));
        }
        context.ui.detail("is", fingerprint(after));
    }
    if let Some(status) = after.status {
        context.ui.detail("usable until", status.expires);
    }
    json!({
        "name": name,
        "isChanged": is_changed,
        "fingerprint": fingerprint(after),
        "was": before.as_ref().map(fingerprint),
        "status": after.status,
    })
}

fn add(args: &TrustAddArgs, context: &Context) -> Result<ExitCode> {
    let mut config = context.config()?;
    let name = chosen_name(args)?;
    check_name("name for a trust root or key", &name)?;
    if name == PUBLIC_GOOD || config.trust_names().any(|other| other == name) {
        return Err(Error::TrustExists(name));
    }
    let (kept, text) = match (&args.file, &args.tuf, &args.tuf_root) {
        (Some(file), None, None) => add_file(&mut config, &name, file, args, context)?,
        (None, Some(url), Some(file)) => add_tuf(&mut config, &name, url, file, args, context)?,
        _ => {
            return Err(Error::Argument {
                what: "thing to trust",
                found: name,
                reason: "name a file, or `--tuf` with `--tuf-root`".to_owned(),
            });
        }
    };
    show_names(&args.names, context);
    if !args.dry_run {
        // A copy, so that what is trusted does not change with a file elsewhere.
        atomic::write(&context.places.config.join(&kept), text.as_bytes())?;
        config.write(&context.places)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds what is in a file, and says where a copy of it is to be kept.
fn add_file(
    config: &mut Config,
    name: &str,
    file: &Path,
    args: &TrustAddArgs,
    context: &Context,
) -> Result<(PathBuf, String)> {
    let text = read(file)?;
    let is_key = text.contains("-----BEGIN");
    let kept = kept_file(name, if is_key { "pem" } else { "json" });
    let fingerprint = if is_key {
        add_key(config, name, &kept, &text, args)?.fingerprint()
    } else {
        refuse_window(args)?;
        let root = read_root(file)?;
        config.trust_roots.push(NamedRoot {
            name: name.to_owned(),
            tuf: None,
            file: kept.clone(),
            namespaces: args.names.clone(),
        });
        root.fingerprint()
    };
    context.ui.status(if args.dry_run { "Would trust" } else { "Trusted" }, name);
    context.ui.detail("fingerprint", fingerprint);
    Ok((kept, text))
}

/// Adds a TUF repository, and says where a copy of its first root is to be kept.
fn add_tuf(
    config: &mut Config,
    name: &str,
    url: &Url,
    file: &Path,
    args: &TrustAddArgs,
    context: &Context,
) -> Result<(PathBuf, String)> {
    refuse_window(args)?;
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    let text = read(file)?;
    // Fetched before it is kept: what cannot be fetched is not trusted either.
    let tuf = Tuf::new(name, &url, &text, &context.places)?;
    let update = tuf.update(context.now, args.dry_run)?;
    show_update(name, &update, context);
    let kept = kept_file(name, "tuf-root.json");
    config.trust_roots.push(NamedRoot {
        name: name.to_owned(),
        tuf: Some(url),
        file: kept.clone(),
        namespaces: args.names.clone(),
    });
    Ok((kept, text))
}

/// Adds a key, if it can be one for these names.
fn add_key(
    config: &mut Config,
    name: &str,
    kept: &Path,
    pem: &str,
    args: &TrustAddArgs,
) -> Result<TrustedKey> {
    let unusable = || format!("the key `{name}` cannot be trusted");
    let key = TrustedKey::from_pem(pem, args.valid_from, args.valid_until)
        .map_err(Error::wrap(unusable()))?;
    TrustStore::default()
        .with_key(args.names.clone(), key.clone())
        .map_err(Error::wrap(unusable()))?;
    config.trust_keys.push(NamedKey {
        name: name.to_owned(),
        file: kept.to_owned(),
        namespaces: args.names.clone(),
        valid_from: args.valid_from,
        valid_until: args.valid_until,
    });
    Ok(key)
}

fn remove(args: &TrustRemoveArgs, context: &Context) -> Result<ExitCode> {
    let mut config = context.config()?;
    let is_it = |name: &String| *name == args.name;
    let (file, tuf) =
        if let Some(index) = config.trust_roots.iter().position(|named| is_it(&named.name)) {
            let named = config.trust_roots.remove(index);
            let tuf = Tuf::of(&named, &context.places)?;
            (named.file, tuf)
        } else if let Some(index) = config.trust_keys.iter().position(|named| is_it(&named.name)) {
            (config.trust_keys.remove(index).file, None)
        } else {
            return Err(Error::UnknownTrust(args.name.clone()));
        };
    if args.dry_run {
        context.ui.status("Would remove", &args.name);
        return Ok(ExitCode::SUCCESS);
    }
    config.write(&context.places)?;
    let path = context.places.config.join(file);
    fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
    if let Some(tuf) = tuf {
        tuf.forget()?;
    }
    context.ui.status("Removed", &args.name);
    Ok(ExitCode::SUCCESS)
}

/// What the user calls it, or what it is called after.
fn chosen_name(args: &TrustAddArgs) -> Result<String> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let after = match (&args.file, &args.tuf) {
        (Some(file), _) => file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned),
        (None, Some(url)) => url.host_str().map(str::to_owned),
        (None, None) => None,
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    after.map(|name| name.chars().map(plain).collect()).ok_or_else(|| Error::Argument {
        what: "name for a trust root or key",
        found: String::new(),
        reason: "choose one with `--name`".to_owned(),
    })
}

/// Refuses times for what has its own.
fn refuse_window(args: &TrustAddArgs) -> Result<()> {
    match args.valid_from.or(args.valid_until) {
        None => Ok(()),
        Some(time) => Err(Error::Argument {
            what: "time for a trust root",
            found: time.to_string(),
            reason: "only keys have a window; a root has the times of its authorities".to_owned(),
        }),
    }
}

fn kept_file(name: &str, kind: &str) -> PathBuf {
    PathBuf::from(format!("trust.{name}.{kind}"))
}

fn show_names(names: &[NamePattern], context: &Context) {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    context.ui.detail("for", names.join(" "));
}
