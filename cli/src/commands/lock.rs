//! `mcpkg lock`: bring `mcpkg.lock` up to what `mcpkg.toml` asks for, and install
//! nothing.

use std::process::ExitCode;

use serde_json::json;

use super::intake::Intake;
use super::locking::bring_up;
use super::{Context, scope_here};
use crate::args::LockArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::project_file::ProjectFile;
use crate::ui::Ui;

pub(super) fn run(args: &LockArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope_here(args.scope, context);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let project = ProjectFile::read(scope, &context.places)?.ok_or_else(|| Error::Setting {
        message: "there is no mcpkg.toml here that would say what is wanted".to_owned(),
        hint: "make one with a table [servers], or install a server with `mcpkg install`",
    })?;
    let ui = Ui { yes: args.yes, ..context.ui };
    bring_up(&mut lock, &project.servers, &Intake::new(&args.consent, ui, context)?)?;
    let servers: Vec<_> = lock.lock.servers().collect();
    context.ui.data(&json!({ "servers": servers }), String::new)?;
    Ok(ExitCode::SUCCESS)
}
