//! `mcpkg tools`: say which tools of a server may be called.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::surface::{Kind, ToolDecision, check_name};
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::ToolsArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::named;
use crate::secrets::approval;

pub(super) fn run(args: &ToolsArgs, context: &Context) -> Result<ExitCode> {
    let scope = Scope::from(args.scope);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let mut server = named::one(&lock.lock, &args.name)?.clone();
    let is_projects = scope == Scope::Project;
    if is_projects {
        approval::check(&server, lock.path(), &context.places)?;
    }
    if args.reset {
        server.tools = mcpkg_core::surface::ToolRules::default();
    }
    let said = [
        (&args.allow, ToolDecision::Allow),
        (&args.ask, ToolDecision::Ask),
        (&args.deny, ToolDecision::Deny),
    ];
    for (names, decision) in said {
        for name in names {
            check_name(Kind::Tool, name).map_err(|fault| Error::Argument {
                what: "tool's name",
                found: name.clone(),
                reason: format!("it {fault}"),
            })?;
            server.tools.set(name, decision);
        }
    }
    let rules = server.tools.clone();
    let mut text = String::new();
    for (word, names) in [("allow", &rules.allow), ("ask", &rules.ask), ("deny", &rules.deny)] {
        for name in names {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{word:<6} {name}");
        }
    }
    if rules.is_empty() {
        context
            .ui
            .detail("none", "every tool may be called; with a rule, those without are denied");
    }
    let name = server.name.clone();
    lock.lock.insert(server.clone());
    lock.write()?;
    if is_projects {
        approval::remember(&server, lock.path(), &context.places)?;
    }
    context.ui.data(&json!({ "server": name, "tools": rules }), || text)?;
    Ok(ExitCode::SUCCESS)
}
