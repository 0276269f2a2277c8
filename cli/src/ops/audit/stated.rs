//! What was stated about an installed release since.

use mcpkg_core::Coded as _;
use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use mcpkg_verify::TrustStore;

use super::{Finding, Kind};
use crate::agents::Scope;
use crate::ops::log::Contact;
use crate::ops::{link, release};

/// That it was withdrawn, and that somebody else publishes its package or will: from the
/// signed index, and then with the reason from what was signed.
pub fn stated(
    server: &LockedServer,
    scope: Scope,
    contact: &mut Contact<'_>,
    trust: &TrustStore,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let status = contact.status(&server.version);
    let kind = match status {
        Status::Active => None,
        Status::Yanked => Some(Kind::Yanked),
        Status::Deprecated => Some(Kind::Deprecated),
    };
    if let Some(kind) = kind {
        let remark = release::remark(contact, &server.version, trust);
        let message = match remark {
            Ok(remark) => remark.unwrap_or_else(|| format!("it is {status}")),
            Err(error) => {
                format!("it is {status}, and why cannot be read: {error} [{}]", error.code())
            }
        };
        let fix = format!("`mcpkg update {} --scope {}`", server.name, link::scope_word(scope));
        found.push(Finding::of(kind, scope, server, message, fix));
    }
    if let Some(withheld) = contact.index.withheld.iter().find(|it| it.version == server.version) {
        let message =
            format!("its registry does not give it out: {} [{}]", withheld.reason, withheld.code);
        let fix = "ask whoever runs the registry; `mcpkg outdated` shows what else there is";
        found.push(Finding::of(Kind::Withheld, scope, server, message, fix));
    }
    if let Some(announced) = &contact.index.announced
        && server.publisher.difference(&announced.publisher).is_some()
    {
        let message = format!(
            "from {} on it is published by {} (entry {})",
            announced.effective,
            announced.publisher.reference(),
            announced.entry
        );
        let fix = "ask its publisher whether that is meant; `mcpkg info` shows who announced it";
        found.push(Finding::of(Kind::Publisher, scope, server, message, fix));
    }
    if let Some(difference) = server.publisher.difference(&contact.index.publisher) {
        let message = format!(
            "the package is bound to another publisher than you pinned: its {} is `{}` now",
            difference.what, difference.found
        );
        let fix = "`mcpkg info` shows who changed it; accept it with `--accept-publisher`, or not";
        found.push(Finding::of(Kind::Publisher, scope, server, message, fix));
    }
    found
}
