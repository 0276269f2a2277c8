//! Rows as the MCP registry's API writes them.
//!
//! The parts are JSON already, so they are put together as text: to parse a hundred
//! documents and write them again would take longer than all else in a request.

use std::fmt::Write as _;

use mcpkg_core::Digest;
use mcpkg_core::official::{EVIDENCE_META, ListedStatus, REGISTRY_META};
use mcpkg_core::server_json::SCHEMA;
use serde_json::json;

use super::shelves::Found;
use crate::cache::Document;
use crate::conditional::entity_tag;
use crate::error::ApiError;
use crate::mirror::SourceName;
use crate::store::{OWN_ADDRESS, ServerRow};

/// What an entry takes beside its document, roughly, in bytes.
const META_LEN: usize = 512;

/// What is said of a release that was listed, and is not given out any more. Why not is for
/// those who read its index in `/v1`.
const WITHDRAWN: &str = "this registry does not give it out any more";

/// A list of entries, and the cursor of what comes after.
pub(super) fn page(
    rows: &[Found<'_>],
    own_address: &str,
    next: Option<&str>,
) -> Result<Document, ApiError> {
    let len: usize = rows.iter().map(|it| it.row.document.len() + META_LEN).sum();
    let mut text = String::with_capacity(len + META_LEN);
    text.push_str("{\"servers\":[");
    for (index, found) in rows.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        push(&mut text, &found.row, own_address, found.source())?;
    }
    // Writing to a string does not fail, here and below.
    let _ = write!(text, "],\"metadata\":{{\"count\":{}", rows.len());
    if let Some(next) = next {
        let _ = write!(text, ",\"nextCursor\":\"{next}\"");
    }
    text.push_str("}}");
    Ok(document(text))
}

/// One entry.
pub(super) fn one(found: &Found<'_>, own_address: &str) -> Result<Document, ApiError> {
    let mut text = String::with_capacity(found.row.document.len() + META_LEN);
    push(&mut text, &found.row, own_address, found.source())?;
    Ok(document(text))
}

/// One entry of what is published here, as text.
pub(crate) fn row(row: &ServerRow, own_address: &str) -> Result<String, ApiError> {
    let mut text = String::with_capacity(row.document.len() + META_LEN);
    push(&mut text, row, own_address, None)?;
    Ok(text)
}

/// Writes an entry. What is from a source is had from below its address here, and says so.
fn push(
    text: &mut String,
    row: &ServerRow,
    own_address: &str,
    source: Option<&SourceName>,
) -> Result<(), ApiError> {
    text.push_str("{\"server\":");
    match &row.withdrawn_at {
        Some(_) => text.push_str(&tombstone(row)),
        None => push_document(text, &row.document, own_address, source),
    }
    push_status(text, row)?;
    let _ = write!(text, ",\"{EVIDENCE_META}\":");
    match (source, row.evidence.strip_suffix('}')) {
        (Some(source), Some(evidence)) => {
            let _ = write!(text, "{evidence},\"source\":\"{source}\"}}");
        }
        _ => text.push_str(&row.evidence),
    }
    text.push_str("}}");
    Ok(())
}

fn push_document(
    text: &mut String,
    document: &str,
    own_address: &str,
    source: Option<&SourceName>,
) {
    let mut parts = document.split(OWN_ADDRESS);
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(own_address);
        if let Some(source) = source {
            let _ = write!(text, "/source/{source}");
        }
        text.push_str(part);
    }
}

/// What stands for the document of a release that is withdrawn: enough for the schema, and
/// nothing of what is not given out.
fn tombstone(row: &ServerRow) -> String {
    json!({
        "$schema": SCHEMA,
        "name": row.name,
        "description": WITHDRAWN,
        "version": row.version,
    })
    .to_string()
}

/// Begins `_meta`, with what is known of the entry here. One that is withdrawn is deleted,
/// whatever its publisher says of it.
fn push_status(text: &mut String, row: &ServerRow) -> Result<(), ApiError> {
    let (status, changed_at, message) = match &row.withdrawn_at {
        Some(withdrawn_at) => {
            (ListedStatus::Deleted.as_str(), withdrawn_at.as_str(), Some(WITHDRAWN))
        }
        None => {
            (row.status.as_str(), row.status_changed_at.as_str(), row.status_message.as_deref())
        }
    };
    let ServerRow { published_at, updated_at, is_latest, .. } = row;
    let _ = write!(
        text,
        ",\"_meta\":{{\"{REGISTRY_META}\":{{\"status\":\"{status}\",\
         \"statusChangedAt\":\"{changed_at}\",\"publishedAt\":\"{published_at}\",\
         \"updatedAt\":\"{updated_at}\",\"isLatest\":{is_latest}"
    );
    if let Some(message) = message {
        text.push_str(",\"statusMessage\":");
        text.push_str(&serde_json::to_string(message).map_err(|_| ApiError::Panic)?);
    }
    text.push('}');
    Ok(())
}

/// A document that is this text.
pub(super) fn document(text: String) -> Document {
    let tag = entity_tag(Digest::of(text.as_bytes()));
    Document { body: text.into(), tag, size: 0, snapshot: None, expires: None, listing: None }
}
