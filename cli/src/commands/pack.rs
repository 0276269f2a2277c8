//! `mcpkg pack`: make an artifact, the same bytes on every machine.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::args::PackArgs;
use crate::error::Result;
use crate::ops::pack;

pub(super) fn run(args: &PackArgs, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let packed = pack::pack(&args.folder, args.server_json.as_deref(), args.platform, &args.out)?;
    let path = args.out.join(packed.file_name());
    let summary = json!({
        "name": packed.server_json.name(),
        "version": packed.server_json.version(),
        "platform": packed.platform,
        "artifact": path,
        "digest": packed.digest,
        "tree": packed.tree,
        "sizeBytes": packed.size_bytes,
        "files": packed.file_count,
        "metadata": packed.server_json.digest(),
    });
    let lines = format!(
        "artifact  {}\nsha256    {}\ntree      {}\nmetadata  {}\n",
        path.display(),
        packed.digest,
        packed.tree,
        packed.server_json.digest()
    );
    let what = format!(
        "{}@{} for {}: {} files, {} bytes",
        packed.server_json.name(),
        packed.server_json.version(),
        packed.platform,
        packed.file_count,
        packed.size_bytes
    );
    if args.dry_run {
        ui.status("Would pack", what);
    } else {
        packed.write(&args.out)?;
        ui.status("Packed", what);
    }
    ui.data(&summary, || lines)?;
    Ok(ExitCode::SUCCESS)
}
