//! What another registry lists.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::REGISTRY_META;
use crate::server_json::{ForeignServerJson, Oddity, ServerJsonError};

/// The longest page that is read, in bytes: a hundred of the longest `server.json`
/// would be longer, but the longest real one has 4,470 bytes.
pub const MAX_PAGE_LEN: usize = 8 * 1024 * 1024;

/// The longest version, in bytes, and the longest cursor.
///
/// Source: the schema of `server.json`, `version`.
const MAX_VERSION_LEN: usize = 255;
const MAX_CURSOR_LEN: usize = 1024;

/// The longest message beside a status, in characters.
///
/// Source: the schema of the API, `statusMessage`.
const MAX_MESSAGE_LEN: usize = 500;

/// A page of `GET /v0.1/servers`, entry by entry as it was sent.
#[derive(Debug)]
pub struct ServerPage {
    /// The entries: whole, with server and `_meta`.
    pub servers: Vec<Box<RawValue>>,
    /// What to pass as `cursor` for the next page, or nothing on the last.
    pub next: Option<String>,
}

/// Whether an entry may be chosen, in the words of this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedStatus {
    /// It may.
    Active,
    /// Its publisher advises against it.
    Deprecated,
    /// It was taken away, and is shown only to those who ask for such.
    Deleted,
}

/// One entry of a page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedServer {
    /// Its `server` object, byte for byte.
    pub document: String,
    /// What is clear about it.
    pub server: ForeignServerJson,
    /// Which version of it.
    pub version: String,
    /// Whether it may be chosen.
    pub status: ListedStatus,
    /// Why it is not active, if it says.
    pub status_message: Option<String>,
    /// When its status changed, if it says.
    pub status_changed_at: Option<Timestamp>,
    /// When it was published, if it says.
    pub published_at: Option<Timestamp>,
    /// When it changed, if it says.
    pub updated_at: Option<Timestamp>,
    /// Whether it is the newest version of its name.
    pub is_latest: bool,
}

/// Why an entry cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListedServerError {
    /// It is not an object with a `server` in it.
    #[error("the entry has no `server` object")]
    Shape(#[source] serde_json::Error),
    /// The document has no meaning.
    #[error("the document cannot be listed under a name")]
    Document(#[source] ServerJsonError),
    /// There is no version, or none that an address could hold.
    #[error("the document has no usable version")]
    Version,
    /// The status is none that we know, so that nobody may rely on the entry.
    #[error("the status `{}` is unknown", .0.escape_debug())]
    Status(String),
}

#[derive(Deserialize)]
struct RawPage {
    servers: Vec<Box<RawValue>>,
    #[serde(default)]
    metadata: Option<RawMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow)]
    server: &'a RawValue,
    #[serde(default, rename = "_meta")]
    meta: Value,
}

impl ServerPage {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// If it is no page at all; what is in the entries is each one's own matter.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        use serde::de::Error as _;

        if bytes.len() > MAX_PAGE_LEN {
            return Err(serde_json::Error::custom("the page is too long"));
        }
        let RawPage { servers, metadata } = serde_json::from_slice(bytes)?;
        let next = metadata.and_then(|metadata| metadata.next_cursor);
        let next = next.filter(|cursor| !cursor.is_empty());
        if next.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR_LEN) {
            return Err(serde_json::Error::custom("the cursor is too long"));
        }
        Ok(Self { servers, next })
    }
}

impl ListedStatus {
    const ALL: [Self; 3] = [Self::Active, Self::Deprecated, Self::Deleted];

    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Deleted => "deleted",
        }
    }

    /// Reads a status as the API writes it.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl ListedServer {
    /// Reads one entry.
    ///
    /// # Errors
    ///
    /// [`ListedServerError`] says why nothing can be listed of it. Its caller keeps it.
    pub fn read(entry: &str) -> Result<Self, ListedServerError> {
        let RawEntry { server, meta } =
            serde_json::from_str(entry).map_err(ListedServerError::Shape)?;
        let document = server.get().to_owned();
        let server = ForeignServerJson::read_lenient(document.as_bytes())
            .map_err(ListedServerError::Document)?;
        let version = server.version.clone().filter(|version| {
            (1..=MAX_VERSION_LEN).contains(&version.len()) && !version.chars().any(char::is_control)
        });
        let version = version.ok_or(ListedServerError::Version)?;
        let official = meta.get(REGISTRY_META);
        let text = |key: &str| official?.get(key)?.as_str();
        let time = |key: &str| text(key)?.parse().ok();
        let status = match text("status") {
            None => ListedStatus::Active,
            Some(word) => ListedStatus::of(word).ok_or_else(|| {
                ListedServerError::Status(word.chars().take(MAX_VERSION_LEN).collect())
            })?,
        };
        let message = text("statusMessage").filter(|text| !text.is_empty());
        Ok(Self {
            document,
            server,
            version,
            status,
            status_message: message.map(|text| text.chars().take(MAX_MESSAGE_LEN).collect()),
            status_changed_at: time("statusChangedAt"),
            published_at: time("publishedAt"),
            updated_at: time("updatedAt"),
            is_latest: official
                .and_then(|official| official.get("isLatest"))
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        })
    }

    /// Whether a page may hold it: clients read a page as a whole, and one entry whose
    /// parts are of other types than theirs costs them all the others.
    pub fn is_presentable(&self) -> bool {
        !self.server.oddities.iter().any(breaks_a_page)
    }
}

fn breaks_a_page(oddity: &Oddity) -> bool {
    match oddity {
        Oddity::WrongType { .. } => true,
        Oddity::Missing { at } => {
            let in_list = at.starts_with("/packages/") || at.starts_with("/remotes/");
            let is_needed = ["/registryType", "/identifier", "/transport", "/type", "/url"]
                .iter()
                .any(|key| at.ends_with(key));
            at == "/description" || (in_list && is_needed)
        }
        _ => false,
    }
}
