//! The server in a package: what starts it, and the manifest that says so.

use mcpkg_core::manifest::{EXTENSION, Manifest};
use mcpkg_core::{Platform, Version};
use serde_json::{Value, json};

use crate::closure::Closure;
use crate::error::{Result, UpstreamError};
use crate::tree::Tree;

/// What a package says about the server in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// What it does, in its author's words.
    pub(crate) description: String,
    /// Who wrote it, by their own account.
    pub(crate) author: String,
    /// Its licence, likewise.
    pub(crate) license: Option<String>,
    /// MCPB's word for what it is written in.
    pub(crate) kind: &'static str,
    /// The program to start, and on Windows.
    pub(crate) command: (&'static str, &'static str),
    /// The options before the entry point.
    pub(crate) options: &'static [&'static str],
    /// The file to start.
    pub(crate) entry_point: String,
    /// Variables to set.
    pub(crate) env: Value,
    /// Which versions of the runtime it is for, as MCPB writes it.
    pub(crate) runtime: Option<String>,
}

impl Server {
    /// The manifest, checked as if a stranger had written it: half of it is a stranger's.
    pub(crate) fn manifest(
        &self,
        short_name: &str,
        version: &Version,
        closure: &Closure,
        tree: &Tree,
    ) -> Result<(Manifest, Vec<u8>)> {
        let mut args: Vec<String> = self.options.iter().map(|&it| it.to_owned()).collect();
        args.push(format!("${{__dirname}}/{}", self.entry_point));
        // A server's own arguments: nothing upstream says which it takes.
        args.push("${user_config.arguments}".to_owned());
        let mut manifest = json!({
            "manifest_version": "0.3",
            "name": short_name,
            "version": version,
            "description": self.description,
            "author": { "name": self.author },
            "server": {
                "type": self.kind,
                "entry_point": self.entry_point,
                "mcp_config": {
                    "command": self.command.0,
                    "args": args,
                    "env": self.env,
                    "platform_overrides": { "win32": { "command": self.command.1 } },
                },
            },
            "user_config": {
                "arguments": {
                    "type": "string",
                    "title": "Arguments",
                    "description": "What follows the server's name on a command line",
                    "multiple": true,
                    "required": false,
                },
            },
        });
        if let Some(fields) = manifest.as_object_mut() {
            if let Some(license) = &self.license {
                fields.insert("license".to_owned(), json!(license));
            }
            let runtime = closure.runtime.as_ref().or(self.runtime.as_ref());
            if let Some(runtime) = runtime {
                fields.insert(
                    "compatibility".to_owned(),
                    json!({ "runtimes": { self.kind: runtime } }),
                );
            }
            if closure.platform != Platform::Any {
                let extension = json!({ EXTENSION: { "platform": closure.platform } });
                fields.insert("_meta".to_owned(), extension);
            }
        }
        let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        text.push(b'\n');
        let release = &closure.root().release;
        let refused =
            |source| UpstreamError::Manifest { release: release.clone(), source: Box::new(source) };
        let manifest = Manifest::read(&text).map_err(refused)?;
        manifest.check_against_paths(tree.paths()).map_err(refused)?;
        Ok((manifest, text))
    }
}

/// A stranger's text on one line that hides nothing, at most `max` characters of it.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() || c.is_alphanumeric();
    let text: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    words.join(" ").chars().take(max).collect()
}
