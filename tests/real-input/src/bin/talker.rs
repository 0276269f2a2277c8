//! A server that answers at once, with as much as it is asked for: what is measured of
//! the guard should be the guard.

use std::io::{self, BufRead as _, Write as _};

use serde_json::{Value, json};

/// How much is written at once: what a pipe of Linux holds.
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let (id, params) = (&request["id"], &request["params"]);
        match request["method"].as_str() {
            Some("initialize") => {
                let result = json!({
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "talker", "version": "1.0.0" },
                });
                let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
                output.write_all(format!("{answer}\n").as_bytes())?;
            }
            Some("tools/call") => {
                let bytes = params["arguments"]["bytes"].as_u64().unwrap_or(0);
                answer(&mut output, id, kind(&params["arguments"]["kind"]), bytes)?;
            }
            _ => continue,
        }
        output.flush()?;
    }
    Ok(())
}

/// What an answer repeats.
fn kind(name: &Value) -> &'static str {
    match name.as_str() {
        Some("escapes") => r#""line one\n\tline \"two\"\u0041\n","#,
        Some("script") => "\"天気予報は晴れ、明日は雪が降るでしょう\",",
        Some("tokens") => r#"{"id":12345,"is":true,"at":[1.5,-2e10,null]},"#,
        _ => "\"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod\",",
    }
}

fn answer(output: &mut impl io::Write, id: &Value, part: &str, bytes: u64) -> io::Result<()> {
    let parts = part.repeat(CHUNK_BYTES / part.len());
    let mut line = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"structuredContent":["#);
    let mut written = 0;
    while written < bytes {
        line.push_str(&parts);
        written += parts.len() as u64;
        output.write_all(line.as_bytes())?;
        line.clear();
    }
    line.push_str("0]}}\n");
    output.write_all(line.as_bytes())
}
