//! `mcpkg lock`: bring `mcpkg.lock` up to what `mcpkg.toml` asks for, and install
//! nothing.

use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::{Servers, WantedServer};
use mcpkg_core::{PackageName, Platform};
use serde_json::json;

use super::approval::Approved;
use super::origin::Origin;
use super::{Context, judged};
use crate::agents::Scope;
use crate::args::{AcceptArgs, ApproveArgs, LockArgs, ScopeArg};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::release::Terms;
use crate::ops::standing::{Standing, Wish};
use crate::ops::{pin, wanted};
use crate::places::Places;
use crate::project_file::ProjectFile;
use crate::request::{PackageRequest, Wanted};
use crate::store::Store;
use crate::{show, ui};

pub(super) fn run(args: &LockArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope(args.scope, context);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let project = ProjectFile::read(scope, &context.places)?.ok_or_else(|| Error::Setting {
        message: "there is no mcpkg.toml here that would say what is wanted".to_owned(),
        hint: "make one with a table [servers], or install a server with `mcpkg install`",
    })?;
    let locking = Locking::new(&args.accept, &args.approve, args.yes, context)?;
    locking.bring_up(&mut lock, &project.servers)?;
    let servers: Vec<_> = lock.lock.servers().collect();
    context.ui.data(&json!({ "servers": servers }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// The scope that is named, or the project's if there is a project here.
pub(super) fn scope(named: Option<ScopeArg>, context: &Context) -> Scope {
    let folder = &context.places.project;
    let is_project = || {
        let files = [Places::project_lock(folder), folder.join(mcpkg_core::project::FILE)];
        files.iter().any(|path| path.is_file())
    };
    match named {
        Some(scope) => scope.into(),
        None if is_project() => Scope::Project,
        None => Scope::User,
    }
}

/// What it takes to bring a lock up to what is asked for.
pub(super) struct Locking<'a> {
    config: Config,
    accept: &'a AcceptArgs,
    approved: Approved,
    store: Store,
    ui: ui::Ui,
    context: &'a Context,
}

impl<'a> Locking<'a> {
    pub(super) fn new(
        accept: &'a AcceptArgs,
        approve: &ApproveArgs,
        yes: bool,
        context: &'a Context,
    ) -> Result<Self> {
        Ok(Self {
            config: context.config()?,
            accept,
            approved: Approved::parse(approve)?,
            store: Store::new(&context.places),
            ui: ui::Ui { yes, ..context.ui },
            context,
        })
    }

    /// Locks what is wanted and is not locked, and lets go of what is not wanted. The
    /// lock is written once, when all of it is decided.
    pub(super) fn bring_up(&self, lock: &mut LockFile, servers: &Servers) -> Result<()> {
        for (name, wanted) in servers.iter() {
            let locked = lock.lock.get(name).cloned();
            let is_wanted = |locked: &&LockedServer| wanted.version.matches(&locked.version);
            let mut server = match locked.as_ref().filter(is_wanted) {
                Some(locked) => locked.clone(),
                None => self.resolve(name, wanted, locked.as_ref())?,
            };
            wanted::apply(wanted, &mut server);
            if locked.as_ref() != Some(&server) {
                self.ui.status("Locked", format!("{name}@{}", server.version));
                lock.lock.insert(server);
            }
        }
        let unwanted: Vec<_> = lock.lock.servers().map(|locked| locked.name.clone()).collect();
        for name in unwanted.iter().filter(|name| servers.get(name).is_none()) {
            self.ui.status("Unlocked", name);
            lock.lock.remove(name);
        }
        lock.write()
    }

    /// Chooses a release, verifies it, and has it approved.
    fn resolve(
        &self,
        name: &PackageName,
        wanted: &WantedServer,
        locked: Option<&LockedServer>,
    ) -> Result<LockedServer> {
        let context = self.context;
        let origin = Origin::serving(name, &self.config, context)?;
        let policy = judged::policy(origin.source, self.accept)?;
        let mut contact = origin.contact(name, context)?;
        let (host, now) = (Platform::current(), context.now);
        let range = Some(&wanted.version);
        let installed = locked.map(|locked| &locked.version);
        let wish = Wish { range, policy: &policy, host, now };
        let standing = Standing::of(&contact.index, installed, wish);
        let version = if let Some(version) = standing.allowed {
            version
        } else {
            // One that is judged, and so refused with what speaks against it.
            let request =
                PackageRequest { name: name.clone(), wanted: Wanted::from(&wanted.version) };
            request.choose(&contact.index, host)?.version.clone()
        };
        let terms = Terms { policy: &policy, locked, accepts_yanked: false, now };
        let release = judged::release(&mut contact, &version, &origin.trust, terms, context)?;

        show::release(&self.ui, &release, None, now);
        let renewal = pin::renewal(release.server_json.permissions(), locked, &self.store);
        let registry = origin.source.url.as_str();
        let mut server = pin::server(&release, registry, locked, renewal.approved());
        wanted::apply(wanted, &mut server);
        if locked.is_some() {
            // Only what mcpkg.toml does not hold back is there to be approved.
            let added = renewal.added.intersect(&server.granted);
            self.approved.widening((name, &version), &added, self.ui)?;
        }
        if !self.ui.confirm("Lock it?")? {
            return Err(Error::Declined);
        }
        // For what it asks for, and its receipt.
        self.store.keep_release(&release.document)?;
        Ok(server)
    }
}
