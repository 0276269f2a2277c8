//! `mcpkg doctor`: what keeps things from working here, and how to mend it.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::{Context, SOMETHING_TO_DO};
use crate::error::Result;
use crate::ops::doctor::{Check, examine};

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let checks = examine(&context.config()?, &context.places, context.now);
    let problems = checks.iter().filter(|check| check.fix.is_some()).count();
    context.ui.data(&json!({ "problems": problems, "checks": checks }), || table(&checks))?;
    Ok(ExitCode::from(if problems == 0 { 0 } else { SOMETHING_TO_DO }))
}

fn table(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { area, subject, message, fix } in checks {
        let mark = if fix.is_some() { "!" } else { " " };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark} {area:<9} {subject}: {message}");
        if let Some(fix) = fix {
            let _ = writeln!(text, "  {:<9} fix: {fix}", "");
        }
    }
    text
}
