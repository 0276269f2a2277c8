//! MCP clients that are not ours, which start what the settings say.

use std::path::{Path, PathBuf};
use std::process::Command;

use ::rmcp::ServiceExt as _;
use ::rmcp::model::CallToolRequestParams;
use ::rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};

use crate::{Result, program, say};

/// A tool that the server has, and that a client has to see.
const TOOL: &str = "read_text_file";

/// The MCP inspector, at the version that this was written against.
const INSPECTOR: &str = "@modelcontextprotocol/inspector@2.12.0";

/// Claude Code, at the version that this was written against.
const CLAUDE_CODE: &str = "@anthropic-ai/claude-code@2.1.197";

/// The command that the settings name, in the environment of an agent.
fn entry(settings: &Path) -> Result<(String, Vec<String>)> {
    let settings: Value = serde_json::from_slice(&std::fs::read(settings)?)?;
    let entry = &settings["mcpServers"][crate::package::SHORT_NAME];
    let command = entry["command"].as_str().ok_or("the settings name no command")?.to_owned();
    let args = entry["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok((command, args.map(str::to_owned).collect()))
}

/// rmcp's client lists the tools and reads a file in the allowed folder.
pub(crate) fn rmcp(settings: &Path, home: &Path, shared: &str) -> Result<()> {
    let (program, args) = entry(settings)?;
    let mut command = tokio::process::Command::new(program);
    command.args(args).env_clear().env("HOME", home).env("PATH", std::env::var("PATH")?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = ().serve(TokioChildProcess::new(command)?).await?;
        let tools = client.list_all_tools().await?;
        if !tools.iter().any(|tool| tool.name == TOOL) {
            return Err(format!("rmcp sees no tool `{TOOL}` among {}", tools.len()).into());
        }
        let arguments = json!({ "path": format!("{shared}/hello.txt") });
        let call = CallToolRequestParams::new(TOOL)
            .with_arguments(arguments.as_object().cloned().unwrap_or_default());
        let result = serde_json::to_value(client.call_tool(call).await?)?;
        client.cancel().await?;
        if result["content"][0]["text"].as_str().map(str::trim) != Some("hello") {
            return Err(format!("the tool answered {result}").into());
        }
        say(&format!("rmcp: {} tools, and one of them read a file", tools.len()));
        Ok(())
    })
}

/// The MCP inspector, from npm, lists the tools.
pub(crate) fn inspector(settings: &Path, home: &Path) -> Result<()> {
    let Some(folder) = from_npm(INSPECTOR, home.join("inspector"))? else { return Ok(()) };
    let mut inspect = Command::new(folder.join("node_modules/.bin/mcp-inspector"));
    inspect.args(["--cli", "--config"]).arg(settings);
    inspect.args(["--server", crate::package::SHORT_NAME, "--method", "tools/list"]);
    inspect.env_clear().env("HOME", home).env("PATH", std::env::var("PATH")?);
    let answer: Value = serde_json::from_slice(&program(&mut inspect)?)?;
    let tools = answer["tools"].as_array().ok_or("the inspector lists no tools")?;
    if !tools.iter().any(|tool| tool["name"] == TOOL) {
        return Err(format!("the inspector sees no tool `{TOOL}`").into());
    }
    say(&format!("MCP inspector: {} tools", tools.len()));
    Ok(())
}

/// Claude Code, from npm, reads the settings that were written, starts the
/// server through `mcpkg run`, and says that it is connected. It needs no login
/// for that. It writes to its settings whenever it runs, so `home` is where it
/// believes to be at home.
pub(crate) fn claude_code(home: &Path) -> Result<()> {
    let Some(folder) = from_npm(CLAUDE_CODE, home.join("claude"))? else { return Ok(()) };
    // The package's own script would only put the program for this machine, a
    // package of its own, in the place of a placeholder. No script is run here.
    let packages = folder.join("node_modules/@anthropic-ai");
    let program_of = |entry: std::io::Result<std::fs::DirEntry>| {
        Some(entry.ok()?.path().join("claude")).filter(|path| path.is_file())
    };
    let Some(claude) = std::fs::read_dir(packages)?.find_map(program_of) else {
        say("skipped: npm has no Claude Code for this machine");
        return Ok(());
    };
    let mut list = Command::new(claude);
    list.args(["mcp", "list"]).current_dir(home);
    list.env_clear().env("HOME", home).env("PATH", std::env::var("PATH")?);
    list.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("DISABLE_AUTOUPDATER", "1");
    let answer = String::from_utf8(program(&mut list)?)?;
    let line = answer.lines().find(|line| line.contains(crate::package::NAME));
    if !line.is_some_and(|line| line.contains("Connected")) {
        return Err(format!("Claude Code is not connected: {answer}").into());
    }
    say("Claude Code: connected through `mcpkg run`");
    Ok(())
}

/// Installs a package into a folder of its own, or says why it cannot.
fn from_npm(package: &str, folder: PathBuf) -> Result<Option<PathBuf>> {
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let mut npm = Command::new("npm");
    npm.arg("install").args(flags).arg(package).current_dir(&folder);
    match program(&mut npm) {
        Ok(_) => Ok(Some(folder)),
        Err(error) => {
            say(&format!("skipped: {package} cannot be had from npm: {error}"));
            Ok(None)
        }
    }
}
