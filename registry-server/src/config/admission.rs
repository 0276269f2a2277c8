//! What is given out, how much there may be, and who is told, as it stands in a file.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mcpkg_core::address::is_public;
use serde::Deserialize;
use serde_with::DeserializeFromStr;
use url::{Host, Url};

use super::ConfigError;

/// Which releases wait for a decision: `[admission]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionFile {
    /// Whose releases policy has to admit. Without it, whatever was verified is given
    /// out.
    pub judge: BTreeSet<Judged>,
}

/// Whose releases policy has to admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// Those of every `[[source]]`.
    Sources,
    /// Those that are published here.
    Own,
}

/// What is kept of sources: `[retention]`. Without it, everything is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionFile {
    /// How many releases of a package keep their artifacts, the newest first.
    pub keep_newest: u32,
    /// For how many days after it was logged a release keeps its artifacts.
    pub keep_days: u32,
    /// How long a file has to be here before it may go, in hours: whoever was just told
    /// of it may be on the way to fetch it.
    pub grace_hours: u32,
}

impl Default for RetentionFile {
    fn default() -> Self {
        Self { keep_newest: 3, keep_days: 90, grace_hours: 24 }
    }
}

/// How much a namespace may have: `[[quota]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaFile {
    /// Of which namespace, such as `com.acme`; `*` is every one that none is about.
    pub namespace: String,
    /// The most releases.
    pub releases: Option<u64>,
    /// The most bytes, of all artifacts.
    pub bytes: Option<u64>,
}

/// Somebody who is told what happens: `[[webhook]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookFile {
    /// What it is called here.
    pub name: String,
    /// Where it is sent to.
    pub url: Url,
    /// What it is told; everything, if nothing is named.
    #[serde(default)]
    pub events: BTreeSet<EventKind>,
    /// The file of the key that signs what is sent. Relative to the file that names it.
    pub key: PathBuf,
    /// Whether the receiver may be in a private network, or on this machine.
    #[serde(default)]
    pub private_addresses: bool,
    /// Certificates that count there beside the web's. Relative to the file.
    pub ca: Option<PathBuf>,
    /// How long after the first failure it is tried again, in seconds. It doubles.
    #[serde(default = "first_retry")]
    pub retry_seconds: u32,
}

/// Something that a webhook is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, DeserializeFromStr)]
pub enum EventKind {
    /// A release was logged.
    Published,
    /// A release waits for a person.
    Held,
    /// A release that was not given out is.
    Approved,
    /// A release is not given out.
    Denied,
    /// A release was yanked or taken down.
    Removed,
    /// The log of a source told something else than before. One that forked is followed no
    /// more until a person has looked.
    SourceStopped,
    /// A source that had stopped is followed again.
    SourceResumed,
    /// Other policies are in force.
    PolicyReloaded,
}

fn first_retry() -> u32 {
    5
}

/// A word that is no [`EventKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no event, expected `release.published`, `release.held`, `release.approved`, `release.denied`, `release.removed`, `source.stopped`, `source.resumed` or `policy.reloaded`"
)]
pub struct EventKindError;

impl EventKind {
    const ALL: [Self; 8] = [
        Self::Published,
        Self::Held,
        Self::Approved,
        Self::Denied,
        Self::Removed,
        Self::SourceStopped,
        Self::SourceResumed,
        Self::PolicyReloaded,
    ];

    /// What it is called in a message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "release.published",
            Self::Held => "release.held",
            Self::Approved => "release.approved",
            Self::Denied => "release.denied",
            Self::Removed => "release.removed",
            Self::SourceStopped => "source.stopped",
            Self::SourceResumed => "source.resumed",
            Self::PolicyReloaded => "policy.reloaded",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(text: &str) -> Result<Self, EventKindError> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(EventKindError)
    }
}

impl WebhookFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        self.key = folder.join(&self.key);
        self.ca = self.ca.take().map(|ca| folder.join(ca));
    }

    /// Refuses a receiver that nothing is ever sent to, or that is in a network that was
    /// not allowed.
    fn check(&self) -> Result<(), ConfigError> {
        let refused = |expected| ConfigError::Value {
            key: "webhook.url",
            found: format!("`{}`", self.url),
            expected,
        };
        let literal = match self.url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(refused("an address with a host")),
        };
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(refused("an address without a name or a password"));
        }
        match self.url.scheme() {
            "https" => (),
            "http" if self.private_addresses => (),
            _ => return Err(refused("https, or http where `private_addresses` is true")),
        }
        if literal.is_some_and(|it| !is_public(it)) && !self.private_addresses {
            return Err(refused("a public address, unless `private_addresses` is true"));
        }
        Ok(())
    }
}

/// Refuses webhooks that cannot be told apart, or that cannot be told anything.
pub(super) fn check_webhooks(webhooks: &[WebhookFile]) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for webhook in webhooks {
        webhook.check()?;
        if webhook.name.is_empty() || !names.insert(&webhook.name) {
            return Err(ConfigError::Value {
                key: "webhook.name",
                found: format!("`{}`", webhook.name.escape_debug()),
                expected: "a name that no other webhook has",
            });
        }
    }
    Ok(())
}

/// Refuses a quota on nothing, and two on one namespace.
pub(super) fn check_quotas(quotas: &[QuotaFile]) -> Result<(), ConfigError> {
    let mut namespaces = BTreeSet::new();
    for quota in quotas {
        let is_one = quota.namespace == "*"
            || format!("{}/x", quota.namespace).parse::<mcpkg_core::PackageName>().is_ok();
        if !is_one || !namespaces.insert(quota.namespace.to_ascii_lowercase()) {
            return Err(ConfigError::Value {
                key: "quota.namespace",
                found: format!("`{}`", quota.namespace.escape_debug()),
                expected: "`*` or a namespace that no other quota is about",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_public_and_encrypted_unless_it_was_said_otherwise() {
        for (url, is_private_allowed, is_one) in [
            ("https://hooks.acme.example/mcp", false, true),
            ("https://93.184.216.34/", false, true),
            ("http://hooks.acme.example/", false, false),
            ("https://127.0.0.1/", false, false),
            ("https://[::1]/", false, false),
            ("https://169.254.169.254/", false, false),
            ("https://alice:secret@hooks.acme.example/", false, false),
            ("ftp://hooks.acme.example/", true, false),
            ("http://127.0.0.1:9/", true, true),
        ] {
            let webhook = WebhookFile {
                name: "ops".to_owned(),
                url: url.parse().unwrap(),
                events: BTreeSet::new(),
                key: "key".into(),
                private_addresses: is_private_allowed,
                ca: None,
                retry_seconds: 5,
            };
            assert_eq!(check_webhooks(std::slice::from_ref(&webhook)).is_ok(), is_one, "{url}");
            assert!(check_webhooks(&[webhook.clone(), webhook]).is_err(), "two of one name");
        }
    }

    #[test]
    fn a_quota_is_about_one_namespace() {
        let quota = |namespace: &str| QuotaFile {
            namespace: namespace.to_owned(),
            releases: Some(1),
            bytes: None,
        };
        for (namespaces, is_good) in [
            (&["com.acme", "*"][..], true),
            (&["com.acme", "Com.Acme"], false),
            (&["com.acme/weather"], false),
            (&[""], false),
        ] {
            let quotas: Vec<_> = namespaces.iter().map(|it| quota(it)).collect();
            assert_eq!(check_quotas(&quotas).is_ok(), is_good, "{namespaces:?}");
        }
    }
}
