//! The address of a remote server, with variables in it.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use url::Url;

use crate::permissions::HostPort;
use crate::server_json::check_remote;
use crate::{Code, Coded};

/// An address that a server is reached at, where `{name}` stands for a value of the user.
///
/// It is `https`, or `http` on this machine. Its host and port are written out: a value
/// that is filled in cannot lead anywhere else. It has no fragment and no credentials.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct RemoteUrl {
    text: String,
    host: HostPort,
}

/// Why an address is none that we connect to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {reason}", url.escape_debug())]
pub struct RemoteUrlError {
    url: String,
    reason: &'static str,
}

/// A piece of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl RemoteUrl {
    /// The pieces of the text, in order.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut rest = self.text.as_str();
        // It was checked that each brace has its other one.
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            pieces.extend([Piece::Text(before), Piece::Variable(name)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest));
        pieces
    }

    /// The variables that it names.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces().into_iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Variable(name) => Some(name),
        })
    }

    /// The address, with `value` for each variable. `None` is a value that could not be a
    /// part of the path or the query alone.
    pub(super) fn fill<'a>(&'a self, value: impl Fn(&'a str) -> Option<String>) -> Option<Url> {
        let (mut filled, mut sample) = (String::new(), String::new());
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => {
                    filled.push_str(text);
                    sample.push_str(text);
                }
                Piece::Variable(name) => {
                    filled.extend(utf8_percent_encode(&value(name)?, SPECIAL));
                    sample.push('1');
                }
            }
        }
        let (filled, sample) = (Url::parse(&filled).ok()?, Url::parse(&sample).ok()?);
        // `..` and an empty value are no segments of their own any more.
        let segments = |url: &Url| url.path().split('/').filter(|it| !it.is_empty()).count();
        let is_alike = filled.origin() == sample.origin()
            && segments(&filled) == segments(&sample)
            && filled.query().is_some() == sample.query().is_some();
        is_alike.then_some(filled)
    }

    /// The host and port: where everything that a model says to the server goes.
    pub fn host(&self) -> &HostPort {
        &self.host
    }
}

/// What could be more than a part of a path or a query.
///
/// Source: RFC 3986, section 2.3, which leaves these unreserved.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl FromStr for RemoteUrl {
    type Err = RemoteUrlError;

    fn from_str(text: &str) -> Result<Self, RemoteUrlError> {
        let refused = |reason| {
            let url = text.chars().take(200).collect();
            RemoteUrlError { url, reason }
        };
        check_remote(text, |_| true).map_err(refused)?;
        if text.contains('#') {
            return Err(refused("has a fragment, which is never sent"));
        }
        if !braces_match(text) {
            return Err(refused("has a brace or a backslash that stands alone"));
        }
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('{') {
            return Err(refused("has a variable in its host, so it could lead anywhere"));
        }
        if authority.contains('@') {
            return Err(refused("carries credentials"));
        }
        let url = Url::parse(&text.replace(['{', '}'], "")).ok();
        let host = url.and_then(|url| {
            format!("{}:{}", url.host_str()?, url.port_or_known_default()?).parse().ok()
        });
        let host = host.ok_or_else(|| refused("has a host that is no domain and no address"))?;
        Ok(Self { text: text.to_owned(), host })
    }
}

/// Whether each closing brace has an opening one, and there is no backslash, which the
/// URL parser takes for a slash.
fn braces_match(text: &str) -> bool {
    let mut is_open = false;
    for character in text.chars() {
        match character {
            '\\' => return false,
            '{' | '}' if is_open == (character == '{') => return false,
            '{' | '}' => is_open = !is_open,
            _ => (),
        }
    }
    !is_open
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Coded for RemoteUrlError {
    fn code(&self) -> Code {
        Code::Remote
    }

    fn hint(&self) -> Option<&'static str> {
        Some("an address is `https://<host>/<path>`, with `{name}` in path and query alone")
    }
}
