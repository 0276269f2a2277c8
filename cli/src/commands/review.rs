//! `mcpkg review`: what a registry holds back until a person has looked.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::review::{NewVote, ReviewLine, Verdict};

use super::Context;
use crate::args::{ReviewCommand, ReviewListArgs, ReviewShowArgs, ReviewVoteArgs};
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::show;
use crate::ui::Ui;

pub(super) fn run(command: &ReviewCommand, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), None)?;
    let registry = context.client(&config, source)?;
    match command {
        ReviewCommand::List(args) => list(args, &registry, context),
        ReviewCommand::Show(args) => show(args, &registry, context),
        ReviewCommand::Approve(args) => vote(Verdict::Approve, args, &registry, context),
        ReviewCommand::Reject(args) => vote(Verdict::Reject, args, &registry, context),
    }
}

fn list(args: &ReviewListArgs, registry: &Registry, context: &Context) -> Result<ExitCode> {
    let page = registry.reviews(args.outcome, args.cursor.as_deref())?;
    let mut text = String::new();
    for line in &page.releases {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", heading(line));
        let _ = writeln!(text, "    {}", line.decision.sentence);
    }
    if page.releases.is_empty() {
        context.ui.detail("none", format!("no release is {}", args.outcome));
    }
    if let Some(cursor) = &page.next_cursor {
        context.ui.detail("more", format!("--cursor {cursor}"));
    }
    context.ui.data(&page, || text)?;
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ReviewShowArgs, registry: &Registry, context: &Context) -> Result<ExitCode> {
    let (name, version) = &args.release;
    let review = registry.review(name, version)?;
    let text = || format!("{}\n{}", heading(&review.line), show::review_text(&review));
    context.ui.data(&review, text)?;
    Ok(ExitCode::SUCCESS)
}

fn vote(
    verdict: Verdict,
    args: &ReviewVoteArgs,
    registry: &Registry,
    context: &Context,
) -> Result<ExitCode> {
    let (name, version) = &args.release;
    let fingerprint = if let Some(fingerprint) = args.fingerprint {
        fingerprint
    } else {
        let review = registry.review(name, version)?;
        context.ui.heading(heading(&review.line));
        show::review(&context.ui, &review);
        let ui = Ui { yes: args.yes, ..context.ui };
        if !ui.confirm(&format!("{}?", asked(verdict)))? {
            return Err(Error::Declined);
        }
        review.fingerprint
    };
    let vote = NewVote { reason: args.reason.clone(), fingerprint };
    let line = registry.vote(name, version, verdict, &vote)?;
    let verb = if verdict == Verdict::Approve { "Approved" } else { "Rejected" };
    context.ui.status(verb, heading(&line));
    context.ui.detail("now", &line.decision.sentence);
    context.ui.data(&line, String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn asked(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Let it in",
        Verdict::Reject => "Keep it out",
    }
}

/// `acme/weather@1.2.0 from public: quarantined, 1 of 2 have approved`
fn heading(line: &ReviewLine) -> String {
    let ReviewLine { source, name, version, decision } = line;
    let from = source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    let far = decision.approvals.map(|it| format!(", {} of {} have approved", it.given, it.needed));
    format!("{name}@{version}{from}: {}{}", decision.outcome, far.unwrap_or_default())
}
