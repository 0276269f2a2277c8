//! What we publish: the current edition, read strictly.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{
    EXTENSION, MAX_LEN, MAX_PUBLISHER_META, PUBLISHER_META, PackagedImage, Remote, SCHEMA,
    ServerJsonError, image, link,
};
use crate::json;
use crate::permissions::Permissions;
use crate::surface::Surface;
use crate::text::first_hidden;
use crate::{Digest, PackageName, Version};

/// The metadata of a release that is published to a registry of ours.
///
/// It follows edition 2025-12-11 of the MCP registry's schema, has no key that
/// the edition does not have, and lists no packages but images. Its canonical form is what
/// the publisher signs, so that a registry that edits a description, a
/// permission or a remote's address breaks the signature.
#[derive(Clone, Debug)]
pub struct ServerJson {
    name: PackageName,
    version: Version,
    document: Document,
    images: Vec<PackagedImage>,
    extension: Extension,
    value: Value,
    canonical: Vec<u8>,
    digest: Digest,
}

/// Where a package's source is.
///
/// Source: `Repository` of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its address, for a browser and for `git clone`.
    pub url: String,
    /// The service that hosts it: `github`, `gitlab` …
    pub source: String,
    /// The service's own id of it, which a new repository of the same name lacks.
    pub id: Option<String>,
    /// The folder of this server, relative to the root.
    pub subfolder: Option<String>,
}

/// An image that stands for a server.
///
/// Source: `Icon` of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Icon {
    /// Its address, which is `https`.
    pub src: String,
    /// Its media type, an image's.
    pub mime_type: Option<String>,
    /// The sizes it is for: `48x48`, or `any`.
    #[serde(default)]
    pub sizes: Vec<String>,
    /// `light` or `dark`, for the background it is for.
    pub theme: Option<String>,
}

/// The document's shape; [`ServerJson::read_strict`] checks the rest.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    // Checked before the rest is read.
    #[serde(rename = "$schema")]
    _schema: IgnoredAny,
    name: String,
    version: String,
    description: String,
    title: Option<String>,
    website_url: Option<String>,
    repository: Option<Repository>,
    #[serde(default)]
    icons: Vec<Icon>,
    #[serde(default)]
    remotes: Vec<Remote>,
    #[serde(default)]
    packages: Vec<Value>,
    #[serde(default, rename = "_meta")]
    meta: Map<String, Value>,
}

/// What we keep under [`EXTENSION`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Extension {
    permissions: Permissions,
    surface: Vec<Surface>,
}

impl ServerJson {
    /// Reads a document for publishing. It need not be in canonical form.
    ///
    /// # Errors
    ///
    /// Every variant of [`ServerJsonError`] says which rule the document breaks;
    /// the caller can do nothing but refuse it.
    pub fn read_strict(bytes: &[u8]) -> Result<Self, ServerJsonError> {
        let value = json::parse(bytes, MAX_LEN).map_err(ServerJsonError::Json)?;
        let Value::Object(object) = &value else { return Err(ServerJsonError::NotAnObject) };
        // Another edition fails by its own name, and not by a key it has.
        match object.get("$schema") {
            Some(Value::String(schema)) if schema == SCHEMA => (),
            Some(Value::String(schema)) => return Err(ServerJsonError::Schema(schema.clone())),
            _ => return Err(ServerJsonError::Schema(String::new())),
        }
        let document: Document = json::from_value(&value).map_err(ServerJsonError::Shape)?;

        let name = document.name.parse().map_err(ServerJsonError::Name)?;
        let version = document.version.parse().map_err(ServerJsonError::Version)?;
        document.check()?;
        let images = image::read_all(&document.packages)?;
        let extension = read_extension(&document.meta)?;
        let canonical = json::canonical(&value);
        let digest = Digest::of(&canonical);
        Ok(Self { name, version, document, images, extension, value, canonical, digest })
    }

    /// The package.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The release.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What the server does, in 1 to 100 characters.
    pub fn description(&self) -> &str {
        &self.document.description
    }

    /// What to call the server in a list, if not by its name.
    pub fn title(&self) -> Option<&str> {
        self.document.title.as_deref()
    }

    /// The server's home page.
    pub fn website_url(&self) -> Option<&str> {
        self.document.website_url.as_deref()
    }

    /// Where the source is, as the publisher says. The evidence says it too, and
    /// is what to trust.
    pub fn repository(&self) -> Option<&Repository> {
        self.document.repository.as_ref()
    }

