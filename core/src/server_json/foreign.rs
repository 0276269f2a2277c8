//! What comes from elsewhere: every edition, read leniently.

use serde_json::Value;

use super::foreign_package::{read_package, read_remote};
use super::reader::{Place, Reader};
use super::{Edition, ForeignPackage, ForeignRemote, MAX_LEN, Oddity, ServerJsonError};
use crate::{PackageName, Version, json};

/// A `server.json` from another registry, as far as it has a clear meaning.
///
/// Nothing here is trusted or shown as it is: texts may be long and may hide
/// characters, which [`ForeignServerJson::oddities`] says. What has no meaning is
/// left out of the view, and stays in [`ForeignServerJson::value`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ForeignServerJson {
    /// The package, the one thing that must be usable.
    pub name: PackageName,
    /// The release, whatever its version looks like: `v0.1.0`, `1.2`, a date.
    pub version: Option<String>,
    /// What the server does.
    pub description: Option<String>,
    /// What to call it in a list.
    pub title: Option<String>,
    /// Its home page.
    pub website_url: Option<String>,
    /// Where its source is.
    pub repository: Option<ForeignRepository>,
    /// Where to get it; those without a registry or a name in it are left out.
    pub packages: Vec<ForeignPackage>,
    /// Where it runs for everybody; those without an address are left out.
    pub remotes: Vec<ForeignRemote>,
    /// The edition of the schema it follows, if it says so and we know it.
    pub edition: Option<Edition>,
    /// What is off, in the order of reading.
    pub oddities: Vec<Oddity>,
    /// The whole document, untouched.
    pub value: Value,
}

/// Where a foreign package's source is, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignRepository {
    /// Its address.
    pub url: String,
    /// The service that hosts it.
    pub source: Option<String>,
    /// The service's own id of it.
    pub id: Option<String>,
    /// The folder of this server.
    pub subfolder: Option<String>,
}

impl ForeignServerJson {
    /// Reads a document of any edition, or of none.
    ///
    /// # Errors
    ///
    /// - [`ServerJsonError::Json`] and [`ServerJsonError::NotAnObject`]: this is
    ///   no document at all, or two readers would see two.
    /// - [`ServerJsonError::NoName`] and [`ServerJsonError::Name`]: nothing can be
    ///   said about a package without a name.
    ///
    /// Everything else is an [`Oddity`].
    pub fn read_lenient(bytes: &[u8]) -> Result<Self, ServerJsonError> {
        let value = json::parse(bytes, MAX_LEN).map_err(ServerJsonError::Json)?;
        let Value::Object(object) = &value else { return Err(ServerJsonError::NotAnObject) };
        let name = match object.get("name") {
            Some(Value::String(name)) => name.parse().map_err(ServerJsonError::Name)?,
            _ => return Err(ServerJsonError::NoName),
        };

        let root = Place::root(object);
        let mut reader = reader_for(object.get("$schema"));
        let version = reader.required_text(&root, "version");
        if version.as_deref().is_some_and(is_range) {
            let at = root.at("version");
            reader.note(Oddity::Value { at, reason: "is a range and not one version" });
        }
        let description = reader.required_text(&root, "description");
        if let Some(text) = &description {
            reader.shown("/description", text, 100);
        }
        let title = reader.meaningful_text(&root, "title");
        if let Some(text) = &title {
            reader.shown("/title", text, 100);
        }
        let website_url = reader.meaningful_text(&root, "websiteUrl");
        let repository = reader
            .object(&root, "repository")
            .and_then(|place| read_repository(&mut reader, &place));
        let packages = reader.objects(&root, "packages");
        let packages =
            packages.iter().filter_map(|place| read_package(&mut reader, place)).collect();
        let remotes = reader.objects(&root, "remotes");
        let remotes = remotes.iter().filter_map(|place| read_remote(&mut reader, place)).collect();

        Ok(Self {
            name,
            version,
            description,
            title,
            website_url,
            repository,
            packages,
            remotes,
            edition: reader.edition(),
            oddities: reader.finish(),
            value,
        })
    }

    /// The version, if it is one that we would publish.
    pub fn strict_version(&self) -> Option<Version> {
        self.version.as_ref()?.parse().ok()
    }
}

fn reader_for(schema: Option<&Value>) -> Reader {
    let (edition, oddity) = match schema {
        None | Some(Value::Null) => (None, Some(Oddity::NoSchema)),
        Some(Value::String(url)) if url.is_empty() => (None, Some(Oddity::NoSchema)),
        Some(Value::String(url)) => match Edition::of_schema(url) {
            Some(edition) => (Some(edition), None),
            None => (None, Some(Oddity::UnknownSchema(url.chars().take(200).collect()))),
        },
        Some(_) => {
            (None, Some(Oddity::WrongType { at: "/$schema".to_owned(), expected: "a string" }))
        }
    };
    let mut reader = Reader::new(edition);
    if let Some(oddity) = oddity {
        reader.note(oddity);
    }
    reader
}

/// Whether `text` names many versions. The schema refuses these too, in words.
pub(super) fn is_range(text: &str) -> bool {
    text == "latest"
        || text.starts_with(['^', '~', '>', '<', '=', '*'])
        || text.split('.').any(|part| matches!(part, "x" | "X" | "*"))
}

fn read_repository(reader: &mut Reader, place: &Place<'_>) -> Option<ForeignRepository> {
    let url = reader.required_text(place, "url");
    let source = reader.required_text(place, "source");
    let id = reader.text(place, "id").filter(|id| !id.is_empty());
    let subfolder = reader.text(place, "subfolder").filter(|path| !path.is_empty());
    Some(ForeignRepository { url: url?, source, id, subfolder })
}
