//! An agent: reads its settings, starts the server they name, calls a tool.

use std::path::Path;

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::story::Result;

/// What came of it.
pub(crate) struct Answer {
    /// The tools that the server offers.
    pub(crate) tools: Vec<String>,
    /// What the tool said.
    pub(crate) forecast: String,
}

/// Starts `weather` as the settings at `settings` say, with nothing but a home
/// in the environment, and asks it for a forecast.
pub(crate) fn ask(settings: &Path, home: &Path) -> Result<Answer> {
    let settings: Value = serde_json::from_slice(&std::fs::read(settings)?)?;
    let entry = &settings["mcpServers"]["weather"];
    let program = entry["command"].as_str().ok_or("the settings name no command")?;
    let args: Vec<&str> =
        entry["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", home).current_dir(home);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = ().serve(TokioChildProcess::new(command)?).await?;
        let tools = client.list_all_tools().await?;
        let arguments = json!({ "city": "Lisbon" });
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let call = CallToolRequestParams::new("forecast").with_arguments(arguments);
        let result = serde_json::to_value(client.call_tool(call).await?)?;
        client.cancel().await?;
        let text = result["content"][0]["text"].as_str().ok_or("the tool said nothing")?;
        Ok(Answer {
            tools: tools.iter().map(|tool| tool.name.to_string()).collect(),
            forecast: text.to_owned(),
        })
    })
}
