//! What a message is, to whoever passes it on.

/// The id of a request.
///
/// Some clients take `5`, `5.0` and `"5"` for one. Here a number is a whole one in its
/// shortest spelling, and two ids are never open at once that differ in type alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// A message, by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// It wants an answer.
    Request(Request),
    /// It wants none.
    Notification {
        /// What it is about.
        method: String,
        /// The request that it names, if it names one.
        request: Option<Id>,
    },
    /// It answers a request.
    Response {
        /// Which one.
        id: Id,
        /// Whether it says that the request failed.
        is_error: bool,
    },
    /// It says that something failed, and does not know what.
    LostError,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which answer is its.
    pub id: Id,
    /// What is to be done.
    pub method: String,
    /// What its parameters name: a tool, a prompt, or the address of a resource.
    pub subject: Subject,
}

/// What the parameters of a request name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `params.name`.
    pub name: Option<String>,
    /// `params.uri`.
    pub uri: Option<String>,
    /// Whether readers may disagree on them: a key twice, or in another case.
    pub is_ambiguous: bool,
}

/// Why a line is no message that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The grammar.
    #[error("it is not one JSON object")]
    Syntax,
    /// Bytes that are no text.
    #[error("it is not UTF-8")]
    Utf8,
    /// A control character in a string.
    #[error("it has a control character in a string")]
    Control,
    /// A carriage return that ends no line.
    #[error("it has a carriage return inside")]
    CarriageReturn,
    /// Too many brackets.
    #[error("it is nested too deep")]
    Depth,
    /// Several messages in an array, which only protocol 2025-03-26 had.
    #[error("it is a batch")]
    Batch,
    /// A key of the message twice, or in another case.
    #[error("it has a key that readers disagree on")]
    Key,
    /// An id that readers disagree on, or none where one has to be.
    #[error("it has no usable id")]
    Id,
    /// A method that is no text, or one beside a result.
    #[error("it is neither a request nor an answer")]
    Shape,
}

impl Id {
    /// Reads an id as it is written. A number in any but its shortest spelling is
    /// none: readers differ on whether `5.0` is `5`.
    pub(super) fn read(written: &[u8]) -> Option<Self> {
        if written.starts_with(b"\"") {
            return text(written).map(Self::Text);
        }
        let written = std::str::from_utf8(written).ok()?;
        let number: i64 = written.parse().ok()?;
        (number.to_string() == written).then_some(Self::Number(number))
    }

    /// What is the same for ids that some client takes for one.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The id as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// The text of a string, which has its quotes.
pub(super) fn text(written: &[u8]) -> Option<String> {
    serde_json::from_slice(written).ok()
}
