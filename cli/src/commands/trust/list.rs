//! `mcpkg trust list`: who may vouch, where that is from, and how current it is.

use std::fmt::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::namespace::NamePattern;
use mcpkg_verify::tuf::{PUBLIC_GOOD_URL, TufStatus};
use serde::Serialize;

use crate::commands::Context;
use crate::error::Result;
use crate::ops::trust::{
    CurrentRoot, PUBLIC_GOOD, age, named_key, named_root, public_good, read_root,
};

/// One that may vouch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    kind: Kind,
    from: String,
    /// The one registry that it counts for, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    namespaces: Vec<NamePattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<TufStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_stale: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Sigstore,
    Key,
}

impl Row {
    fn new(name: &str, kind: Kind, from: String, namespaces: &[NamePattern]) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            from,
            registry: None,
            namespaces: namespaces.to_vec(),
            fingerprint: None,
            status: None,
            is_stale: None,
            valid_from: None,
            valid_until: None,
            problem: None,
        }
    }

    /// The same, with what is known of the root, or why nothing is.
    fn with_root(mut self, current: Result<CurrentRoot>, now: Timestamp) -> Self {
        match current {
            Ok(CurrentRoot { root, status }) => {
                self.fingerprint = Some(root.fingerprint());
                self.is_stale = status.map(|status| status.is_stale(now));
                self.status = status;
            }
            Err(error) => self.fail(&error),
        }
        self
    }

    fn fail(&mut self, error: &dyn std::error::Error) {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let causes: Vec<_> = causes.map(ToString::to_string).collect();
        self.problem = Some(causes.join(": "));
    }
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let (places, now) = (&context.places, context.now);

    let current = public_good(places, now);
    let is_embedded = current.as_ref().is_ok_and(|current| current.status.is_none());
    let from = if is_embedded {
        concat!("built into mcpkg ", env!("CARGO_PKG_VERSION")).to_owned()
    } else {
        PUBLIC_GOOD_URL.to_owned()
    };
    let all = [NamePattern::All];
    let mut rows = vec![Row::new(PUBLIC_GOOD, Kind::Sigstore, from, &all).with_root(current, now)];
    for named in &config.trust_roots {
        let file = places.config.join(&named.file).display().to_string();
        let from = named.tuf.as_ref().map_or(file, ToString::to_string);
        let row = Row::new(&named.name, Kind::Sigstore, from, &named.namespaces);
        rows.push(row.with_root(named_root(named, places, now), now));
    }
    for named in &config.trust_keys {
        let from = places.config.join(&named.file).display().to_string();
        let mut row = Row::new(&named.name, Kind::Key, from, &named.namespaces);
        (row.valid_from, row.valid_until) = (named.valid_from, named.valid_until);
        match named_key(named, places) {
            Ok(key) => row.fingerprint = Some(key.fingerprint()),
            Err(error) => row.fail(&error),
        }
        rows.push(row);
    }
    for registry in &config.registries {
        for root in &registry.trust_roots {
            let path = places.config.join(&root.file);
            let from = path.display().to_string();
            let mut row = Row::new(&registry.name, Kind::Sigstore, from, &root.namespaces);
            row.registry = Some(registry.name.clone());
            let current = read_root(&path).map(|root| CurrentRoot { root, status: None });
            rows.push(row.with_root(current, now));
        }
    }
    for registry in config.registries.iter().filter(|registry| !registry.public_good) {
        let what = format!("`{PUBLIC_GOOD}` does not count for what it serves");
        context.ui.detail(&registry.name, what);
    }
    context.ui.data(&rows, || rows.iter().map(|row| text(row, now)).collect())?;
    Ok(ExitCode::SUCCESS)
}

/// A few lines on one of them.
fn text(row: &Row, now: Timestamp) -> String {
    let names: Vec<_> = row.namespaces.iter().map(ToString::to_string).collect();
    let kind = match row.kind {
        Kind::Sigstore => "Sigstore",
        Kind::Key => "key",
    };
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<15}{value}");
    };
    line(&row.name, &format!("{kind} for {}", names.join(" ")));
    line("  from", &row.from);
    if let Some(registry) = &row.registry {
        line("  registry", &format!("{registry}, and no other"));
    }
    if let Some(fingerprint) = &row.fingerprint {
        line("  fingerprint", &format!("{fingerprint}"));
    }
    if let Some(status) = &row.status {
        line("  version", &format!("{}, targets {}", status.root_version, status.targets_version));
        let age = status.refreshed_at.map_or("unknown".to_owned(), |at| age(now, at));
        let stale =
            if row.is_stale == Some(true) { ", stale: run `mcpkg trust update`" } else { "" };
        line("  age", &format!("{age}{stale}"));
        line("  fresh until", &status.fresh_until.to_string());
        line("  expires", &status.expires.to_string());
    }
    for (label, time) in [("  valid from", row.valid_from), ("  valid until", row.valid_until)] {
        if let Some(time) = time {
            line(label, &time.to_string());
        }
    }
    if let Some(problem) = &row.problem {
        line("  UNUSABLE", problem);
    }
    text
}
