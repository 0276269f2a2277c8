//! What somebody says of an advisory: whether it matters for a release (`OpenVEX`).
//!
//! ```json
//! {
//!   "@context": "https://openvex.dev/ns/v0.2.0",
//!   "@id": "https://acme.example/vex/2026-1",
//!   "author": "security@acme.example",
//!   "timestamp": "2026-11-01T00:00:00Z",
//!   "version": 1,
//!   "statements": [{
//!     "vulnerability": { "name": "GHSA-1234-5678-9abc" },
//!     "products": [{ "@id": "pkg:mcpkg/io.github.acme/weather@1.2.0" }],
//!     "status": "not_affected",
//!     "justification": "vulnerable_code_not_in_execute_path"
//!   }]
//! }
//! ```
//!
//! Such a document takes an advisory away, so what it says counts only from somebody
//! who may say it; who that is, is not decided here. What it says is read strictly:
//! a product or a status that we do not understand excuses nothing.
//!
//! Source: [OpenVEX 0.2.0](https://github.com/openvex/spec).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::advisory::ECOSYSTEM;
use crate::json::{self, JsonError};
use crate::text::first_hidden;
use crate::{Code, Coded, PackageName, Version};

/// The context of every document of this version; it is also the predicate type of
/// one that is signed.
pub const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

/// The longest document that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most statements that one document may make.
pub const MAX_STATEMENTS: usize = 1024;

/// The longest name, product and sentence that are kept, in characters.
const MAX_CHARS: usize = 300;

/// A document of statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is called, as an address.
    pub id: String,
    /// When it was made.
    pub timestamp: Timestamp,
    /// What it states.
    pub statements: Vec<Statement>,
}

/// What a document states of one advisory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the advisory is called: its name, and its aliases.
    pub names: Vec<String>,
    /// The products that it is about, as package URLs.
    products: Vec<String>,
    /// Whether they are affected.
    pub status: VexStatus,
    /// Why they are not, where they are not: a word of the specification, or a sentence.
    pub justification: Option<String>,
}

