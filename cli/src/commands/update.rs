//! `mcpkg update`: verify the newest release that is allowed, show what it changes,
//! ask, and put it in the place of the old one.

use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::manifest::Manifest;
use mcpkg_core::project::WantedServer;
use mcpkg_core::{Platform, Version};
use serde_json::{Value, json};

use super::approval::Approved;
use super::origin::Origin;
use super::{Context, Failures, judged, list, scopes};
use crate::agents::Scope;
use crate::args::UpdateArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::change::{Change, OnDisk};
use crate::ops::fetch::MANIFEST;
use crate::ops::release::Terms;
use crate::ops::standing::{Standing, Wish};
use crate::ops::{link, pin, wanted};
use crate::project_file::ProjectFile;
use crate::secrets::approval;
use crate::store::Store;
use crate::{show, ui};

pub(super) fn run(args: &UpdateArgs, context: &Context) -> Result<ExitCode> {
    let update = Update {
        args,
        approved: Approved::parse(&args.approve)?,
        config: context.config()?,
        store: Store::new(&context.places),
        ui: ui::Ui { yes: args.yes, ..context.ui },
        context,
    };
    let mut failures = Failures::default();
    let mut data = Vec::new();
    let mut found = vec![false; args.name.len()];
    for scope in scopes(args.scope) {
        let _exclusive = Exclusive::of(scope, &context.places)?;
        let mut lock = LockFile::read(scope, &context.places)?;
        let project = ProjectFile::read(scope, &context.places)?;
        for server in chosen(&lock, &args.name, &mut found)? {
            let wanted = project.as_ref().and_then(|it| it.servers.get(&server.name));
            // One that fails keeps no other from being updated.
            match update.approved_one(&server, wanted, scope, &mut lock) {
                Ok(value) => data.push(with_scope(value, scope)),
                Err(error) => {
                    let value = json!({ "name": server.name, "error": error.to_json() });
                    data.push(with_scope(value, scope));
                    failures.add(&server.name, error, context);
                }
            }
        }
    }
    if let Some((name, _)) = args.name.iter().zip(&found).find(|(_, is_found)| !**is_found) {
        return Err(Error::NoSuchServer(name.clone()));
    }
    context.ui.data(&json!({ "servers": data }), String::new)?;
    Ok(failures.report(context).unwrap_or(ExitCode::SUCCESS))
}

/// The servers that the user means: those named that are in this lock, or all.
fn chosen(lock: &LockFile, names: &[String], found: &mut [bool]) -> Result<Vec<LockedServer>> {
    if names.is_empty() {
        return Ok(lock.lock.servers().cloned().collect());
    }
    let mut servers: Vec<LockedServer> = Vec::new();
    for (name, is_found) in names.iter().zip(found) {
        if lock.lock.find(name).is_empty() {
            continue;
        }
        *is_found = true;
        let server = list::one(&lock.lock, name)?;
        if servers.iter().all(|other| other.name != server.name) {
            servers.push(server.clone());
        }
    }
    Ok(servers)
}

struct Update<'a> {
    args: &'a UpdateArgs,
    approved: Approved,
    config: Config,
    store: Store,
    ui: ui::Ui,
    context: &'a Context,
}

