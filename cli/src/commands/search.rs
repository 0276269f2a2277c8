//! `mcpkg search`: packages by words in their names and descriptions.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::Context;
use crate::args::SearchArgs;
use crate::error::Result;

pub(super) fn run(args: &SearchArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), None)?;
    let registry = context.client(&config, source)?;
    let page = registry.search(&args.query.join(" "), args.limit, args.cursor.as_deref())?;
    let mut text = String::new();
    for hit in &page.packages {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}@{}  {}", hit.name, hit.version, hit.publisher);
        let _ = writeln!(text, "    {}", hit.description);
    }
    if page.packages.is_empty() {
        context.ui.detail("none", "no package matches");
    }
    if let Some(cursor) = &page.next_cursor {
        context.ui.detail("more", format!("--cursor {cursor}"));
    }
    context.ui.data(&page, || text)?;
    Ok(ExitCode::SUCCESS)
}
