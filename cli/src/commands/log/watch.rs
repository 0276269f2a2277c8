//! `mcpkg log watch`: read all of a log, and say what should not be there.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;

use crate::args::LogWatchArgs;
use crate::commands::Context;
use crate::error::Result;
use crate::ops::monitor::{Event, Monitor, Outcome, Repeat, Scope, StateFile, Watch};
use crate::ui;

pub(super) fn run(args: &LogWatchArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), None)?;
    let registry = context.client(&config, source)?;
    let trust = context.trust(source)?;
    let log = context.log(&config, source)?.trust().clone();
    let file = StateFile::open(context.places.watch(&source.name), &context.places.locks())?;
    let monitor = Monitor::new(log, args.name.clone(), file.read()?);
    let mut tell = |event: &Event| context.ui.event(event, || event.to_text());
    let mut watch = Watch {
        source,
        places: &context.places,
        registry: &registry,
        trust: &trust,
        monitor,
        file,
        scope: if args.full { Scope::Full } else { Scope::Changed },
        repeat: if args.once { Repeat::Always } else { Repeat::Once },
        tell: &mut tell,
    };
    if args.once {
        let outcome = watch.look(context.now)?;
        say(&outcome, &watch, context);
        return Ok(exit_code(&outcome));
    }
    context.ui.status("Watching", format!("the log of {} at {}", source.name, source.url));
    loop {
        let outcome = watch.look(Timestamp::now())?;
        say(&outcome, &watch, context);
        std::thread::sleep(Duration::from_secs(args.interval.into()));
    }
}

/// Talks about a look: how far it came, and what it could not see.
fn say(outcome: &Outcome, watch: &Watch<'_>, context: &Context) {
    for error in &outcome.troubles {
        ui::report(error, false);
    }
    let (size, seen) = (watch.monitor.size(), watch.monitor.seen().size);
    let Outcome { alarms, notices, troubles } = outcome;
    if troubles.is_empty() && *alarms == 0 {
        context.ui.status("Verified", format!("{size} entries; {notices} notices"));
    } else {
        let troubles = troubles.len();
        context.ui.status(
            "Looked",
            format!(
                "{size} of {seen} entries verified; {alarms} alarms, {notices} notices, and \
                 {troubles} things that could not be checked"
            ),
        );
    }
}

/// 3 on an alarm, 1 if something could not be checked, 4 if there is news.
fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome { alarms: 1.., .. } => ExitCode::from(3),
        Outcome { troubles, .. } if !troubles.is_empty() => ExitCode::FAILURE,
        Outcome { notices: 1.., .. } => ExitCode::from(4),
        _ => ExitCode::SUCCESS,
    }
}
