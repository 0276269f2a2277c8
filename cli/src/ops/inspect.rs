//! What a server shows: it is started, asked, and ended.
//!
//! It is asked in both generations of the protocol, each time as a new process: with
//! `initialize`, and with `server/discover`, which came with 2026-07-28. It gets no
//! secret, and nothing of the user's environment that it was granted, which may be one. Where
//! it wants one, it gets a word in its place: a server lists its tools before it uses them. But a server elsewhere gets its own, see `start_elsewhere`.

mod conversation;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpkg_core::elsewhere::Pinned;
use mcpkg_core::guard::shadowed;
use mcpkg_core::lock::{ConfigText, LockedServer};
use mcpkg_core::permissions::EnvName;
use mcpkg_core::surface::{Item, Kind, Surface, hidden_in};
use serde_json::{Value, json};

use self::conversation::Conversation;
use crate::egress::Report;
use crate::error::{Error, Result};
use crate::ops::launch::workspace::Workspace;
use crate::ops::launch::{self, elsewhere};
use crate::places::Places;
use crate::sandbox::{self, Confined, SandboxError};
use crate::store::Store;

/// How long a server has for all of it: starting may compile or load much.
const PATIENCE: Duration = Duration::from_secs(30);

/// The newest version with `initialize`, and the first without.
const VERSIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// What a server gets in place of a secret.
const NO_SECRET: &str = "none";

/// The most pages of a list that are read.
const MAX_PAGES: usize = 100;

/// What a server shows, as it may be pinned and as people read it.
#[derive(Debug, Default)]
pub struct Inspected {
    /// What may be pinned.
    pub surface: Vec<Surface>,
    /// The instructions.
    pub instructions: Option<String>,
    /// Every item that may be pinned, with its description.
    pub items: BTreeMap<(Kind, String), String>,
    /// What may not be pinned, or should be looked at.
    pub warnings: Vec<String>,
}

/// Starts the server and reads what it shows. `others` are the tools of other servers,
/// see [`mcpkg_core::guard::others_tools`].
///
/// # Errors
///
/// If it does not start, or speaks no generation of the protocol.
pub fn inspect(
    server: &LockedServer,
    others: &BTreeMap<String, String>,
    places: &Places,
    workspace: &Workspace,
) -> Result<Inspected> {
    let deadline = Instant::now() + PATIENCE;
    let mut inspected = Inspected::default();
    let mut readings = Vec::new();
    let mut failure = None;
    for version in VERSIONS {
        let mut started = start(server, places, workspace)?;
        let outcome = Reader { server, others, inspected: &mut inspected }.read(
            version,
            &mut started,
            deadline,
        );
        match outcome {
            Ok(reading) => readings.push(reading),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) if readings.is_empty() => Err(error),
        _ => {
            inspected.surface = Surface::merge(readings);
            Ok(inspected)
        }
    }
}

/// A server that was started to be asked, ended when this is dropped.
struct Started {
    _confined: Option<Confined>,
    _elsewhere: Option<elsewhere::Started>,
    conversation: Conversation,
}

fn start(server: &LockedServer, places: &Places, workspace: &Workspace) -> Result<Started> {
    if server.elsewhere.is_some() {
        return start_elsewhere(server, places, workspace);
    }
    let harmless = without_secrets(server);
    let mut plan = launch::plan(&harmless, &Store::new(places), places, workspace)?;
    for name in server.granted.env.allow.iter().map(EnvName::as_str) {
        if std::env::var_os(name).is_some() {
            plan.environment.entry(name.to_owned()).or_insert_with(|| NO_SECRET.to_owned());
        }
    }
    let failed = || format!("{} was not started", server.name);
    // What it cannot connect to while nobody uses it is nobody's concern.
    let report: Report = Arc::new(|_| ());
    let mut confined =
        sandbox::spawn(&plan, launch::wanted(server), report).map_err(Error::wrap(failed()))?;
    match (confined.take_stdin(), confined.take_stdout()) {
        (Some(input), Some(output)) => {
            let conversation = Conversation::new(input, output);
            Ok(Started { _confined: Some(confined), _elsewhere: None, conversation })
        }
        _ => Err(no_streams(server)),
    }
}

/// Starts or connects to a server that has no artifact. An image gets no secret either. A
/// remote server does: it is whom the secret is for, and says nothing without.
fn start_elsewhere(
    server: &LockedServer,
    places: &Places,
    workspace: &Workspace,
) -> Result<Started> {
    let harmless = match &server.elsewhere {
        Some(Pinned::Image(_)) => Cow::Owned(without_secrets(server)),
        _ => Cow::Borrowed(server),
    };
    // What goes wrong is said in the answer.
    let mut started = elsewhere::start(&harmless, places, workspace, Arc::new(|_| ()))?;
    let (input, output) = started.streams().ok_or_else(|| no_streams(server))?;
    let conversation = Conversation::new(input, output);
    Ok(Started { _confined: None, _elsewhere: Some(started), conversation })
}

