//! `mcpkg login`, `logout`, `whoami`: at registries and remote servers that do not let
//! everybody in.

use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;

use super::Context;
use crate::agents::Scope;
use crate::args::{LoginArgs, LogoutArgs, WhoamiArgs};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::login::{self, Desk, Door, LoggedIn, LoginError, Way};
use crate::ops::launch::elsewhere;
use crate::ops::named;
use crate::secrets::approval;

pub(super) fn log_in(args: &LoginArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let door = door(args.at.as_deref(), &config, context)?;
    let desk = Desk::find(&door, &config, &context.places, args.issuer.as_deref())?;
    if args.issuer.is_none() && !desk.is_pinned() {
        accept(&desk, door.name(), context)?;
    }
    let way = match (args.device, args.browser) {
        (true, _) => Some(Way::Device),
        (_, true) => Some(Way::Browser),
        _ => None,
    };
    let started = desk.begin(way, args.client_id.as_deref(), &args.scope)?;
    context.ui.status("Log in", format!("at {}", desk.issuer()));
    context.ui.detail("open", started.address());
    match started.code() {
        Some(code) => context.ui.detail("and type", code),
        None if !args.no_open => login::open(started.address(), &context.places),
        None => (),
    }
    let (found, kind) = started.finish()?;
    context.ui.status("Logged in", format!("at {} as {}", found.registry, found.identity));
    context.ui.detail("kept in", kind);
    show(&found, context)?;
    Ok(ExitCode::SUCCESS)
}

/// What `name` is: a registry, or else an installed server that runs elsewhere.
fn door(name: Option<&str>, config: &Config, context: &Context) -> Result<Door> {
    let places = &context.places;
    let is_registry = |name: &str| config.registries.iter().any(|it| it.name == name);
    let Some(name) = name.filter(|name| !is_registry(name)) else {
        let wanted = name.or(context.registry.as_deref());
        return config.registry_for(wanted, None).map(Door::of_registry);
    };
    let user = LockFile::read(Scope::User, places)?;
    let project = LockFile::read_project(&places.project)?;
    let server = match (named::one(&user.lock, name), named::one(&project.lock, name)) {
        (Ok(server), _) => server,
        (Err(Error::NoSuchServer(_)), Ok(server)) => {
            // Nobody is asked at an address that the user has not approved.
            approval::check(server, project.path(), places)?;
            server
        }
        (Err(Error::NoSuchServer(_)), Err(_)) => {
            return Err(Error::UnknownRegistry(name.to_owned()));
        }
        (Err(error), _) => return Err(error),
    };
    let url = elsewhere::address(server, places)?.ok_or_else(|| Error::Setting {
        message: format!("{} runs here, and wants no log-in", server.name),
        hint: "`mcpkg login` is for registries, and for servers that run elsewhere",
    })?;
    Door::of_server(server, &url, config)
}

/// Asks whether the issuer is the right one, the first time.
fn accept(desk: &Desk<'_>, registry: &str, context: &Context) -> Result<()> {
    context.ui.status("Issuer", desk.issuer());
    context
        .ui
        .detail("", format!("`{registry}` says that its users log in there. You will type your"));
    context.ui.detail("", "password on its page: go on if your company's sign-on is there.");
    let question = "Is that where you log in, now and from now on?";
    match context.ui.confirm(question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Declined),
        Err(Error::NoTerminal) => {
            let unpinned = LoginError::Unpinned(desk.issuer().to_owned());
            Err(Error::wrap(format!("could not log in at `{registry}`"))(unpinned))
        }
        Err(error) => Err(error),
    }
}

pub(super) fn log_out(args: &LogoutArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let door = door(args.at.as_deref(), &config, context)?;
    let done = login::log_out(&door, &config, &context.places)?;
    if let Some(error) = done.untold {
        context.ui.warn(format!("the issuer was not told: {error}; what it gave ends by itself"));
    }
    if !done.was_there {
        context.ui.detail("none", format!("nobody was logged in at {}", door.name()));
        return Ok(ExitCode::SUCCESS);
    }
    context.ui.status("Logged out", format!("at {}", door.name()));
    Ok(ExitCode::SUCCESS)
}

/// Forgets the log-in at a server that is removed, if there is one.
pub(super) fn leave(server: &LockedServer, context: &Context) -> Result<()> {
    let config = context.config()?;
    if !config.logins.contains_key(&server.name) {
        return Ok(());
    }
    let url = elsewhere::address(server, &context.places)?;
    let Some(url) = url else { return Ok(()) };
    let door = Door::of_server(server, &url, &config)?;
    let done = login::log_out(&door, &config, &context.places)?;
    context.ui.warn_all(done.untold.as_slice());
    Ok(())
}

pub(super) fn who(args: &WhoamiArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let door = door(args.at.as_deref(), &config, context)?;
    let found = login::who(&door, &config, &context.places)?;
    let found = found.ok_or_else(|| Error::LoggedOut {
        at: door.name().to_owned(),
        reason: "nobody is logged in here".to_owned(),
    })?;
    show(&found, context)?;
    Ok(ExitCode::SUCCESS)
}

fn show(found: &LoggedIn, context: &Context) -> Result<()> {
    context.ui.data(found, || {
        let bound = if found.is_bound { "tied to a key of this machine" } else { "bearer" };
        let renews = if found.renews { "renewed by itself" } else { "then log in again" };
        let scope = found.scope.as_deref().unwrap_or("what the issuer lets everybody do");
        format!(
            "{} at {}\n  issuer  {}\n  may     {scope}\n  token   {bound}, until {}, {renews}\n",
            found.identity, found.registry, found.issuer, found.expires_at
        )
    })
}
