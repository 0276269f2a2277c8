//! JSON Schemas of what other programs read: permissions, the lock, the API.
//!
//! Only with the feature `schema`, which no program of ours turns on: the files
//! in `schemas/` are made by the test `core/tests/schemas.rs`.
//!
//! A schema says what shape a value has. The patterns here admit a little more
//! than [`str::parse`] does, which also refuses, say, names of Windows' devices.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::api::{
    IndexesRequest, LogDocument, PackageIndex, Problem, ReleaseDocument, Removals, SearchPage,
    SignedIndexes, SourceList,
};
use crate::archive::ArchivePath;
use crate::elsewhere::RemoteUrl;
use crate::lock::WireLock;
use crate::log::Entry;
use crate::permissions::{EnvName, HostPort, PathGrant, Permissions, ProgramName, SecretName};
use crate::project::{
    Recipe, SourceDate, ToolVersion, VersionRange, WireProject, WireRecipe, WireWanted,
};
use crate::publisher::ReleaseRef;
use crate::review::{NewVote, Outcome, Review, ReviewList, Verdict};
use crate::secret::SecretReference;
use crate::server_json::ImageReference;
use crate::statement::{BindingStatement, RebuildResult, RebuildStatement, StatusStatement};
use crate::{Code, Digest, PackageName, Platform, TreeDigest, Version};

/// Every schema, with the file it is kept in.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        of::<Permissions>("permissions.schema.json"),
        of::<WireLock>("lockfile.schema.json"),
        of::<WireProject>("project.schema.json"),
        of::<PackageIndex>("package-index.schema.json"),
        of::<ReleaseDocument>("release-document.schema.json"),
        of::<SearchPage>("search-page.schema.json"),
        of::<LogDocument>("log.schema.json"),
        of::<SignedIndexes>("signed-indexes.schema.json"),
        of::<Removals>("removals.schema.json"),
        of::<SourceList>("sources.schema.json"),
        of::<Entry>("entry.schema.json"),
        of::<StatusStatement>("status-statement.schema.json"),
        of::<BindingStatement>("binding-statement.schema.json"),
        of::<RebuildStatement>("rebuild-statement.schema.json"),
        of::<Problem>("problem.schema.json"),
        of::<ReviewList>("review-list.schema.json"),
        of::<Review>("review.schema.json"),
        of::<NewVote>("new-vote.schema.json"),
        of::<IndexesRequest>("indexes-request.schema.json"),
    ]
}

fn of<T: JsonSchema>(file: &'static str) -> (&'static str, Value) {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("https://mcpkg.dev/schemas/{file}").into());
    let mut value = schema.to_value();
    strip_links(&mut value);
    (file, value)
}

/// Makes the descriptions, which are Rust's own documentation, plain text.
fn strip_links(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace("Self::", "");
            }
            fields.values_mut().for_each(strip_links);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_links),
        _ => (),
    }
}

/// A time, RFC 3339 in UTC.
pub(crate) fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// An object that another schema describes.
pub(crate) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// The servers of a project: an object with the names of packages as its keys.
pub(crate) fn servers(generator: &mut SchemaGenerator) -> Schema {
    let name = generator.subschema_for::<PackageName>();
    let wanted = generator.subschema_for::<WireWanted>();
    json_schema!({ "type": "object", "propertyNames": name, "additionalProperties": wanted })
}

impl JsonSchema for SourceDate {
    fn schema_name() -> Cow<'static, str> {
        "SourceDate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`commit`, or seconds since 1970.",
            "oneOf": [
                { "const": "commit" },
                { "type": "integer", "minimum": 0, "maximum": 253_402_300_799_i64 },
            ],
            "default": "commit",
        })
    }
}

impl JsonSchema for Recipe {
    fn schema_name() -> Cow<'static, str> {
        WireRecipe::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WireRecipe::json_schema(generator)
    }
}

macro_rules! texts {
    ($($type:ident, $max:expr, $pattern:literal, $description:literal;)+) => {
        $(
            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({
                        "type": "string",
                        "description": $description,
                        "maxLength": $max,
                        "pattern": $pattern,
                    })
                }
            }
        )+

        /// Every text with its pattern, by the name of its type.
        #[cfg(test)]
        const PATTERNS: &[(&str, &str)] = &[$((stringify!($type), $pattern)),+];
    };
}

