//! What the commands that judge releases have in common.

use std::collections::BTreeSet;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::Policy;
use mcpkg_core::project::VersionRange;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Platform, Version};
use mcpkg_verify::TrustStore;

use super::Context;
use crate::agents::Scope;
use crate::args::{AcceptArgs, parse_release};
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::log::{Anchor, Contact};
use crate::ops::release::{self, Terms, TrustedRelease};
use crate::ops::standing::{Standing, Wish};

/// The policy for `source`, with what the user accepts beside it.
pub(super) fn policy(source: &RegistryConfig, accept: &AcceptArgs) -> Result<Policy> {
    let argument =
        |what, found: &str, reason| Error::Argument { what, found: found.to_owned(), reason };
    let releases: Result<BTreeSet<_>> = accept
        .accept_fresh
        .iter()
        // Those of other ecosystems are for what comes from there.
        .filter(|text| text.parse::<mcpkg_upstream::Release>().is_err())
        .map(|text| parse_release(text).map_err(|reason| argument("release", text, reason)))
        .collect();
    let publishers: Result<BTreeSet<_>> = accept
        .accept_publisher
        .iter()
        .map(|text| match Publisher::from_reference(text) {
            Ok(publisher) => Ok(publisher.reference()),
            Err(error) => Err(argument("publisher", text, error.to_string())),
        })
        .collect();
    Ok(Policy { accept_fresh: releases?, accept_publishers: publishers?, ..source.policy() })
}

/// Where `installed`, or nothing yet, stands among the releases that `range` admits.
pub(super) fn standing(
    contact: &Contact<'_>,
    installed: Option<&Version>,
    range: Option<&VersionRange>,
    policy: &Policy,
    context: &Context,
) -> Standing {
    let wish = Wish { range, policy, host: Platform::current(), now: context.now };
    Standing::of(&contact.index, installed, wish)
}

/// Asks for a release, verifies it, says what there is to know of it, and judges it.
pub(super) fn release(
    contact: &mut Contact<'_>,
    version: &Version,
    trust: &TrustStore,
    terms: Terms<'_>,
    context: &Context,
) -> Result<TrustedRelease> {
    let document = contact.release(version);
    context.ui.warn_all(&std::mem::take(&mut contact.warnings));
    let name = contact.index.name.clone();
    let anchor = Anchor::Contact(contact);
    let signed = release::read(document?, (&name, version), trust, anchor)?;
    for remark in signed.remarks(terms.locked) {
        context.ui.warn(remark);
    }
    signed.judge(anchor, terms)
}

/// Says how what is installed differs from a release that is only looked at.
pub(super) fn compare(
    release: &TrustedRelease,
    locked: &LockedServer,
    contact: &mut Contact<'_>,
    trust: &TrustStore,
    context: &Context,
) -> Result<()> {
    if locked.publisher.difference(&release.publisher).is_some() {
        let what = release.bindings.explain(&locked.publisher, &release.publisher);
        context.ui.warn(format!("you have installed {} by another publisher: {what}", locked.name));
    }
    if locked.version == release.document.version {
        return Ok(());
    }
    warn_of_locked(contact, locked, trust, context)
}

/// What is installed of a package from `source`, for the user or else the project.
pub(super) fn installed(
    name: &PackageName,
    source: &RegistryConfig,
    context: &Context,
) -> Result<Option<LockedServer>> {
    for scope in [Scope::User, Scope::Project] {
        let file = match scope {
            Scope::User | Scope::Local => LockFile::read(scope, &context.places)?,
            Scope::Project => LockFile::read_project(&context.places.project)?,
        };
        let found = file.lock.get(name).filter(|it| it.registry == source.url.as_str());
        if let Some(found) = found {
            return Ok(Some(found.clone()));
        }
    }
    Ok(None)
}

/// Says whether the publisher of what is installed still stands by it.
pub(super) fn warn_of_locked(
    contact: &mut Contact<'_>,
    locked: &LockedServer,
    trust: &TrustStore,
    context: &Context,
) -> Result<()> {
    let remark = release::remark(contact, &locked.version, trust)?;
    context.ui.warn_all(&std::mem::take(&mut contact.warnings));
    if let Some(remark) = remark {
        context.ui.warn(format!("what you have installed of {}: {remark}", locked.name));
    }
    Ok(())
}