impl Update<'_> {
    /// Updates one server. What a project's lock says of it is taken over, so it has to
    /// be known to the user before, and is after.
    fn approved_one(
        &self,
        server: &LockedServer,
        wanted: Option<&WantedServer>,
        scope: Scope,
        lock: &mut LockFile,
    ) -> Result<Value> {
        let places = &self.context.places;
        if scope == Scope::User {
            return self.one(server, wanted, lock);
        }
        approval::check(server, lock.path(), places)?;
        let value = self.one(server, wanted, lock)?;
        // Secrets that a project's mcpkg.toml brought in are to be approved by themselves.
        let is_as_before = |it: &&LockedServer| {
            it.config == server.config && it.secrets == server.secrets && *it != server
        };
        if let Some(updated) = lock.lock.get(&server.name).filter(is_as_before) {
            approval::remember(updated, lock.path(), places)?;
        }
        Ok(value)
    }

    /// Updates one server, or finds that there is nothing to do.
    fn one(
        &self,
        server: &LockedServer,
        wanted: Option<&WantedServer>,
        lock: &mut LockFile,
    ) -> Result<Value> {
        let range = wanted.map(|wanted| &wanted.version);
        let (name, context) = (&server.name, self.context);
        let origin = Origin::of(server, &self.config, context)?;
        let policy = judged::policy(origin.source, &self.args.accept)?;
        let mut contact = origin.contact(name, context)?;
        let (host, now) = (Platform::current(), context.now);
        let wish = Wish { range, policy: &policy, host, now };
        let standing = Standing::of(&contact.index, Some(&server.version), wish);
        let Some(version) = standing.next(&server.version, range) else {
            judged::warn_of_locked(&mut contact, server, &origin.trust, context)?;
            self.stays(server, &standing);
            let (installed, passed) = (&server.version, &standing.passed);
            return Ok(json!({ "name": name, "installed": installed, "passedOver": passed }));
        };

        // Who built it, and is that enough?
        let terms = Terms { policy: &policy, locked: Some(server), accepts_yanked: false, now };
        let release = judged::release(&mut contact, version, &origin.trust, terms, context)?;
        self.ui.status("Verified", format!("{name}@{version}"));

        // The bytes that were signed, into staging.
        let unpacked = origin.fetch(&release, &self.store, context)?;

        // What it would change, and is that wanted?
        let asked = release.server_json.permissions();
        let renewal = pin::renewal(asked, Some(server), &self.store);
        let registry = origin.source.url.as_str();
        let mut next = pin::server(&release, registry, Some(server), renewal.approved());
        if let Some(wanted) = wanted {
            wanted::apply(wanted, &mut next);
        }
        // What mcpkg.toml holds back is not there to be approved.
        let added = renewal.added.intersect(&next.granted);
        let old = self.on_disk(server);
        let old = old.as_ref().map(|(manifest, folder)| OnDisk { manifest, folder });
        let new = OnDisk { manifest: &unpacked.manifest, folder: &unpacked.folder() };
        let change = Change::between((server, old), (&next, new), added.clone())?;
        show::change(&self.ui, &release, &change, now);
        let data = json!({ "name": name, "change": change, "updated": !self.args.dry_run });
        if self.args.dry_run {
            self.ui.status("Would update", moves(server, version));
            return Ok(data);
        }
        self.approved.widening((name, version), &added, self.ui)?;
        if !self.ui.confirm("Update it?")? {
            return Err(Error::Declined);
        }

        // Its entries in settings hold its name alone, so they stay as they are.
        pin::commit(unpacked, &self.store, &release, lock, next, Vec::new())?;
        self.ui.status("Updated", moves(server, version));
        Ok(data)
    }

    /// Says that there is nothing to do, and what was passed over.
    fn stays(&self, server: &LockedServer, standing: &Standing) {
        self.ui.status("Up to date", format!("{}@{}", server.name, server.version));
        for passed in &standing.passed {
            let reasons: Vec<_> = passed.reasons.iter().map(ToString::to_string).collect();
            let what = format!("{} is {}", passed.version, reasons.join(" and "));
            self.ui.detail("passed over", what);
        }
    }

    /// The installed release, if its files are there and are the pinned ones.
    fn on_disk(&self, server: &LockedServer) -> Option<(Manifest, std::path::PathBuf)> {
        let artifact = server.artifact_for(Platform::current())?;
        let folder = self.store.check(artifact.tree).ok()?;
        let manifest = Manifest::read(&std::fs::read(folder.join(MANIFEST)).ok()?).ok()?;
        Some((manifest, folder))
    }
}

fn moves(server: &LockedServer, version: &Version) -> String {
    format!("{} {} -> {version}", server.name, server.version)
}

fn with_scope(mut value: Value, scope: Scope) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert("scope".to_owned(), link::scope_word(scope).into());
    }
    value
}
