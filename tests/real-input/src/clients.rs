//! MCP clients that are not ours, which start what the settings say.

use std::path::Path;
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
    let folder = home.join("inspector");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let mut npm = Command::new("npm");
    npm.arg("install").args(flags).arg(INSPECTOR).current_dir(&folder);
    if let Err(error) = program(&mut npm) {
        say(&format!("skipped: the MCP inspector cannot be had from npm: {error}"));
        return Ok(());
    }
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
