//! What a company puts before its agents: files that an agent reads and its user cannot
//! change.
//!
//! | file | whose | what it says |
//! |---|---|---|
//! | `managed-mcp.json` | Claude Code | these servers, and no others |
//! | `managed-settings.json` | Claude Code, Copilot | which servers a user may add |
//! | `policy.json` | VS Code | where its gallery is, and that servers come from there alone |
//!
//! An allowed server is named by its whole command line: a name alone is whatever
//! somebody calls their own.
//!
//! Sources: Claude Code's pages on managed MCP configuration, GitHub's on
//! `managed-settings.json`, VS Code's on enterprise policies, read in November 2026.

use serde_json::{Map, Value, json};
use url::Url;

use crate::agents::Launch;

/// A server as agents know it: its name there, and how it is started.
pub type NamedLaunch = (String, Launch);

/// `managed-mcp.json`: these servers, and no others.
pub fn servers(launches: &[NamedLaunch]) -> Value {
    let servers: Map<String, Value> = launches
        .iter()
        .map(|(name, launch)| {
            let entry = json!({ "type": "stdio", "command": launch.command, "args": launch.args });
            (name.clone(), entry)
        })
        .collect();
    json!({ "mcpServers": servers })
}

/// `managed-settings.json`: these command lines are allowed, and nothing else is; what
/// is called as in `denied` is not, however it is started.
pub fn settings(launches: &[NamedLaunch], denied: &[String]) -> Value {
    let allowed: Vec<Value> = launches
        .iter()
        .map(|(_, launch)| {
            let words: Vec<&String> =
                std::iter::once(&launch.command).chain(&launch.args).collect();
            json!({ "serverCommand": words })
        })
        .collect();
    let denied: Vec<Value> = denied.iter().map(|name| json!({ "serverName": name })).collect();
    json!({
        "allowManagedMcpServersOnly": true,
        "allowedMcpServers": allowed,
        "deniedMcpServers": denied,
    })
}

/// `policy.json`: the gallery is at `registry`, and servers come from there alone. The
/// keys are the policies behind `chat.mcp.gallery.serviceUrl` and `chat.mcp.access`.
pub fn gallery(registry: &Url) -> Value {
    json!({
        "McpGalleryServiceUrl": registry.as_str().trim_end_matches('/'),
        "ChatMCP": "registry",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launches() -> Vec<NamedLaunch> {
        ["weather", "news"]
            .map(|name| {
                let args = vec!["run".to_owned(), format!("io.github.acme/{name}")];
                (name.to_owned(), Launch { command: "/usr/bin/mcpkg".to_owned(), args })
            })
            .into()
    }

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    #[test]
    fn claude_code_gets_the_servers_that_are_approved_and_no_others() {
        insta::assert_snapshot!(pretty(&servers(&launches()[..1])), @r#"
        {
          "mcpServers": {
            "weather": {
              "type": "stdio",
              "command": "/usr/bin/mcpkg",
              "args": [
                "run",
                "io.github.acme/weather"
              ]
            }
          }
        }
        "#);
        assert_eq!(servers(&[]), json!({ "mcpServers": {} }), "none at all");
    }

    #[test]
    fn an_allowed_server_is_named_by_its_whole_command_line() {
        let settings_of_one = settings(&launches()[1..], &["postmark".to_owned()]);
        insta::assert_snapshot!(pretty(&settings_of_one), @r#"
        {
          "allowManagedMcpServersOnly": true,
          "allowedMcpServers": [
            {
              "serverCommand": [
                "/usr/bin/mcpkg",
                "run",
                "io.github.acme/news"
              ]
            }
          ],
          "deniedMcpServers": [
            {
              "serverName": "postmark"
            }
          ]
        }
        "#);
        assert_eq!(settings(&[], &[])["allowedMcpServers"], json!([]), "nothing is allowed");
    }

    #[test]
    fn vs_code_gets_its_gallery_and_no_other_servers() {
        let registry = "https://mcp.acme.example/".parse().unwrap();
        insta::assert_snapshot!(pretty(&gallery(&registry)), @r#"
        {
          "McpGalleryServiceUrl": "https://mcp.acme.example",
          "ChatMCP": "registry"
        }
        "#);
    }
}
