//! `mcpkg run`: start an installed server, as agents do.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::elsewhere::Pinned;
use mcpkg_core::guard::Notice;
use mcpkg_core::lock::LockedServer;

use super::Context;
use crate::agents::Scope;
use crate::args::RunArgs;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::failures::{self, Failure};
use crate::ops::faults::{self, Fault};
use crate::ops::guard::{self, Session};
use crate::ops::launch::workspace::Workspace;
use crate::ops::launch::{self, Absent};
use crate::ops::named;
use crate::remote::Report;
use crate::sandbox::Wanted;
use crate::secrets::approval;
use crate::store::Store;
use crate::ui;

pub(super) fn run(args: &RunArgs, context: &Context) -> Result<ExitCode> {
    find(args, context).inspect_err(|error| {
        let (input, output) = ui::streams();
        // A person at a terminal reads it on stderr.
        if !input.is_terminal() {
            guard::tell_agent(input, output, error);
        }
    })
}

fn find(args: &RunArgs, context: &Context) -> Result<ExitCode> {
    let places = &context.places;
    // The project's lock is used only where the settings say so: a server that
    // the user installed must not change with the folder an agent starts in.
    let (lock, scope) = if args.project {
        (LockFile::read_project(&places.project)?, Scope::Project)
    } else {
        (LockFile::read(Scope::User, places)?, Scope::User)
    };
    let server = named::one(&lock.lock, &args.name)?;
    start(server, &lock, scope, context).inspect_err(|error| {
        let failure = Failure::of(error, context.now);
        if let Err(error) = failures::record(places, &server.name, &failure) {
            context.ui.warn(error);
        }
    })
}

fn start(
    server: &LockedServer,
    lock: &LockFile,
    scope: Scope,
    context: &Context,
) -> Result<ExitCode> {
    let places = &context.places;
    let workspace = match scope {
        Scope::User | Scope::Local => Workspace::around(&places.project, &places.home),
        Scope::Project => {
            approval::check(server, lock.path(), places)?;
            Workspace::of_project(lock.folder())
        }
    };
    for fault in faults::before_start(server, places)? {
        let Fault { code, sentence } = fault;
        context.ui.warn(format!("{}@{}: {sentence} ({code})", server.name, server.version));
    }
    let session = Session::new(server, &lock.lock, scope, places, context.ui)?;
    if server.elsewhere.is_some() {
        return start_elsewhere(server, session, &workspace, context);
    }
    let plan = launch::plan(server, &Store::new(places), places, &workspace)?;
    warn_of_unpinned(server, &session, context);
    // What went wrong the last time is no longer news, unless it does again.
    failures::forget(places, &server.name)?;
    let absent = Absent::before(server, places, &workspace);
    let code = launch::serve(&plan, launch::wanted(server), session, &context.ui)?;
    if let Some(failure) = absent.made(server, Timestamp::now()) {
        context.ui.warn(&failure.sentence);
        failures::record(places, &server.name, &failure)?;
    }
    Ok(ExitCode::from(code))
}

/// The same for a server that has no artifact.
fn start_elsewhere(
    server: &LockedServer,
    session: Session,
    workspace: &Workspace,
    context: &Context,
) -> Result<ExitCode> {
    let (places, ui) = (context.places.clone(), context.ui);
    let name = server.name.clone();
    let report: Report = Arc::new(move |notice| {
        ui.warn(format!("{} ({})", notice.sentence, notice.code));
        let Notice { code, sentence, hint } = notice;
        let failure = Failure { time: Timestamp::now(), code, sentence, hint };
        if let Err(error) = failures::record(&places, &name, &failure) {
            ui.warn(error);
        }
    });
    let places = &context.places;
    let started = launch::elsewhere::start(server, places, workspace, report)?;
    warn_of_unpinned(server, &session, context);
    failures::forget(places, &server.name)?;
    if matches!(&server.elsewhere, Some(Pinned::Image(_))) && launch::wanted(server) == Wanted::None
    {
        ui.warn("the server may connect to any host, as you asked");
    }
    Ok(ExitCode::from(started.serve(session)?))
}

fn warn_of_unpinned(server: &LockedServer, session: &Session, context: &Context) {
    if session.is_unpinned() {
        context.ui.warn(format!(
            "nobody has approved what {} shows to models: `mcpkg inspect {}` does",
            server.name, server.name
        ));
    }
}
