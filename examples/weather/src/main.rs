//! A small MCP server to publish: the weather of a few cities, from a table.
//!
//! It asks for nothing (no files, no network, no secrets), so it shows what a
//! package of least privilege looks like. `package/` beside this source holds
//! its `manifest.json` and `server.json`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, ServiceExt as _, schemars, tool, tool_handler, tool_router};

/// What the tool is asked.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct ForecastRequest {
    /// The city, by its English name.
    city: String,
}

/// The server. It has no state: every answer is in the table.
#[derive(Clone, Debug)]
struct Weather;

#[tool_router]
impl Weather {
    #[tool(description = "Tomorrow's weather in a city")]
    fn forecast(Parameters(request): Parameters<ForecastRequest>) -> String {
        const TABLE: [(&str, &str); 4] = [
            ("berlin", "12 °C, rain in the afternoon"),
            ("lisbon", "19 °C, sunny"),
            ("oslo", "-3 °C, snow"),
            ("tokyo", "14 °C, clear"),
        ];
        let city = request.city.to_lowercase();
        TABLE
            .iter()
            .find(|(name, _)| *name == city)
            .map_or_else(|| "no forecast for that city".to_owned(), |(_, text)| (*text).to_owned())
    }
}

#[tool_handler]
impl ServerHandler for Weather {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_instructions("Knows tomorrow's weather in Berlin, Lisbon, Oslo and Tokyo.")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Weather.serve(rmcp::transport::stdio()).await?;
    server.waiting().await?;
    Ok(())
}
