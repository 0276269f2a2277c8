//! Servers that run elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use url::Url;

use super::slot::{Asked, Slot};
use super::{ElsewhereError, RemoteUrl, Settings};
use crate::manifest::ConfigValue;
use crate::server_json::{Input, Remote};

/// A server that is connected to over Streamable HTTP.
#[derive(Clone, Debug)]
pub struct RemoteServer {
    url: RemoteUrl,
    /// What stands for each variable of `url` that the user does not fill in.
    fixed: BTreeMap<String, String>,
    headers: Vec<(String, Slot)>,
    asked: Asked,
}

/// Where to connect, and with which headers. A header may hold a secret, and so may
/// nothing else: `Debug` shows no value of one.
#[derive(Clone)]
pub struct Request {
    /// The address.
    pub url: Url,
    /// The headers, by name.
    pub headers: Vec<(String, String)>,
}

/// A value that is a part of every address.
const ANY_PART: &str = "1";

/// Headers that say how a message is carried, or that we say ourselves.
const OURS: [&str; 19] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl RemoteServer {
    pub(super) fn read(remote: &Remote) -> Result<Self, ElsewhereError> {
        let url: RemoteUrl = remote.url.parse()?;
        let mut asked = Asked::default();
        let mut fixed = BTreeMap::new();
        for name in url.variables() {
            let refused = |reason| ElsewhereError::Setting { key: name.to_owned(), reason };
            let variable = remote.variables.get(name);
            let variable = variable.ok_or_else(|| refused("it is not declared"))?;
            if variable.is_secret {
                return Err(refused("it is a secret, and an address is written into logs"));
            }
            match &variable.value {
                Some(value) => _ = fixed.insert(name.to_owned(), value.clone()),
                // Half an address leads nowhere, or elsewhere.
                None => {
                    asked.add(name, &Input { is_required: true, ..variable.clone() }, false)?;
                }
            }
        }
        let mut headers = Vec::new();
        let mut names = BTreeSet::new();
        for header in &remote.headers {
            let refused = |reason| ElsewhereError::Header { name: header.name.clone(), reason };
            let name = header.name.to_ascii_lowercase();
            if OURS.contains(&name.as_str()) || name.starts_with("proxy-") {
                return Err(refused("it says how a message is carried"));
            }
            if !names.insert(name) {
                return Err(refused("it is there twice"));
            }
            headers.push((header.name.clone(), asked.slot(&header.name, &header.input)?));
        }
        Ok(Self { url, fixed, headers, asked })
    }

    /// Its address, with the variables in it.
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// What to ask the user for.
    pub fn settings(&self) -> &Settings {
        &self.asked.settings
    }

    /// Whether the values that there are could be a part of the request. Others may have
    /// none yet.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Value`] and `Misfit`, neither of which shows a value.
    pub fn check(&self, values: &BTreeMap<String, ConfigValue>) -> Result<(), ElsewhereError> {
        let given = self.asked.given(values)?;
        let value = |name: &str| {
            let text = self.fixed.get(name).or_else(|| given.get(name)).cloned();
            Some(text.unwrap_or_else(|| ANY_PART.to_owned()))
        };
        self.url.fill(value).map(|_| ()).ok_or_else(|| self.more_than_a_part())
    }

    fn more_than_a_part(&self) -> ElsewhereError {
        ElsewhereError::Misfit {
            key: self.url.variables().next().unwrap_or_default().to_owned(),
            reason: "it would be more than a part of the address",
        }
    }

    /// Where to connect, with what the user filled in.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Missing`], `Value` and `Misfit`, none of which shows a value.
    pub fn request(
        &self,
        values: &BTreeMap<String, ConfigValue>,
    ) -> Result<Request, ElsewhereError> {
        let texts = self.asked.texts(values)?;
        let value = |name: &str| self.fixed.get(name).or_else(|| texts.get(name)).cloned();
        let url = self.url.fill(value).ok_or_else(|| self.more_than_a_part())?;
        let mut headers = Vec::new();
        for (name, slot) in &self.headers {
            if let Some(text) = slot.fill(name, &texts)? {
                headers.push((name.clone(), text));
            }
        }
        Ok(Request { url, headers })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request").field("url", &self.url.as_str()).field("headers", &names).finish()
    }
}