/// Whether a product is affected by an advisory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// It is not.
    NotAffected,
    /// It is.
    Affected,
    /// It no longer is.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// Why bytes are no document.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// They are too many.
    #[error("the VEX document is {0} bytes long, expected at most {MAX_BYTES}")]
    Length(usize),
    /// They are no JSON that everybody reads alike.
    #[error("the VEX document is not strict JSON")]
    Json(#[source] JsonError),
    /// They are JSON, and no document.
    #[error("the VEX document is not as OpenVEX has them")]
    Malformed(#[source] serde_json::Error),
    /// It is of another version of the specification.
    #[error("the VEX document has the context `{}`, expected `{CONTEXT}`", .0.escape_debug())]
    Context(String),
    /// A statement says less than it has to, or contradicts itself.
    #[error("statement {at} of the VEX document {problem}")]
    Statement {
        /// Which one, from 0.
        at: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
struct WireDocument {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@id")]
    id: String,
    timestamp: Timestamp,
    statements: Vec<WireStatement>,
}

#[derive(Deserialize)]
struct WireStatement {
    vulnerability: WireVulnerability,
    #[serde(default)]
    products: Vec<WireProduct>,
    status: VexStatus,
    justification: Option<String>,
    impact_statement: Option<String>,
}

#[derive(Deserialize)]
struct WireVulnerability {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct WireProduct {
    #[serde(rename = "@id")]
    id: Option<String>,
    identifiers: Option<WireIdentifiers>,
}

#[derive(Deserialize)]
struct WireIdentifiers {
    purl: Option<String>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If it is too long, no strict JSON, of another version, or if a statement in it
    /// names no advisory, no product, or says that a product is not affected without
    /// saying why.
    pub fn parse(bytes: &[u8]) -> Result<Self, VexError> {
        if bytes.len() > MAX_BYTES {
            return Err(VexError::Length(bytes.len()));
        }
        Self::from_value(&json::parse(bytes, MAX_BYTES).map_err(VexError::Json)?)
    }

    /// The same, of JSON that was read already, strictly.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn from_value(value: &Value) -> Result<Self, VexError> {
        let wire = WireDocument::deserialize(value).map_err(VexError::Malformed)?;
        if wire.context != CONTEXT {
            return Err(VexError::Context(short(&wire.context)));
        }
        if wire.statements.len() > MAX_STATEMENTS {
            let problem = "is one more than a document may have";
            return Err(VexError::Statement { at: MAX_STATEMENTS, problem });
        }
        let read = |(at, statement): (usize, WireStatement)| {
            Statement::read(statement).map_err(|problem| VexError::Statement { at, problem })
        };
        let statements = wire.statements.into_iter().enumerate().map(read);
        Ok(Self {
            id: short(&wire.id),
            timestamp: wire.timestamp,
            statements: statements.collect::<Result<_, _>>()?,
        })
    }

    /// What it says of the advisory `advisory` for a release: the last statement that
    /// is about both.
    pub fn says(
        &self,
        name: &PackageName,
        version: &Version,
        advisory: &str,
    ) -> Option<&Statement> {
        self.statements.iter().rfind(|it| it.is_about(advisory) && it.covers(name, version))
    }
}

impl Statement {
    fn read(wire: WireStatement) -> Result<Self, &'static str> {
        let WireVulnerability { name, aliases } = wire.vulnerability;
        let names: Vec<String> = std::iter::once(name).chain(aliases).collect();
        let is_name = |text: &String| {
            !text.is_empty() && text.len() <= MAX_CHARS && first_hidden(text).is_none()
        };
        if !names.iter().all(is_name) {
            return Err("names no advisory");
        }
        // Both may be given, and both count: they name the same product.
        let purls = wire.products.into_iter().flat_map(|product| {
            let purl = product.identifiers.and_then(|identifiers| identifiers.purl);
            purl.into_iter().chain(product.id)
        });
        let products: Vec<String> = purls.filter(|id| id.len() <= MAX_CHARS).collect();
        if products.is_empty() {
            return Err("is about no product");
        }
        let justification = wire.justification.or(wire.impact_statement);
        let justification = justification.map(|text| short(&text)).filter(|it| !it.is_empty());
        if wire.status == VexStatus::NotAffected && justification.is_none() {
            return Err("says `not_affected` and not why");
        }
        Ok(Self { names, products, status: wire.status, justification })
    }

    /// Whether it is about this advisory.
    pub fn is_about(&self, advisory: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(advisory))
    }

    /// Whether it is about this release: one of the products is it, or the package in
    /// every version.
    pub fn covers(&self, name: &PackageName, version: &Version) -> bool {
        let package = format!("pkg:{ECOSYSTEM}/{name}");
        let is_it = |purl: &String| {
            // Without qualifiers and subpath: they select nothing of ours.
            let end = purl.find(['?', '#']).unwrap_or(purl.len());
            match purl[..end].rsplit_once('@') {
                None => purl[..end].eq_ignore_ascii_case(&package),
                Some((path, found)) => {
                    path.eq_ignore_ascii_case(&package) && found == version.to_string()
                }
            }
        };
        self.products.iter().any(is_it)
    }

    /// Whether the advisory does not matter for what it is about.
    pub fn excuses(&self) -> bool {
        matches!(self.status, VexStatus::NotAffected | VexStatus::Fixed)
    }
}

/// Text from a stranger, cut to what is kept, without what a reader would not see.
fn short(text: &str) -> String {
    text.chars()
        .filter(|c| first_hidden(c.encode_utf8(&mut [0; 4])).is_none())
        .take(MAX_CHARS)
        .collect()
}

impl Coded for VexError {
    fn code(&self) -> Code {
        match self {
            Self::Length(_) => Code::Limit,
            _ => Code::Request,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(
            "`vexctl create` writes documents that are read here; products are `pkg:mcpkg/<name>@<version>`",
        )
    }
}

#[cfg(test)]
mod tests;
