//! `mcpkg`: installs MCP servers, and proves where they came from.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcpkg_cli::main()
}