/// The same server, with a word in the place of each secret, and no variable of the user's.
fn without_secrets(server: &LockedServer) -> LockedServer {
    let mut harmless = server.clone();
    harmless.granted.env.allow.clear();
    for key in std::mem::take(&mut harmless.secrets).into_keys() {
        harmless.config.insert(key, ConfigText::One(NO_SECRET.to_owned()));
    }
    harmless
}

fn no_streams(server: &LockedServer) -> Error {
    Error::wrap(format!("{} was not started", server.name))(SandboxError::Program {
        reason: "it has no streams".to_owned(),
    })
}

struct Reader<'a> {
    server: &'a LockedServer,
    others: &'a BTreeMap<String, String>,
    inspected: &'a mut Inspected,
}

impl Reader<'_> {
    fn read(&mut self, version: &str, started: &mut Started, deadline: Instant) -> Result<Surface> {
        let conversation = &mut started.conversation;
        let (first, meta) = if version == VERSIONS[0] {
            let params = json!({
                "protocolVersion": version,
                "capabilities": {},
                "clientInfo": { "name": "mcpkg", "version": env!("CARGO_PKG_VERSION") },
            });
            let result = conversation.ask("initialize", &params, deadline)?;
            conversation.notify("notifications/initialized")?;
            (result, None)
        } else {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            let params = json!({ "_meta": meta });
            (conversation.ask("server/discover", &params, deadline)?, Some(meta))
        };
        let agreed = first.get("protocolVersion").and_then(Value::as_str).unwrap_or(version);
        let mut surface = Surface::under(agreed);
        let instructions = first.get("instructions").and_then(Value::as_str);
        surface.set_instructions(instructions);
        if let Some(text) = instructions.filter(|text| !text.is_empty()) {
            self.warn_of_hidden("its instructions", text);
            self.inspected.instructions = Some(text.to_owned());
        }
        for kind in Kind::ALL {
            let capability = match kind {
                Kind::Tool => "tools",
                Kind::Prompt => "prompts",
                Kind::Resource | Kind::Template => "resources",
            };
            if first.pointer(&format!("/capabilities/{capability}")).is_none() {
                continue;
            }
            let mut cursor = None;
            for _ in 0..MAX_PAGES {
                let mut params = json!({});
                if let Some(meta) = &meta {
                    params["_meta"] = meta.clone();
                }
                if let Some(cursor) = cursor {
                    params["cursor"] = cursor;
                }
                let page = match conversation.ask(kind.method(), &params, deadline) {
                    // Templates came later than resources, and share their capability.
                    Err(_) if kind == Kind::Template => break,
                    other => other?,
                };
                for item in
                    page.get(kind.list_key()).and_then(Value::as_array).into_iter().flatten()
                {
                    self.add(&mut surface, kind, item)?;
                }
                cursor = page.get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(surface)
    }

    fn add(&mut self, surface: &mut Surface, kind: Kind, value: &Value) -> Result<()> {
        let (name, item) = match Item::read(kind, value) {
            Ok(read) => read,
            Err(error) => {
                self.warn(format!(
                    "a {} is not pinned, and will be withheld: {error}",
                    kind.word()
                ));
                return Ok(());
            }
        };
        if kind == Kind::Tool
            && !self.server.tools.names(&name)
            && let Some(other) = shadowed(self.others, &name)
        {
            self.warn(format!(
                "the tool `{name}` is not pinned, and will be withheld: {other} has one of that \
                 name; `mcpkg tools {} --allow {name}` allows both",
                self.server.name
            ));
            return Ok(());
        }
        let description = value.get("description").and_then(Value::as_str).unwrap_or_default();
        self.warn_of_hidden(
            &format!("the description of the {} `{name}`", kind.word()),
            description,
        );
        self.inspected.items.insert((kind, name.clone()), description.to_owned());
        let context = format!("what {} shows cannot be pinned", self.server.name);
        surface.add(kind, name, item).map_err(Error::wrap(context))
    }

    fn warn_of_hidden(&mut self, what: &str, text: &str) {
        if let Some(hidden) = hidden_in(text) {
            self.warn(format!("{what} hides the character U+{:04X}", u32::from(hidden)));
        }
    }

    fn warn(&mut self, warning: String) {
        if !self.inspected.warnings.contains(&warning) {
            self.inspected.warnings.push(warning);
        }
    }
}
