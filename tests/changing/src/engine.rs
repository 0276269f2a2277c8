//! In the place of a container engine, for the tests of images: it writes down how it was
//! started, and starts the program `server` beside it instead of an image, or what the
//! file `starts` names.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let entry = serde_json::json!({
        "engine": program.file_name().and_then(|name| name.to_str()),
        "arguments": arguments,
        "environment": environment.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    });
    let mut record = OpenOptions::new().create(true).append(true).open(folder.join("record"))?;
    writeln!(record, "{entry}")?;
    if arguments.first().is_none_or(|command| command != "run") {
        return Ok(ExitCode::SUCCESS);
    }
    let named = std::fs::read_to_string(folder.join("starts")).map(PathBuf::from);
    let status = Command::new(named.unwrap_or_else(|_| folder.join("server"))).status()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1))?))
}
