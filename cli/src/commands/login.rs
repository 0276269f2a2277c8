//! `mcpkg login`, `logout`, `whoami`: at registries that do not let everybody in.

use std::process::ExitCode;

use super::Context;
use crate::args::{LoginArgs, LogoutArgs, WhoamiArgs};
use crate::error::{Error, Result};
use crate::login::{self, Desk, LoggedIn, LoginError, Way};

pub(super) fn log_in(args: &LoginArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let wanted = args.registry.as_deref().or(context.registry.as_deref());
    let source = config.registry_for(wanted, None)?;
    let desk = Desk::find(source, &config, &context.places, args.issuer.as_deref())?;
    if args.issuer.is_none() && !desk.is_pinned() {
        accept(&desk, &source.name, context)?;
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
    let wanted = args.registry.as_deref().or(context.registry.as_deref());
    let source = config.registry_for(wanted, None)?;
    let done = login::log_out(source, &config, &context.places)?;
    if let Some(error) = done.untold {
        context.ui.warn(format!("the issuer was not told: {error}; what it gave ends by itself"));
    }
    if !done.was_there {
        context.ui.detail("none", format!("nobody was logged in at {}", source.name));
        return Ok(ExitCode::SUCCESS);
    }
    context.ui.status("Logged out", format!("at {}", source.name));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn who(args: &WhoamiArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let wanted = args.registry.as_deref().or(context.registry.as_deref());
    let source = config.registry_for(wanted, None)?;
    let found = login::who(source, &config, &context.places)?;
    let found = found.ok_or_else(|| Error::LoggedOut {
        registry: source.name.clone(),
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
