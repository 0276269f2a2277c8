//! What a server shows, put into its signed metadata by its author, so that nobody has to
//! start it to pin that.

use std::fs;
use std::path::Path;

use mcpkg_core::json;
use mcpkg_core::server_json::{EXTENSION, PUBLISHER_META, ServerJson};
use mcpkg_core::surface::Surface;
use mcpkg_core::{Code, Coded as _};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// The longest file that is read, in bytes: far more than fits the metadata.
const MAX_LEN: usize = 1 << 20;

/// Adds the surface in the file at `path`, which `mcpkg inspect --json` wrote, in place of
/// the one that `server_json` may have.
pub(super) fn add(server_json: &ServerJson, path: &Path) -> Result<ServerJson> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Failed {
        context: format!("`{}` holds no surface", path.display()),
        code: Code::Metadata,
        hint: Some("`mcpkg inspect <name> --json` writes one"),
        source,
    };
    let document = json::parse(&bytes, MAX_LEN).map_err(|error| refused(error.into()))?;
    let surface = document.get("surface").unwrap_or(&document);
    let surface: Vec<Surface> = json::from_value(surface).map_err(|error| refused(error.into()))?;

    let mut value = server_json.value().clone();
    let fields = entry(&mut value, "_meta").and_then(|meta| entry(meta, PUBLISHER_META));
    if let Some(Value::Object(extension)) = fields.and_then(|meta| entry(meta, EXTENSION)) {
        let surface = serde_json::to_value(&surface).map_err(Error::Json)?;
        extension.insert("surface".to_owned(), surface);
    }
    ServerJson::read_strict(&json::canonical(&value)).map_err(|error| Error::Failed {
        context: format!("`{}` does not go into server.json", path.display()),
        code: error.code(),
        hint: Some("leave it out: whoever installs the server pins it with `mcpkg inspect`"),
        source: Box::new(error),
    })
}

/// The object at `key`, made if it is not there.
fn entry<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let fields: &mut Map<String, Value> = value.as_object_mut()?;
    Some(fields.entry(key).or_insert_with(|| json!({})))
}