texts! {
    PackageName, PackageName::MAX_LEN,
        "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
        "The name of a package: a namespace in reverse DNS, and a short name.";
    Version, Version::MAX_LEN,
        r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
        "A semantic version, without build metadata.";
    VersionRange, VersionRange::MAX_LEN,
        r"^[0-9A-Za-z.*^~<>=, -]+$",
        "One exact version, or a range with an operator, as Cargo reads it: `^1.2`.";
    Digest, 71, "^sha256:[0-9a-f]{64}$",
        "The SHA-256 of some bytes.";
    TreeDigest, 76, "^tree-sha256:[0-9a-f]{64}$",
        "The SHA-256 of the listing of a tree of files.";
    Platform, 16, "^(any|(darwin|linux|windows)-(aarch64|x86_64))$",
        "What an artifact runs on.";
    Code, 64, "^E_[A-Z]+(_[A-Z]+)*$",
        "A stable code. New ones are added, so expect some that you do not know.";
    Outcome, 11, "^(admitted|quarantined|denied)$",
        "Whether a release is given out.";
    Verdict, 7, "^(approve|reject)$",
        "What somebody says of a release that policy holds back.";
    RebuildResult, 9, "^(identical|different|failed)$",
        "What came of building a release again.";
    ReleaseRef, 1024, r"^refs/(tags/\*|heads/.+)$",
        "Which refs releases are built from: any tag, or one branch.";
    SecretReference, 4096,
        r"^(store:([A-Za-z0-9.-]+/[A-Za-z0-9._-]+/)?[A-Za-z0-9._-]+|env:[A-Za-z_][A-Za-z0-9_]*|file:(/|[A-Za-z]:[/\\]).+|cmd:.+|op:/(/[A-Za-z0-9._ -]+){3,4})$",
        "Where a secret is found: a key store, a variable, a file, what a program prints, or 1Password. Never the secret.";
    EnvName, 128, "^[A-Za-z_][A-Za-z0-9_]*$",
        "An environment variable, but none that makes a program load code.";
    SecretName, 128, "^[A-Za-z0-9._-]+$",
        "A secret: the key in the manifest's `user_config`.";
    ProgramName, 128, "^[A-Za-z0-9._+-]+$",
        "A program on the user's PATH.";
    PathGrant, PathGrant::MAX_LEN,
        r"^(\$\{workspace\}|\$\{data\}|(\$\{home\}|[A-Z]:)?/[^/]+)(/[^/]+)*$",
        "A folder or file and all below it. No part is `.` or `..`.";
    ArchivePath, ArchivePath::MAX_LEN, "^[^/]+(/[^/]+)*$",
        "A file or folder below another, with `/` between parts. No part is `.` or `..`.";
    ToolVersion, ToolVersion::MAX_LEN, "^[0-9][A-Za-z0-9.+_-]*$",
        "One exact version of a tool.";
    HostPort, 260, r"^(\*\.[A-Za-z0-9.-]+|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(\*|[1-9][0-9]{0,4})$",
        "A host, or all below a domain, and a port, or all ports.";
    ImageReference, 512,
        r"^[a-z0-9.-]+(:[0-9]{1,5})?/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?@sha256:[0-9a-f]{64}$",
        "An image in a registry of images, by its digest.";
    RemoteUrl, 2048, r"^https?://[A-Za-z0-9.:\[\]-]+([/?][!-~]*)?$",
        "The address of a remote server, with `{name}` for what its user fills in.";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::string::string_regex;

    use super::*;

    /// Whether the type of this name reads `text`, and writes it as it was.
    fn is_read(kind: &str, text: &str) -> bool {
        fn round_trips<T: std::str::FromStr + ToString>(text: &str) -> bool {
            text.parse::<T>().is_ok_and(|value| value.to_string().eq_ignore_ascii_case(text))
        }
        match kind {
            "PackageName" => round_trips::<PackageName>(text),
            "Version" => round_trips::<Version>(text),
            // Written with a space after each comma.
            "VersionRange" => text.parse::<VersionRange>().is_ok(),
            "Digest" => round_trips::<Digest>(text),
            "TreeDigest" => round_trips::<TreeDigest>(text),
            "Platform" => round_trips::<Platform>(text),
            "Code" => round_trips::<Code>(text),
            "Outcome" => round_trips::<Outcome>(text),
            "Verdict" => round_trips::<Verdict>(text),
            "RebuildResult" => round_trips::<RebuildResult>(text),
            "ReleaseRef" => round_trips::<ReleaseRef>(text),
            "SecretReference" => round_trips::<SecretReference>(text),
            "EnvName" => round_trips::<EnvName>(text),
            "SecretName" => round_trips::<SecretName>(text),
            "ProgramName" => round_trips::<ProgramName>(text),
            "PathGrant" => round_trips::<PathGrant>(text),
            "ArchivePath" => round_trips::<ArchivePath>(text),
            "ToolVersion" => round_trips::<ToolVersion>(text),
            "HostPort" => round_trips::<HostPort>(text),
            "ImageReference" => round_trips::<ImageReference>(text),
            "RemoteUrl" => round_trips::<RemoteUrl>(text),
            _ => panic!("no such text: {kind}"),
        }
    }

    #[test]
    fn every_pattern_admits_texts_that_are_read() {
        for (kind, pattern) in PATTERNS {
            // `string_regex` wants what is between the anchors.
            let inner = &pattern[1..pattern.len() - 1];
            let texts = string_regex(inner).unwrap_or_else(|error| panic!("{kind}: {error}"));
            if *kind == "Code" {
                continue; // Codes to come match, and are read by nobody yet.
            }
            let mut runner = proptest::test_runner::TestRunner::deterministic();
            let found = (0..500)
                .filter_map(|_| texts.new_tree(&mut runner).ok())
                .any(|tree| is_read(kind, &proptest::strategy::ValueTree::current(&tree)));
            assert!(found, "nothing that `{pattern}` admits is a {kind}");
        }
    }
}