    /// The server's images.
    pub fn icons(&self) -> &[Icon] {
        &self.document.icons
    }

    /// Where the server runs for everybody. Without an artifact, this is all
    /// there is to a package.
    pub fn remotes(&self) -> &[Remote] {
        &self.document.remotes
    }

    /// The images that it can be started from.
    pub fn images(&self) -> &[PackagedImage] {
        &self.images
    }

    /// What the server asks for.
    pub fn permissions(&self) -> &Permissions {
        &self.extension.permissions
    }

    /// What the server shows to models, if the publisher says it: digests alone.
    pub fn surface(&self) -> &[Surface] {
        &self.extension.surface
    }

    /// The whole document, with its keys in their order.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The document in canonical form (RFC 8785): what is signed and stored.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The SHA-256 of [`ServerJson::canonical`].
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Document {
    fn check(&self) -> Result<(), ServerJsonError> {
        check_text("description", &self.description, 100)?;
        if let Some(title) = &self.title {
            check_text("title", title, 100)?;
        }
        if let Some(url) = &self.website_url {
            link::check_page(url).map_err(refused("websiteUrl"))?;
        }
        if let Some(repository) = &self.repository {
            repository.check()?;
        }
        for (index, icon) in self.icons.iter().enumerate() {
            icon.check().map_err(refused(format!("icons/{index}")))?;
        }
        for (index, remote) in self.remotes.iter().enumerate() {
            remote.check(index)?;
        }
        Ok(())
    }
}

impl Repository {
    fn check(&self) -> Result<(), ServerJsonError> {
        link::check_page(&self.url).map_err(refused("repository/url"))?;
        check_text("repository/source", &self.source, 64)?;
        if let Some(id) = &self.id {
            check_text("repository/id", id, 128)?;
        }
        let is_clean = |path: &String| {
            first_hidden(path).is_none()
                && !path.contains(['\\', ':'])
                && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        };
        if !self.subfolder.as_ref().is_none_or(is_clean) {
            return Err(refused("repository/subfolder")("is not a clean relative path"));
        }
        Ok(())
    }
}

impl Icon {
    fn check(&self) -> Result<(), &'static str> {
        link::check_image(&self.src)?;
        if self.src.len() > 255 {
            return Err("is longer than 255 bytes");
        }
        let is_image = |kind: &String| {
            let kind = kind.strip_prefix("image/").unwrap_or_default();
            matches!(kind, "png" | "jpeg" | "jpg" | "svg+xml" | "webp")
        };
        if !self.mime_type.as_ref().is_none_or(is_image) {
            return Err("has a media type that is no image's");
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_size = |size: &String| {
            size == "any" || size.split_once('x').is_some_and(|(w, h)| is_number(w) && is_number(h))
        };
        if !self.sizes.iter().all(is_size) {
            return Err("has a size that is neither `any` nor like `48x48`");
        }
        if !self.theme.as_ref().is_none_or(|theme| matches!(theme.as_str(), "light" | "dark")) {
            return Err("has a theme that is neither `light` nor `dark`");
        }
        Ok(())
    }
}

fn refused(field: impl Into<String>) -> impl FnOnce(&'static str) -> ServerJsonError {
    let field = field.into();
    move |reason| ServerJsonError::Value { field, reason }
}

/// Checks a text that people will see. The schema counts characters, not bytes.
fn check_text(field: &str, text: &str, max: usize) -> Result<(), ServerJsonError> {
    let found = text.chars().count();
    if !(1..=max).contains(&found) {
        return Err(ServerJsonError::Length { field: field.to_owned(), found, max });
    }
    match first_hidden(text) {
        Some(character) => Err(ServerJsonError::Hidden { field: field.to_owned(), character }),
        None => Ok(()),
    }
}

fn read_extension(meta: &Map<String, Value>) -> Result<Extension, ServerJsonError> {
    if let Some(key) = meta.keys().find(|key| *key != PUBLISHER_META) {
        return Err(ServerJsonError::MetaKey(key.chars().take(80).collect()));
    }
    let Some(provided) = meta.get(PUBLISHER_META) else { return Ok(Extension::default()) };
    let length = json::canonical(provided).len();
    if length > MAX_PUBLISHER_META {
        return Err(ServerJsonError::MetaLength(length));
    }
    let Value::Object(provided) = provided else {
        return Err(refused("_meta")("has a publisher part that is not an object"));
    };
    let Some(extension) = provided.get(EXTENSION) else { return Ok(Extension::default()) };
    json::from_value(extension).map_err(ServerJsonError::Extension)
}
